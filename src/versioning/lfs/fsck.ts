import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { digestFile, type Progress, silentProgress, WaybillError } from "../../foundation/index.ts";
import { hasObject, objectPath } from "./objects.ts";
import { isCanonicalPointer, POINTER_BYTES_LIMIT, parsePointer } from "./pointer.ts";
import { folderOf, git, type LfsRepository, streamGit } from "./repository.ts";
import {
  commitOf,
  type FoundPointer,
  hasCommit,
  pointersInIndex,
  pointersInTree,
  split,
} from "./scan.ts";

/** What is checked. */
export interface FsckOptions {
  /** A commit; default: the index and HEAD. */
  readonly ref?: string | undefined;
  /** Checks objects' bytes; default true. */
  readonly objects?: boolean;
  /** Checks that tracked files are stored as pointers, in their one form; default true. */
  readonly pointers?: boolean;
  /** Leaves damaged objects where they are. */
  readonly dryRun?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** One fault. */
export interface FsckFault {
  /**
   * `missing`: the object is not here; `corrupt`: its bytes are not what its name says;
   * `not-canonical`: the pointer has not the form that git-lfs writes; `not-a-pointer`: the file is tracked
   * but its content is stored in git itself.
   */
  readonly kind: "missing" | "corrupt" | "not-canonical" | "not-a-pointer";
  readonly path: string;
  readonly oid: string | undefined;
}

/**
 * Checks that every file's object is here and has the right bytes, and that tracked files are pointers. Damaged
 * objects go to `lfs/bad`, so that a fetch brings them anew.
 * @returns the faults; none means that all is well
 */
export async function fsck(
  repository: LfsRepository,
  options: FsckOptions = {},
): Promise<readonly FsckFault[]> {
  const faults: FsckFault[] = [];
  const treeish =
    options.ref === undefined
      ? hasCommit(repository)
        ? "HEAD"
        : undefined
      : commitOf(repository, options.ref);
  if (options.objects !== false) faults.push(...(await checkObjects(repository, treeish, options)));
  if (options.pointers !== false && treeish !== undefined) {
    faults.push(...(await checkPointers(repository, treeish)));
  }
  return faults;
}

async function checkObjects(
  repository: LfsRepository,
  treeish: string | undefined,
  options: FsckOptions,
): Promise<readonly FsckFault[]> {
  const { progress = silentProgress, signal } = options;
  const found = new Map<string, FoundPointer>();
  const sources: AsyncIterable<FoundPointer>[] = [];
  if (options.ref === undefined && repository.workTree !== undefined) {
    sources.push(pointersInIndex(repository));
  }
  if (treeish !== undefined) sources.push(pointersInTree(repository, treeish));
  for (const source of sources) {
    for await (const each of source) if (each.pointer.size > 0) found.set(each.pointer.oid, each);
  }
  const faults: FsckFault[] = [];
  let checked = 0;
  for (const { path, pointer } of found.values()) {
    progress.report("Checking LFS objects", checked++, found.size, "objects");
    const { oid, size } = pointer;
    const kind = await checkObject(repository, oid, size, signal);
    if (kind === undefined) continue;
    faults.push({ kind, path, oid });
    if (kind === "corrupt" && options.dryRun !== true) setAside(repository, oid);
  }
  return faults;
}

async function checkObject(
  repository: LfsRepository,
  oid: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<"missing" | "corrupt" | undefined> {
  try {
    const options = signal === undefined ? {} : { signal };
    const { digest } = await digestFile("sha256", objectPath(repository, oid), options);
    return digest === oid && hasObject(repository, oid, size) ? undefined : "corrupt";
  } catch (error) {
    const failure = WaybillError.from(error);
    if (failure.code === "not_found") return "missing";
    throw failure;
  }
}

function setAside(repository: LfsRepository, oid: string): void {
  const folder = join(repository.storage, "bad");
  mkdirSync(folder, { recursive: true });
  renameSync(objectPath(repository, oid), join(folder, oid));
}

async function checkPointers(
  repository: LfsRepository,
  treeish: string,
): Promise<readonly FsckFault[]> {
  const blobs = new Map<string, { readonly blob: string; readonly size: number }>();
  const args = ["ls-tree", "-r", "-z", "-l", "--full-tree", treeish];
  for await (const line of split(streamGit(folderOf(repository), args), 0)) {
    const [, mode, blob = "", size, path = ""] =
      /^(\d+) blob ([0-9a-f]+) +(\S+)\t(.*)$/su.exec(line) ?? [];
    if (mode?.startsWith("100")) blobs.set(path, { blob, size: Number(size) });
  }
  const faults: FsckFault[] = [];
  for (const path of filteredPaths(repository, [...blobs.keys()])) {
    const entry = blobs.get(path);
    // An empty file is its own pointer.
    if (entry === undefined || entry.size === 0) continue;
    const content =
      entry.size < POINTER_BYTES_LIMIT ? readBlob(repository, entry.blob) : Buffer.alloc(0);
    const pointer = parsePointer(content);
    if (pointer === undefined) faults.push({ kind: "not-a-pointer", path, oid: undefined });
    else if (!isCanonicalPointer(content)) {
      faults.push({ kind: "not-canonical", path, oid: pointer.oid });
    }
  }
  return faults;
}

/** Of these paths, those whose filter is Git LFS. */
function filteredPaths(repository: LfsRepository, paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  const input = paths.map((path) => `${path}\0`).join("");
  const args = ["check-attr", "-z", "--stdin", "filter"];
  const fields = git(folderOf(repository), args, { input }).split("\0");
  const filtered: string[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    if (fields[at + 2] === "lfs") filtered.push(fields[at] ?? "");
  }
  return filtered;
}

function readBlob(repository: LfsRepository, blob: string): Buffer {
  const result = spawnSync("git", ["cat-file", "blob", blob], { cwd: folderOf(repository) });
  if (result.status === 0) return result.stdout;
  throw new WaybillError("data_loss", `git has no object ${blob}.`);
}
