import { type Cache, openCache } from "./cache.ts";
import { compareCodePoints } from "./formats/dir-object.ts";
import { openIgnore } from "./ignore.ts";
import { compareListings, type Listing, listRecorded, listWorkspace } from "./listing.ts";
import type { Repo } from "./repo.ts";
import { hasCommits, resolveRevision, trackedAt } from "./revisions.ts";
import { findTrackedFiles, type TrackedFile } from "./tracked.ts";

/** A path that differs; a folder's ends in `/`. */
export interface DiffEntry {
  readonly path: string;
  readonly hash?: string | { readonly old: string; readonly new: string };
}

/** A path that went and came back under another name with the same content. */
export interface RenameEntry {
  readonly path: { readonly old: string; readonly new: string };
  readonly hash?: string;
}

/** dvc's `diff --json`. */
export interface Diff {
  readonly added: readonly DiffEntry[];
  readonly deleted: readonly DiffEntry[];
  readonly modified: readonly DiffEntry[];
  readonly renamed: readonly RenameEntry[];
  /** Only against the workspace: what the older side names and the cache lacks. */
  readonly "not in cache"?: readonly DiffEntry[];
}

export interface DiffOptions {
  /** The older side, a revision of git; `HEAD` by default. */
  readonly from?: string | undefined;
  /** The newer side, a revision of git; the workspace by default. */
  readonly to?: string | undefined;
  /** Only paths at or below these (in the repository, with `/`). */
  readonly targets?: readonly string[];
  /** Tells digests too. */
  readonly hasHashes?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * What changed in the data between two revisions, or between one and the workspace.
 * @returns undefined when nothing did
 * @throws WaybillError `not_found` for a revision that git does not know
 */
export async function diff(repo: Repo, options: DiffOptions = {}): Promise<Diff | undefined> {
  const { from = "HEAD", to, targets = [], hasHashes = false, signal } = options;
  if (repo.noScm || !(await hasCommits(repo))) return undefined;
  const cache = openCache(repo);
  if (
    to !== undefined &&
    (await resolveRevision(repo, from)) === (await resolveRevision(repo, to))
  ) {
    return undefined;
  }
  const before = listRecorded(cache, await trackedAt(repo, from));
  const after = await listingAt(repo, cache, to, signal);
  const isMeant = (path: string) =>
    targets.length === 0 ||
    targets.some((target) => path === target || path.startsWith(`${target}/`));
  const answer = {
    added: [] as DiffEntry[],
    deleted: [] as DiffEntry[],
    modified: [] as DiffEntry[],
    renamed: [] as RenameEntry[],
  };
  for (const change of compareListings(before, after)) {
    const end = change.isFolder ? "/" : "";
    if (change.kind === "renamed") {
      if (!isMeant(change.to) && !isMeant(change.from)) continue;
      const path = { old: change.from + end, new: change.to + end };
      answer.renamed.push({ path, ...(hasHashes ? { hash: change.md5 } : {}) });
    } else if (change.kind !== "unchanged" && isMeant(change.path)) {
      const { old = "", new: now = "" } = change;
      const hash = change.kind === "modified" ? { old, new: now } : old || now;
      answer[change.kind].push({ path: change.path + end, ...(hasHashes ? { hash } : {}) });
    }
  }
  const missing = to === undefined ? missingEntries(cache, before, isMeant, hasHashes) : undefined;
  const lists = [...Object.values(answer), missing ?? []];
  if (lists.every((list) => list.length === 0)) return undefined;
  for (const list of lists) list.sort((a, b) => compareCodePoints(keyOf(a), keyOf(b)));
  return missing === undefined ? answer : { ...answer, "not in cache": missing };
}

async function listingAt(
  repo: Repo,
  cache: Cache,
  revision: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Listing> {
  if (revision !== undefined) return listRecorded(cache, await trackedAt(repo, revision));
  const files: readonly TrackedFile[] = await findTrackedFiles(repo, openIgnore(repo.root));
  return listWorkspace(repo, files, { signal });
}

function missingEntries(
  cache: Cache,
  listing: Listing,
  isMeant: (path: string) => boolean,
  hasHashes: boolean,
): DiffEntry[] {
  const missing = new Set(cache.missing([...listing.entries.values()].map(({ md5 }) => md5)));
  return [...listing.entries]
    .filter(([path, { md5 }]) => missing.has(md5) && isMeant(path))
    .map(([path, { md5 }]) => ({
      path: md5.endsWith(".dir") ? `${path}/` : path,
      ...(hasHashes ? { hash: md5 } : {}),
    }));
}

function keyOf(entry: DiffEntry | RenameEntry): string {
  return typeof entry.path === "string" ? entry.path : entry.path.old;
}
