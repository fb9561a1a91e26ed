import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { silentProgress, temporaryPathFor, WaybillError } from "../../foundation/index.ts";
import type { ObjectId } from "./api.ts";
import { fetchFilter } from "./filter.ts";
import { hasObject, objectPath, temporaryPath } from "./objects.ts";
import type { PathFilter } from "./path-filter.ts";
import { POINTER_BYTES_LIMIT, type Pointer, parsePointer } from "./pointer.ts";
import { folderOf, git, type LfsRepository, tryGit } from "./repository.ts";
import {
  commitOf,
  type FoundPointer,
  hasCommit,
  pointersInHistory,
  pointersInIndex,
  pointersInTree,
} from "./scan.ts";
import { downloadObjects, type TransferOptions, type TransferResult } from "./transfer.ts";

/** Which objects are fetched. */
export interface FetchOptions extends TransferOptions {
  /** Default HEAD. */
  readonly refs?: readonly string[];
  /** Those of all commits. */
  readonly all?: boolean;
  /** Default `lfs.fetchinclude` and `lfs.fetchexclude`; not looked at with `all`. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly dryRun?: boolean;
}

/** What came, what did not, and what would have with `dryRun`. */
export interface FetchResult extends TransferResult {
  readonly wanted: readonly (ObjectId & { readonly path: string })[];
}

/** Downloads the objects of commits' files without touching the work tree. */
export async function fetchObjects(
  repository: LfsRepository,
  options: FetchOptions = {},
): Promise<FetchResult> {
  const wanted = new Map<string, ObjectId & { readonly path: string }>();
  for await (const { path, pointer } of pointersToFetch(repository, options)) {
    const { oid, size } = pointer;
    if (size > 0 && !hasObject(repository, oid, size)) wanted.set(oid, { oid, size, path });
  }
  const list = [...wanted.values()];
  if (options.dryRun) return { wanted: list, transferred: [], failed: [] };
  return { wanted: list, ...(await downloadObjects(repository, list, options)) };
}

/** What `pull` did: the downloads, then the files that got their content. */
export interface PullResult {
  readonly fetched: FetchResult;
  readonly checkedOut: readonly string[];
}

/** Downloads what the current files need and puts it in place of their pointers. */
export async function pull(
  repository: LfsRepository,
  options: Omit<FetchOptions, "refs" | "all" | "dryRun"> = {},
): Promise<PullResult> {
  const fetched = await fetchObjects(repository, options);
  const filter = fetchFilter(repository, options.include, options.exclude);
  return { fetched, checkedOut: await checkout(repository, { ...options, filter }) };
}

/** Which files get their content. */
export interface CheckoutOptions extends Pick<TransferOptions, "progress" | "signal"> {
  readonly filter?: PathFilter;
}

/**
 * Replaces pointers in the work tree, and files that are missing, by their objects where these are here. A
 * file with any other content is the user's and stays.
 * @returns the paths that changed
 */
export async function checkout(
  repository: LfsRepository,
  options: CheckoutOptions = {},
): Promise<readonly string[]> {
  const { workTree } = repository;
  if (workTree === undefined) {
    throw new WaybillError("failed_precondition", "A bare repository has no files.");
  }
  const { progress = silentProgress, filter } = options;
  const modes = executablePaths(repository);
  const folders = new Map<string, boolean>();
  const changed: string[] = [];
  for await (const { path, pointer } of pointersInIndex(repository, filter)) {
    options.signal?.throwIfAborted();
    if (!isPlainFolder(workTree, dirname(path), folders)) continue;
    if (!awaitsContent(join(workTree, path), pointer)) continue;
    if (pointer.extensions.length > 0) continue;
    if (pointer.size > 0 && !hasObject(repository, pointer.oid, pointer.size)) continue;
    putContent(repository, join(workTree, path), pointer, modes.has(path));
    changed.push(path);
    progress.report("Checking out LFS files", changed.length, undefined, "files");
  }
  if (changed.length > 0) refreshIndex(repository, changed);
  return changed;
}

function pointersToFetch(
  repository: LfsRepository,
  options: FetchOptions,
): AsyncIterable<FoundPointer> {
  if (options.all) return pointersInHistory(repository, ["--all"]);
  const filter = fetchFilter(repository, options.include, options.exclude);
  const commits = options.refs?.map((ref) => commitOf(repository, ref));
  return (async function* () {
    if (commits === undefined && repository.workTree !== undefined) {
      yield* pointersInIndex(repository, filter);
    }
    const ours = hasCommit(repository) ? ["HEAD"] : [];
    for (const commit of commits ?? ours) yield* pointersInTree(repository, commit, filter);
  })();
}

/** Whether a file is missing or is just the pointer that the index has. */
function awaitsContent(path: string, pointer: Pointer): boolean {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return true;
  if (!info.isFile() || info.size >= POINTER_BYTES_LIMIT) return false;
  const found = parsePointer(readFileSync(path));
  return found?.oid === pointer.oid && found.size === pointer.size;
}

/** Writes beside and renames, so that a reader or a kill finds the pointer or the content. */
function putContent(
  repository: LfsRepository,
  path: string,
  { oid, size }: Pointer,
  isExecutable: boolean,
): void {
  mkdirSync(dirname(path), { recursive: true });
  let temporary = temporaryPath(repository);
  const fill = () => {
    if (size === 0) writeFileSync(temporary, "", { flag: "wx" });
    else copyFileSync(objectPath(repository, oid), temporary, constants.COPYFILE_FICLONE);
    chmodSync(temporary, (isExecutable ? 0o777 : 0o666) & ~process.umask());
  };
  try {
    fill();
    try {
      renameSync(temporary, path);
    } catch (error) {
      // The LFS folder may lie on another file system (lfs.storage).
      if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
      rmSync(temporary, { force: true });
      temporary = temporaryPathFor(path);
      fill();
      renameSync(temporary, path);
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw WaybillError.from(error);
  }
}

/** Whether a folder of the work tree is reached without a symbolic link, which could lead anywhere. */
function isPlainFolder(root: string, folder: string, known: Map<string, boolean>): boolean {
  if (folder === ".") return true;
  const earlier = known.get(folder);
  if (earlier !== undefined) return earlier;
  const info = lstatSync(join(root, folder), { throwIfNoEntry: false });
  const isPlain =
    isPlainFolder(root, dirname(folder), known) && (info === undefined || info.isDirectory());
  known.set(folder, isPlain);
  return isPlain;
}

function executablePaths(repository: LfsRepository): ReadonlySet<string> {
  const listed = git(folderOf(repository), ["ls-files", "-s", "-z", "--full-name", ":/"]);
  const entries = listed.split("\0").filter((entry) => entry.startsWith("100755 "));
  return new Set(entries.map((entry) => entry.slice(entry.indexOf("\t") + 1)));
}

/** Tells git that these files are as it wants them, else each would show as changed. */
function refreshIndex(repository: LfsRepository, paths: readonly string[]): void {
  const input = paths.map((path) => `${path}\0`).join("");
  tryGit(folderOf(repository), ["update-index", "-q", "--refresh", "-z", "--stdin"], { input });
}
