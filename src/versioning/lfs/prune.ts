import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock, WaybillError } from "../../foundation/index.ts";
import { connectServer, type ObjectId } from "./api.ts";
import { findEndpoint } from "./endpoint.ts";
import { hasObject, objectPath } from "./objects.ts";
import { isOid } from "./pointer.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";
import {
  type FoundPointer,
  hasCommit,
  pointersInHistory,
  pointersInIndex,
  pointersInTree,
} from "./scan.ts";

const DAY_MS = 24 * 3600 * 1000;
const BATCH_SIZE = 100;

/** How carefully local objects are deleted. */
export interface PruneOptions {
  readonly dryRun?: boolean;
  /** Deletes only what the remote says that it has. */
  readonly verifyRemote?: boolean;
  /** Keeps nothing for being recent; what is checked out and what is not pushed stays nevertheless. */
  readonly recent?: boolean;
  readonly clock?: Clock;
}

/** What was deleted, or would be with `dryRun`. */
export interface PruneResult {
  readonly localCount: number;
  readonly deleted: readonly ObjectId[];
  /** With `verifyRemote`, what the remote lacks and therefore stays. */
  readonly unverified: readonly ObjectId[];
}

/**
 * Deletes local objects that can be fetched again. Kept is what the index, the checked-out commits of all work trees,
 * stashes, commits that no branch of the remote (`lfs.pruneremotetocheck`, default origin) has, and recent
 * branches and commits (`lfs.fetchrecent*days` plus `lfs.pruneoffsetdays`) need.
 */
export async function prune(
  repository: LfsRepository,
  options: PruneOptions = {},
): Promise<PruneResult> {
  const local = [...localObjects(repository)];
  const needed = await neededObjects(repository, options);
  const surplus = local.filter(({ oid }) => !needed.has(oid));
  const mustVerify =
    options.verifyRemote ?? repository.config.flag("lfs.pruneverifyremotealways", false);
  const unverified = mustVerify ? await missingAtRemote(repository, surplus) : new Set<string>();
  const deleted = surplus.filter(({ oid }) => !unverified.has(oid));
  if (options.dryRun !== true) {
    for (const { oid } of deleted) rmSync(objectPath(repository, oid), { force: true });
  }
  return {
    localCount: local.length,
    deleted,
    unverified: surplus.filter(({ oid }) => unverified.has(oid)),
  };
}

/** Every object in the repository's LFS folder. */
export function* localObjects(repository: LfsRepository): Generator<ObjectId> {
  const root = join(repository.storage, "objects");
  for (const first of namesIn(root)) {
    if (!/^[0-9a-f]{2}$/u.test(first)) continue;
    for (const second of namesIn(join(root, first))) {
      for (const oid of namesIn(join(root, first, second))) {
        const info = statSync(join(root, first, second, oid), { throwIfNoEntry: false });
        const isPlaced = isOid(oid) && oid.startsWith(first + second);
        if (isPlaced && info?.isFile() === true) yield { oid, size: info.size };
      }
    }
  }
}

async function neededObjects(
  repository: LfsRepository,
  options: PruneOptions,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const keep = async (pointers: AsyncIterable<FoundPointer>) => {
    for await (const { pointer } of pointers) needed.add(pointer.oid);
  };
  if (repository.workTree !== undefined) await keep(pointersInIndex(repository));
  if (!hasCommit(repository)) return needed;
  const remote = repository.config.get("lfs.pruneremotetocheck") ?? "origin";
  const unpushed = ["--not", `--remotes=${remote.replaceAll(/[*?[\]\\]/gu, "\\$&")}`];
  await keep(pointersInHistory(repository, ["HEAD", "--branches", "--tags", ...unpushed]));
  const heads = linesOf(repository, ["worktree", "list", "--porcelain"])
    .filter((line) => line.startsWith("HEAD "))
    .map((line) => line.slice("HEAD ".length))
    .filter((commit) => !/^0+$/u.test(commit));
  for (const commit of heads) await keep(pointersInTree(repository, commit));
  const stashes = linesOf(repository, ["reflog", "show", "--format=%H", "refs/stash", "--"]);
  if (stashes.length > 0) {
    await keep(pointersInHistory(repository, [...stashes, ...unpushed]));
    // The stashed state itself, also where its commits' files are pushed already.
    for (const commit of stashes) await keep(pointersInTree(repository, commit));
  }
  if (options.recent !== true) await keepRecent(repository, options.clock ?? systemClock, keep);
  return needed;
}

async function keepRecent(
  repository: LfsRepository,
  clock: Clock,
  keep: (pointers: AsyncIterable<FoundPointer>) => Promise<void>,
): Promise<void> {
  const { config } = repository;
  const offset = config.count("lfs.pruneoffsetdays", 3);
  const refDays = config.count("lfs.fetchrecentrefsdays", 7);
  const commitDays = config.count("lfs.fetchrecentcommitsdays", 0);
  const withRemotes = config.flag("lfs.fetchrecentremoterefs", true);
  const secondsAgo = (days: number) => Math.floor((clock.nowMs() - days * DAY_MS) / 1000);
  if (refDays > 0) {
    const format = "--format=%(objectname) %(objecttype) %(committerdate:unix)";
    const kinds = ["refs/heads", ...(withRemotes ? ["refs/remotes"] : [])];
    for (const line of linesOf(repository, ["for-each-ref", format, ...kinds])) {
      const [commit = "", type, seconds] = line.split(" ");
      if (type !== "commit" || Number(seconds) < secondsAgo(refDays + offset)) continue;
      await keep(pointersInTree(repository, commit));
    }
  }
  if (commitDays > 0) {
    const since = `--since=${secondsAgo(commitDays + offset)}`;
    await keep(pointersInHistory(repository, ["--all", since]));
  }
}

async function missingAtRemote(
  repository: LfsRepository,
  objects: readonly ObjectId[],
): Promise<ReadonlySet<string>> {
  const remote = repository.config.get("lfs.pruneremotetocheck") ?? "origin";
  const endpoint = findEndpoint(repository, remote, "download");
  const missing = new Set<string>();
  if (endpoint.kind === "folder") {
    const other = { ...repository, storage: endpoint.storage };
    for (const { oid, size } of objects) if (!hasObject(other, oid, size)) missing.add(oid);
    return missing;
  }
  using server = connectServer(repository, endpoint);
  for (let at = 0; at < objects.length; at += BATCH_SIZE) {
    const group = objects.slice(at, at + BATCH_SIZE);
    const answered = await server.batch("download", group, undefined);
    const there = new Set(
      answered.filter(({ actions }) => actions.download !== undefined).map(({ oid }) => oid),
    );
    for (const { oid } of group) if (!there.has(oid)) missing.add(oid);
  }
  return missing;
}

function linesOf(repository: LfsRepository, args: readonly string[]): readonly string[] {
  const { exitCode, stdout } = tryGit(folderOf(repository), args);
  if (exitCode !== 0) return [];
  return stdout.split("\n").filter((line) => line !== "");
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const failure = WaybillError.from(error);
    const isNothing = failure.code === "not_found" || failure.code === "invalid_argument";
    if (isNothing) return [];
    throw failure;
  }
}
