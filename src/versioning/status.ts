import { join, posix, relative, resolve, sep } from "node:path";
import { type Cache, openCache } from "./cache.ts";
import type { HashName } from "./copying.ts";
import { digestWorkspace } from "./digest.ts";
import type { FolderEntry } from "./formats/dir-object.ts";
import type { TrackedData } from "./formats/dvc-file.ts";
import { type Ignore, openIgnore } from "./ignore.ts";
import type { Repo } from "./repo.ts";
import { isPlaceInRepo, loadTracked, placeOf, type TrackedFile } from "./tracked.ts";

/** What became of an output or dependency since it was recorded, in dvc's words. */
export type ChangeState = "modified" | "deleted" | "new" | "not in cache";

/** One kind of change of a `.dvc` file. */
export type StatusEntry =
  | { readonly "changed outs": Readonly<Record<string, ChangeState>> }
  | { readonly "changed deps": Readonly<Record<string, ChangeState>> };

/** dvc's `status --json`: by `.dvc` file, relative to the working folder; empty when all is as recorded. */
export type Status = Readonly<Record<string, readonly StatusEntry[]>>;

export interface StatusOptions {
  /** `.dvc` files or what they track; all of the repository when empty. */
  readonly targets?: readonly string[];
  /** The folder that the answer's paths are relative to; the repository's root by default. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/**
 * Compares the workspace and the cache with what the `.dvc` files record. Only files whose size, times or
 * inode changed since they were last read are read.
 */
export async function status(repo: Repo, options: StatusOptions = {}): Promise<Status> {
  const cwd = resolve(options.cwd ?? repo.root);
  const ignore = openIgnore(repo.root);
  const cache = openCache(repo);
  const answer: Record<string, readonly StatusEntry[]> = {};
  for (const file of await loadTracked(repo, ignore, options)) {
    const entries: StatusEntry[] = [];
    const context = { repo, cache, ignore, file, cwd, signal: options.signal };
    const deps = file.content.isFrozen ? {} : await statesOf(context, file.content.deps, false);
    if (Object.keys(deps).length > 0) entries.push({ "changed deps": deps });
    const outs = await statesOf(context, file.content.outs, true);
    if (Object.keys(outs).length > 0) entries.push({ "changed outs": outs });
    if (entries.length > 0) answer[shown(repo, cwd, file.path)] = entries;
  }
  return answer;
}

/** A status as dvc prints it, without a newline at the end. */
export function formatStatus(answer: Status): string {
  const lines: string[] = [];
  for (const [file, entries] of Object.entries(answer)) {
    lines.push(`${file}:`);
    for (const entry of entries) {
      for (const [kind, states] of Object.entries(entry)) {
        lines.push(`\t${kind}:`);
        for (const [path, state] of Object.entries(states)) {
          lines.push(`\t\t${`${state}:`.padEnd(20)}${path}`);
        }
      }
    }
  }
  return lines.length === 0 ? "Data and pipelines are up to date." : lines.join("\n");
}

interface Context {
  readonly repo: Repo;
  readonly cache: Cache;
  readonly ignore: Ignore;
  readonly file: TrackedFile;
  readonly cwd: string;
  readonly signal: AbortSignal | undefined;
}

async function statesOf(
  context: Context,
  list: readonly TrackedData[],
  areOuts: boolean,
): Promise<Record<string, ChangeState>> {
  const states: Record<string, ChangeState> = {};
  for (const data of list) {
    const place = placeOf(context.file, data);
    // What was imported from elsewhere is compared with its source by `update`, as in dvc.
    if (!isPlaceInRepo(place) || (!areOuts && data.other["repo"] !== undefined)) continue;
    const state = await stateOf(context, data, place, areOuts);
    if (state !== undefined) states[shown(context.repo, context.cwd, place)] = state;
  }
  return states;
}

/**
 * The state of one output, in the order in which dvc asks: is it in the cache, is it in the workspace, is it
 * the same, was it ever recorded.
 */
async function stateOf(
  { repo, cache, ignore, signal }: Context,
  data: TrackedData,
  place: string,
  isOut: boolean,
): Promise<ChangeState | undefined> {
  const digest = await digestWorkspace(repo, place, ignore, { hashName: data.hashName, signal });
  if (isOut && data.isCached && data.md5 !== undefined) {
    const entries = digest?.md5 === data.md5 ? digest.entries : undefined;
    if (!isInCache(cache, data.md5, data.hashName, entries)) return "not in cache";
  }
  if (digest === undefined) return "deleted";
  if (data.md5 === undefined) return "new";
  return digest.md5 === data.md5 ? undefined : "modified";
}

function isInCache(
  cache: Cache,
  md5: string,
  hashName: HashName,
  known: readonly FolderEntry[] | undefined,
): boolean {
  if (!cache.has(md5, hashName)) return false;
  if (!md5.endsWith(".dir")) return true;
  const entries = known ?? cache.readFolderObject(md5, hashName);
  return (
    cache.missing(
      entries.map((entry) => entry.md5),
      hashName,
    ).length === 0
  );
}

function shown(repo: Repo, cwd: string, place: string): string {
  const path = relative(cwd, join(repo.root, place));
  return sep === posix.sep ? path : path.split(sep).join(posix.sep);
}
