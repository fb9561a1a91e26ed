import { statSync } from "node:fs";
import { type Progress, WaybillError } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { openIgnore } from "./ignore.ts";
import { openRemote } from "./remotes.ts";
import type { Repo } from "./repo.ts";
import { type RevisionScope, trackedInRevisions } from "./revisions.ts";
import { findTrackedFiles } from "./tracked.ts";
import { holdForCollection } from "./writers.ts";

export interface GcOptions extends RevisionScope {
  /** Keeps what the workspace's `.dvc` files name; the commits in scope are kept besides. */
  readonly workspace?: boolean;
  /** Cleans a remote too: the default one when `remote` is not given. */
  readonly cloud?: boolean;
  readonly remote?: string;
  /** Removes nothing, says only what would go. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** What was removed, or would be. */
export interface GcResult {
  readonly removed: readonly string[];
  readonly sizeBytes: number;
  readonly keptCount: number;
}

/**
 * Removes the cache objects that nothing in scope uses. Folder objects are read before anything goes: one that
 * is missing or damaged stops the collection, since its files could not be told from waste.
 * @throws WaybillError `invalid_argument` without a scope, `data_loss` for a damaged folder object
 */
export async function gc(repo: Repo, options: GcOptions): Promise<GcResult> {
  const { workspace = false, allBranches, allTags, allCommits } = options;
  if (!(workspace || allBranches || allTags || allCommits)) {
    throw new WaybillError("invalid_argument", "Nothing was said of what to keep.", {
      hint: "Give a scope: the workspace (-w), all branches (-a), all tags (-T) or all commits (-A).",
    });
  }
  const cache = openCache(repo);
  using _held = await holdForCollection(repo, options.signal);
  const used = new Set<string>();
  const files = [
    // Even with only a scope of commits the workspace's own data is kept, as dvc does.
    ...(await findTrackedFiles(repo, openIgnore(repo.root))),
    ...(await trackedInRevisions(repo, options)),
  ];
  for (const file of files) {
    for (const { md5, hashName } of [...file.content.outs, ...file.content.deps]) {
      if (md5 === undefined || used.has(md5)) continue;
      used.add(md5);
      if (!md5.endsWith(".dir") || hashName !== "md5" || !cache.has(md5)) continue;
      for (const entry of cache.readFolderObject(md5)) used.add(entry.md5);
    }
  }
  const result = collect(cache, used, options);
  if (options.cloud !== true && options.remote === undefined) return result;
  const remote = openRemote(repo, options.remote);
  const inRemote = collect(remote.objects, usedWithRemote(remote.objects, used), options);
  return {
    removed: [...result.removed, ...inRemote.removed],
    sizeBytes: result.sizeBytes + inRemote.sizeBytes,
    keptCount: result.keptCount + inRemote.keptCount,
  };
}

/** Folder objects that the cache lacks may still be in the remote, and name files there. */
function usedWithRemote(remote: Cache, used: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(used);
  for (const md5 of used) {
    if (!md5.endsWith(".dir") || !remote.has(md5)) continue;
    for (const entry of remote.readFolderObject(md5)) all.add(entry.md5);
  }
  return all;
}

function collect(objects: Cache, used: ReadonlySet<string>, options: GcOptions): GcResult {
  const all = objects.list();
  const removed = all.filter((md5) => !used.has(md5));
  let sizeBytes = 0;
  // Folder objects first: one that is left behind by a kill must not name files that are gone.
  const inOrder = [...removed].sort(
    (a, b) => Number(b.endsWith(".dir")) - Number(a.endsWith(".dir")),
  );
  for (const [index, md5] of inOrder.entries()) {
    options.signal?.throwIfAborted();
    sizeBytes += statSync(objects.pathOf(md5), { throwIfNoEntry: false })?.size ?? 0;
    if (options.dryRun !== true) objects.remove(md5);
    if (index % 500 === 0) options.progress?.report("objects removed", index, removed.length);
  }
  return { removed, sizeBytes, keptCount: all.length - removed.length };
}
