import { relative, resolve } from "node:path";
import { openCache } from "./cache.ts";
import { compareCodePoints } from "./formats/dir-object.ts";
import { runGit } from "./git.ts";
import { openIgnore } from "./ignore.ts";
import { compareListings, type Listing, listRecorded, listWorkspace } from "./listing.ts";
import type { Repo } from "./repo.ts";
import { hasCommits, trackedAt } from "./revisions.ts";
import { findTrackedFiles } from "./tracked.ts";

/** Paths that changed, by how; a folder's path ends in `/`. Kinds without a path are left out. */
export interface DataChanges {
  readonly added?: readonly string[];
  readonly deleted?: readonly string[];
  readonly modified?: readonly string[];
  readonly renamed?: readonly { readonly old: string; readonly new: string }[];
  readonly unknown?: readonly string[];
}

/** dvc's `data status --json`; members that have nothing to say are left out. */
export interface DataStatus {
  readonly not_in_cache?: readonly string[];
  /** The `.dvc` files against the last commit. */
  readonly committed?: DataChanges;
  /** The workspace against the `.dvc` files. */
  readonly uncommitted?: DataChanges;
  readonly untracked?: readonly string[];
  readonly unchanged?: readonly string[];
}

export interface DataStatusOptions {
  /** Tells files of folders one by one. */
  readonly isGranular?: boolean;
  readonly hasUnchanged?: boolean;
  readonly hasUntracked?: boolean;
  /** The folder that untracked files are told relative to; the repository's root by default. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** Says what of the data is changed and not yet recorded, and what is recorded and not yet committed to git. */
export async function dataStatus(repo: Repo, options: DataStatusOptions = {}): Promise<DataStatus> {
  const { isGranular = false, signal } = options;
  const isShallow = !isGranular;
  const cache = openCache(repo);
  const files = await findTrackedFiles(repo, openIgnore(repo.root));
  const index = listRecorded(cache, files, { isShallow });
  const workspace = await listWorkspace(repo, files, { isShallow, signal });
  const hasHead = !repo.noScm && (await hasCommits(repo));
  const head: Listing = hasHead
    ? listRecorded(cache, await trackedAt(repo, "HEAD"), { isShallow })
    : { entries: new Map(), unknown: new Set() };
  const uncommitted = changesOf(index, workspace);
  const committed = changesOf(head, index);
  const absent = new Set(cache.missing([...index.entries.values()].map(({ md5 }) => md5)));
  const notInCache = [...index.entries]
    .filter(([, { md5 }]) => absent.has(md5))
    .map(([path, { md5 }]) => shown(path, md5.endsWith(".dir")))
    .sort(compareCodePoints);
  const unchanged = committed.unchanged.filter((path) => uncommitted.unchanged.includes(path));
  const untracked = options.hasUntracked === true ? await untrackedFiles(repo, options.cwd) : [];
  return {
    ...(notInCache.length === 0 ? {} : { not_in_cache: notInCache }),
    ...(isEmpty(committed.changes) ? {} : { committed: committed.changes }),
    ...(isEmpty(uncommitted.changes) ? {} : { uncommitted: uncommitted.changes }),
    ...(untracked.length === 0 ? {} : { untracked }),
    ...(options.hasUnchanged === true && unchanged.length > 0 ? { unchanged } : {}),
  };
}

function changesOf(
  before: Listing,
  after: Listing,
): { readonly changes: DataChanges; readonly unchanged: readonly string[] } {
  const lists = {
    added: [] as string[],
    deleted: [] as string[],
    modified: [] as string[],
    unchanged: [] as string[],
  };
  const renamed: { old: string; new: string }[] = [];
  for (const change of compareListings(before, after)) {
    if (change.kind === "renamed") {
      const { from, to, isFolder } = change;
      renamed.push({ old: shown(from, isFolder), new: shown(to, isFolder) });
    } else {
      lists[change.kind].push(shown(change.path, change.isFolder));
    }
  }
  const unknown = [...before.unknown].flatMap((root) =>
    [...after.entries]
      .filter(([path, entry]) => entry.root === root && path !== root)
      .map(([path]) => path),
  );
  const { unchanged, ...changed } = lists;
  const changes = Object.fromEntries(
    [...Object.entries(changed), ["renamed", renamed] as const, ["unknown", unknown] as const]
      .filter(([, list]) => list.length > 0)
      .map(([kind, list]) => [kind, [...list].sort(comparePaths)]),
  );
  return { changes, unchanged: unchanged.sort(compareCodePoints) };
}

async function untrackedFiles(repo: Repo, cwd: string | undefined): Promise<readonly string[]> {
  if (repo.noScm) return [];
  const result = await runGit(repo.root, ["ls-files", "--others", "--exclude-standard", "-z"]);
  const files =
    result?.stdout
      .toString()
      .split("\0")
      .filter((file) => file !== "") ?? [];
  const base = resolve(cwd ?? repo.root);
  return files.map((file) => relative(base, resolve(repo.root, file))).sort(compareCodePoints);
}

function shown(path: string, isFolder: boolean): string {
  return isFolder ? `${path}/` : path;
}

function isEmpty(changes: DataChanges): boolean {
  return Object.keys(changes).length === 0;
}

function comparePaths(
  a: string | { readonly old: string },
  b: string | { readonly old: string },
): number {
  const key = (path: string | { readonly old: string }) =>
    typeof path === "string" ? path : path.old;
  return compareCodePoints(key(a), key(b));
}
