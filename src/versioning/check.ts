import { statSync } from "node:fs";
import { type Progress, WaybillError } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { digestWorkspaceFile } from "./copying.ts";
import { openIgnore } from "./ignore.ts";
import { isPlaceInRepo } from "./place.ts";
import { openRemote } from "./remotes.ts";
import type { Repo } from "./repo.ts";
import { type RevisionScope, trackedInRevisions } from "./revisions.ts";
import { findTrackedFiles, placeOf } from "./tracked.ts";

export interface CheckOptions extends RevisionScope {
  /** Checks this remote too. */
  readonly remote?: string;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** An object that is not what its name says, or not there. */
export interface ObjectFault {
  /** "cache", or the remote's name. */
  readonly where: string;
  readonly md5: string;
  readonly fault: "missing" | "damaged" | "unreadable";
  /** The digest that a damaged object has. */
  readonly found: string | undefined;
  /** The tracked paths that cannot be had from there because of it. */
  readonly breaks: readonly string[];
}

/** What a check found; `faults` is empty when all is well. */
export interface CheckResult {
  readonly checkedCount: number;
  readonly sizeBytes: number;
  readonly faults: readonly ObjectFault[];
}

const OBJECTS_PER_REPORT = 500;

/**
 * Reads every object of the cache, and of a remote, and tells each that is damaged, and each that is missing though
 * something tracked needs it, with the paths that this breaks. Nothing is changed.
 */
export async function checkData(repo: Repo, options: CheckOptions = {}): Promise<CheckResult> {
  const stores: { where: string; objects: Cache }[] = [
    { where: "cache", objects: openCache(repo) },
  ];
  if (options.remote !== undefined) {
    const remote = openRemote(repo, options.remote);
    stores.push({ where: remote.name, objects: remote.objects });
  }
  const total = { checkedCount: 0, sizeBytes: 0, faults: [] as ObjectFault[] };
  for (const { where, objects } of stores) {
    const damaged = await readAll(where, objects, options, total);
    const users = await usersOf(repo, objects, damaged, options);
    for (const [md5, found] of damaged) {
      const fault = found === undefined ? "unreadable" : "damaged";
      total.faults.push({ where, md5, fault, found, breaks: users.get(md5) ?? [] });
    }
    for (const md5 of objects.missing(users.keys())) {
      const breaks = users.get(md5) ?? [];
      total.faults.push({ where, md5, fault: "missing", found: undefined, breaks });
    }
  }
  return total;
}

/** The digests of objects that do not have the one of their name; undefined for one that cannot be read. */
async function readAll(
  where: string,
  objects: Cache,
  options: CheckOptions,
  total: { checkedCount: number; sizeBytes: number },
): Promise<Map<string, string | undefined>> {
  const damaged = new Map<string, string | undefined>();
  const names = objects.list();
  for (const md5 of names) {
    options.signal?.throwIfAborted();
    const path = objects.pathOf(md5);
    try {
      const { size } = statSync(path);
      const digest = await digestWorkspaceFile(path, size, "md5", options.signal);
      if (digest !== md5.slice(0, 32)) damaged.set(md5, digest);
      total.sizeBytes += size;
    } catch (error) {
      if (WaybillError.from(error).code === "cancelled") throw error;
      damaged.set(md5, undefined);
    }
    total.checkedCount += 1;
    if (total.checkedCount % OBJECTS_PER_REPORT === 0) {
      options.progress?.report(`objects of ${where}`, total.checkedCount, names.length);
    }
  }
  return damaged;
}

/** Which tracked paths need which object. */
async function usersOf(
  repo: Repo,
  objects: Cache,
  damaged: ReadonlyMap<string, unknown>,
  options: CheckOptions,
): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>();
  const add = (md5: string, path: string): void => {
    const paths = users.get(md5) ?? [];
    users.set(md5, paths);
    if (!paths.includes(path)) paths.push(path);
  };
  const current = await findTrackedFiles(repo, openIgnore(repo.root));
  for (const file of [...current, ...(await trackedInRevisions(repo, options))]) {
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      const isCounted = out.isCached && out.hashName === "md5" && isPlaceInRepo(place);
      if (out.md5 === undefined || !isCounted) continue;
      add(out.md5, place);
      const isReadable = objects.has(out.md5) && !damaged.has(out.md5);
      if (!out.md5.endsWith(".dir") || !isReadable) continue;
      for (const { relpath, md5 } of objects.readFolderObject(out.md5)) {
        add(md5, `${place}/${relpath}`);
      }
    }
  }
  return users;
}
