import { lstatSync, mkdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Progress, WaybillError } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { digestWorkspace } from "./digest.ts";
import type { FolderEntry } from "./formats/dir-object.ts";
import type { TrackedData } from "./formats/dvc-file.ts";
import { type Ignore, openIgnore } from "./ignore.ts";
import { isPlaceInRepo } from "./place.ts";
import type { Repo } from "./repo.ts";
import { type KnownFile, writeKnownDigests } from "./stat-cache.ts";
import { loadTracked, placeOf } from "./tracked.ts";

export interface CheckoutOptions {
  /** `.dvc` files or what they track; all of the repository when empty. */
  readonly targets?: readonly string[];
  /** The folder that targets are relative to; the repository's root by default. */
  readonly cwd?: string;
  /** Discards changes of the workspace that are in no cache. */
  readonly force?: boolean;
  /** Makes every link anew, for after `cache.type` was changed. */
  readonly relink?: boolean;
  /** Passes by what the cache does not have, instead of failing at the end. */
  readonly allowMissing?: boolean;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** What a checkout did, by path in the repository; a folder's path ends in `/`. */
export interface CheckoutResult {
  readonly added: readonly string[];
  readonly modified: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Makes the workspace what the `.dvc` files record. A file or folder whose objects are not all there is left
 * alone, and the others are still done.
 * @throws WaybillError `failed_precondition` when changes that are in no cache would be lost, `not_found`
 *   when objects are missing, `data_loss` when one is damaged
 */
export async function checkout(repo: Repo, options: CheckoutOptions = {}): Promise<CheckoutResult> {
  const { force = false, relink = false, allowMissing = false, signal, progress } = options;
  const ignore = openIgnore(repo.root);
  const cache = openCache(repo);
  const result = { added: [] as string[], modified: [] as string[], deleted: [] as string[] };
  const failures: WaybillError[] = [];
  for (const file of await loadTracked(repo, ignore, options)) {
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      if (!isPlaceInRepo(place) || !out.isCached || out.md5 === undefined) continue;
      signal?.throwIfAborted();
      try {
        const work = { repo, cache, ignore, place, out, force, relink, signal, progress };
        const change = await checkoutData(work);
        const shown = out.md5.endsWith(".dir") ? `${place}/` : place;
        if (change !== undefined) result[change].push(shown);
      } catch (error) {
        const failure = WaybillError.from(error);
        if (failure.code === "cancelled") throw failure;
        if (!(allowMissing && failure.code === "not_found")) failures.push(failure);
      }
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return result;
  if (others.length === 0) throw first;
  throw new WaybillError(
    first.code,
    `${failures.length} checkouts failed:\n${failures.map(({ message }) => message).join("\n")}`,
    { hint: first.hint, cause: first },
  );
}

/** One file or folder to check out. */
export interface CheckoutWork {
  readonly repo: Repo;
  readonly cache: Cache;
  readonly ignore: Ignore;
  readonly place: string;
  readonly out: TrackedData;
  readonly force: boolean;
  readonly relink: boolean;
  readonly signal: AbortSignal | undefined;
  readonly progress: Progress | undefined;
}

/** Makes one file or folder of the workspace what is recorded of it; see {@link checkout}. */
export async function checkoutData(work: CheckoutWork): Promise<"added" | "modified" | undefined> {
  const { repo, cache, ignore, place, out, signal } = work;
  const md5 = out.md5 ?? "";
  const { hashName } = out;
  const now = await digestOrUnreadable(work);
  if (now?.md5 === md5 && !work.relink) return undefined;
  const isFolder = md5.endsWith(".dir");
  const wanted: readonly FolderEntry[] = isFolder
    ? cache.readFolderObject(md5, hashName)
    : [{ relpath: "", md5 }];
  const missing = cache.missing(
    wanted.map((entry) => entry.md5),
    hashName,
  );
  if (missing.length > 0) throw incomplete(place, wanted, missing);
  const current = new Map(now?.entries.map((entry) => [entry.relpath, entry.md5]));
  const isSameKind = now === undefined || now.isFolder === isFolder;
  const target = new Map(wanted.map((entry) => [entry.relpath, entry.md5]));
  const replaced = [...current].filter(
    ([relpath, digest]) => !isSameKind || target.get(relpath) !== digest,
  );
  if (!work.force) refuseLoss(cache, place, replaced);
  const root = join(repo.root, place);
  if (!isSameKind) rmSync(root, { recursive: true, force: true });
  const guard = new FolderGuard(repo.root, place);
  guard.check(dirname(root));
  // What goes, goes first: a folder may be wanted where a file is, and a file where a folder is.
  for (const [relpath] of replaced) {
    if (isFolder && isSameKind && !target.has(relpath)) removeFile(root, relpath);
  }
  let done = 0;
  for (const { relpath, md5: digest } of wanted) {
    done += 1;
    if (!work.relink && isSameKind && current.get(relpath) === digest) continue;
    signal?.throwIfAborted();
    const path = relpath === "" ? root : join(root, relpath);
    guard.check(dirname(path));
    clearFolderAt(path, work.force);
    await cache.link(digest, path, {
      types: repo.linkTypes,
      hashName,
      isExecutable: out.isExecutable,
      signal,
    });
    if (done % 500 === 0) work.progress?.report(`files of ${place}`, done, wanted.length);
  }
  if (isFolder) guard.make(root);
  remember(repo, place, out, wanted);
  return now === undefined ? "added" : "modified";

  async function digestOrUnreadable({ force }: CheckoutWork) {
    try {
      return await digestWorkspace(repo, place, ignore, { hashName, signal });
    } catch (error) {
      // A link that leads nowhere, a pipe, a name that is no text: no data, and in the way.
      const { code } = WaybillError.from(error);
      if (!force || (code !== "not_found" && code !== "invalid_argument")) throw error;
      rmSync(join(repo.root, place), { recursive: true, force: true });
      return undefined;
    }
  }
}

/**
 * Makes folders on the way to a file, and sees to it that none of them is a link: a tracked path must not
 * write through a link to somewhere else.
 */
class FolderGuard {
  readonly #root: string;
  readonly #place: string;
  readonly #checked = new Set<string>();

  constructor(root: string, place: string) {
    this.#root = root;
    this.#place = place;
    this.#checked.add(root);
  }

  check(folder: string): void {
    if (this.#checked.has(folder)) return;
    if (folder.length <= this.#root.length) return;
    this.check(dirname(folder));
    const info = lstatSync(folder, { throwIfNoEntry: false });
    if (info?.isSymbolicLink()) {
      throw new WaybillError(
        "failed_precondition",
        `"${folder}" is a symbolic link, so "${this.#place}" cannot be checked out through it.`,
        { hint: "Remove the link, or check out into a real folder." },
      );
    }
    if (info !== undefined && !info.isDirectory()) rmSync(folder);
    this.#checked.add(folder);
  }

  make(folder: string): void {
    this.check(folder);
    mkdirSync(folder, { recursive: true });
  }
}

/** Says no when files would be overwritten or removed whose content is nowhere else. */
function refuseLoss(
  cache: Cache,
  place: string,
  replaced: readonly (readonly [relpath: string, md5: string])[],
): void {
  const unsaved = new Set(cache.missing(replaced.map(([, md5]) => md5)));
  const lost = replaced.filter(([, md5]) => unsaved.has(md5));
  if (lost.length === 0) return;
  const [first] = lost[0] ?? [""];
  const named = first === "" ? `"${place}"` : `"${place}/${first}"`;
  const more = lost.length > 1 ? ` and ${lost.length - 1} more` : "";
  throw new WaybillError(
    "failed_precondition",
    `${named}${more} changed in the workspace and would be lost.`,
    { hint: 'Keep the change with "waybill commit", or discard it with --force.' },
  );
}

function incomplete(
  place: string,
  wanted: readonly FolderEntry[],
  missing: readonly string[],
): WaybillError {
  const lost = new Set(missing);
  const first = wanted.find((entry) => lost.has(entry.md5))?.relpath ?? "";
  const which = first === "" ? missing[0] : `${missing[0]} ("${first}")`;
  return new WaybillError(
    "not_found",
    `"${place}" cannot be checked out: the cache lacks ${missing.length} of ${wanted.length} objects, first ${which}.`,
    { hint: 'Get them from a remote with "waybill fetch".' },
  );
}

/** Removes a file of a folder, and the folders above it that are empty then. */
function removeFile(root: string, relpath: string): void {
  rmSync(join(root, relpath), { force: true });
  for (let folder = dirname(relpath); folder !== "."; folder = dirname(folder)) {
    try {
      rmdirSync(join(root, folder));
    } catch {
      return;
    }
  }
}

/** Clears a folder away that stands where a file is to be; with force also one that holds ignored files. */
function clearFolderAt(path: string, force: boolean): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (force) {
    rmSync(path, { recursive: true });
    return;
  }
  try {
    rmdirSync(path);
  } catch (cause) {
    throw new WaybillError(
      "failed_precondition",
      `The folder "${path}" is in the way of a file, and holds files that are not tracked.`,
      { hint: "Move them away, or discard them with --force.", cause },
    );
  }
}

/** Notes what was checked out, so that the next status need not read it. */
function remember(
  repo: Repo,
  place: string,
  out: TrackedData,
  entries: readonly FolderEntry[],
): void {
  const files = new Map<string, KnownFile>();
  for (const { relpath, md5 } of entries) {
    const info = statSync(join(repo.root, place, relpath), { throwIfNoEntry: false });
    if (info === undefined) continue;
    const { size, mtimeMs, ctimeMs, ino } = info;
    files.set(relpath, { md5, size, mtimeMs, ctimeMs, ino });
  }
  writeKnownDigests(repo, place, out.hashName, { md5: out.md5, files });
}
