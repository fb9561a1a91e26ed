import { join, posix, relative, resolve, sep } from "node:path";
import { type Cache, openCache } from "./cache.ts";
import type { HashName } from "./copying.ts";
import { digestWorkspace } from "./digest.ts";
import type { FolderEntry } from "./formats/dir-object.ts";
import type { TrackedData } from "./formats/dvc-file.ts";
import { isSameValue, isYamlMap } from "./formats/yaml-values.ts";
import { type Ignore, openIgnore } from "./ignore.ts";
import { commandValue } from "./pipeline/lock.ts";
import { currentParams } from "./pipeline/params.ts";
import { isPlaceInRepo } from "./place.ts";
import type { Repo } from "./repo.ts";
import { loadTracked, placeOf, type TrackedFile } from "./tracked.ts";

/** What became of an output or dependency since it was recorded, in dvc's words. */
export type ChangeState = "modified" | "deleted" | "new" | "not in cache";

/** One kind of change of a `.dvc` file. */
export type StatusEntry =
  | { readonly "changed outs": Readonly<Record<string, ChangeState>> }
  | {
      /** Of a file of parameters it is told which of them changed. */
      readonly "changed deps": Readonly<
        Record<string, ChangeState | Readonly<Record<string, ChangeState>>>
      >;
    }
  | "changed command"
  | "always changed";

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
    const deps = file.content.isFrozen
      ? {}
      : { ...(await statesOf(context, file.content.deps, false)), ...(await paramStates(context)) };
    if (Object.keys(deps).length > 0) entries.push({ "changed deps": deps });
    const outs = await statesOf(context, file.content.outs, true);
    if (Object.keys(outs).length > 0) entries.push({ "changed outs": outs });
    const { stage, locked } = file;
    if (stage?.isAlwaysChanged === true) entries.push("always changed");
    if (stage !== undefined && !isSameValue(commandValue(stage), locked?.command)) {
      entries.push("changed command");
    }
    const path = shown(repo, cwd, file.path);
    const name =
      stage === undefined ? path : path === "dvc.yaml" ? stage.name : `${path}:${stage.name}`;
    if (entries.length > 0) answer[name] = entries;
  }
  return answer;
}

/** A status as dvc prints it, without a newline at the end. */
export function formatStatus(answer: Status): string {
  const lines: string[] = [];
  for (const [file, entries] of Object.entries(answer)) {
    lines.push(`${file}:`);
    for (const entry of entries) {
      if (typeof entry === "string") {
        lines.push(`\t${entry}`);
        continue;
      }
      for (const [kind, states] of Object.entries(entry)) {
        lines.push(`\t${kind}:`);
        for (const [path, state] of Object.entries(states)) {
          if (typeof state === "string") lines.push(`\t\t${`${state}:`.padEnd(20)}${path}`);
          else {
            lines.push(`\t\t${path}:`);
            for (const [param, change] of Object.entries(state)) {
              lines.push(`\t\t\t${`${change}:`.padEnd(20)}${param}`);
            }
          }
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

/** How the parameters of a stage differ from those that it last ran with. */
async function paramStates({
  repo,
  file: { stage, locked },
}: Context): Promise<Record<string, Record<string, ChangeState>>> {
  const states: Record<string, Record<string, ChangeState>> = {};
  if (stage === undefined || stage.params.length === 0) return states;
  const now = await currentParams(repo, stage);
  for (const { file, keys } of stage.params) {
    const before = locked?.params.get(file);
    const values = now.get(file);
    const known = isYamlMap(before) ? before : new Map();
    const current = isYamlMap(values) ? values : new Map();
    const changed: Record<string, ChangeState> = {};
    for (const key of keys ?? new Set([...known.keys(), ...current.keys()])) {
      if (!current.has(key)) changed[key] = "deleted";
      else if (!known.has(key)) changed[key] = "new";
      else if (!isSameValue(known.get(key), current.get(key))) changed[key] = "modified";
    }
    if (Object.keys(changed).length > 0) states[file] = changed;
  }
  return states;
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
