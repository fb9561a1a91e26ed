import { cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, posix, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryPathFor, WaybillError, writeFileAtomically } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { type AddedVersion, recordVersion, relink } from "./add.ts";
import { openCache } from "./cache.ts";
import { digestWorkspace } from "./digest.ts";
import { compareCodePoints } from "./formats/dir-object.ts";
import { type ImportSource, importDvcFile } from "./formats/import-file.ts";
import { openIgnore } from "./ignore.ts";
import { openOtherRepo, type RepoFile } from "./other-repo.ts";
import { hideFromGit } from "./rearrange.ts";
import { pathInRepo, type Repo } from "./repo.ts";
import { holdCache } from "./writers.ts";

export interface RevisionOptions {
  /** A commit, branch or tag of the other repository; its head by default. */
  readonly revision?: string;
  /** The folder that relative paths and addresses count from; the working folder by default. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

export interface OutOptions extends RevisionOptions {
  /** Where it goes; its own name in `cwd` by default. */
  readonly out?: string;
  /** Replaces what is there. */
  readonly force?: boolean;
}

/** A file or folder of a repository, as dvc's `list --json` tells it. */
export interface ListedFile {
  readonly path: string;
  readonly isout: boolean;
  readonly isdir: boolean;
  readonly isexec: boolean;
  readonly md5: string | null;
}

/**
 * Lists what a repository holds at a commit, tracked data and git's own files alike.
 * @param path a folder or file of it; everything by default
 * @throws WaybillError `not_found`
 */
export async function list(
  url: string,
  path = "",
  options: RevisionOptions & { readonly isRecursive?: boolean; readonly dvcOnly?: boolean } = {},
): Promise<readonly ListedFile[]> {
  await using other = await openOtherRepo(url, options);
  const files = select(await other.files(), path, url);
  const outs = await other.outs();
  const base = files.length === 1 && files[0]?.path === path ? posix.dirname(path) : path;
  const listed = new Map<string, ListedFile>();
  for (const file of files) {
    const below = base === "" || base === "." ? file.path : file.path.slice(base.length + 1);
    const isOut = "md5" in file.content;
    if (options.dvcOnly === true && !isOut) continue;
    const [first = ""] = below.split("/");
    const isFolder = options.isRecursive !== true && first !== below;
    const shown = isFolder ? first : below;
    const inRepo = base === "" || base === "." ? shown : `${base}/${shown}`;
    const md5 = "md5" in file.content && !isFolder ? file.content.md5 : (outs.get(inRepo) ?? null);
    const known = listed.get(shown);
    listed.set(shown, {
      path: shown,
      isout: isFolder ? outs.has(inRepo) || (known?.isout ?? false) : isOut,
      isdir: isFolder,
      isexec: !isFolder && file.isExecutable,
      md5,
    });
  }
  return [...listed.values()].sort((a, b) => compareCodePoints(a.path, b.path));
}

/**
 * Copies a file or folder out of a repository, without tracking it here; works outside of any repository.
 * @returns the path that was written
 * @throws WaybillError `not_found`, `already_exists` when the place is taken and `force` is not set
 */
export async function get(url: string, path: string, options: OutOptions = {}): Promise<string> {
  await using other = await openOtherRepo(url, options);
  const target = resolve(options.cwd ?? ".", options.out ?? basename(path));
  const files = select(await other.files(), path, url);
  refuseTaken(target, options.force);
  const cache = openCache(other.repo);
  await other.bring(md5sOf(files), cache, options.signal);
  for (const file of files) {
    options.signal?.throwIfAborted();
    const below = file.path === path ? "" : file.path.slice(path.length + (path === "" ? 0 : 1));
    await other.write(file, below === "" ? target : join(target, below), cache);
  }
  return target;
}

/**
 * Brings a file or folder of another repository here and tracks it, with where it came from: repository, path, and
 * the commit that it was at.
 * @throws WaybillError as {@link get}
 */
export async function importFrom(
  step: Step,
  repo: Repo,
  url: string,
  path: string,
  options: OutOptions = {},
): Promise<AddedVersion> {
  const cwd = resolve(options.cwd ?? repo.root);
  await using other = await openOtherRepo(url, { ...options, cwd });
  const target = targetOf(repo, cwd, options.out ?? basename(path), options.force);
  const files = select(await other.files(), path, url);
  const cache = openCache(repo);
  using _held = await holdCache(repo, step.signal);
  await other.bring(md5sOf(files), cache, step.signal);
  clear(join(repo.root, target));
  for (const file of files) {
    step.signal.throwIfAborted();
    const below = file.path === path ? "" : file.path.slice(path.length + 1);
    await other.write(file, join(repo.root, target, below), cache);
  }
  return track(step, repo, target, () => ({
    kind: "repository",
    path,
    url,
    revision: options.revision,
    commit: other.commit,
  }));
}

/**
 * Copies a file or folder of this machine here and tracks it, with where it came from and what it was then.
 * @param url a path or a `file:` URL
 * @throws WaybillError `not_found`, `unimplemented` for another kind of address, `already_exists`
 */
export async function importUrl(
  step: Step,
  repo: Repo,
  url: string,
  options: Omit<OutOptions, "revision"> = {},
): Promise<AddedVersion> {
  const cwd = resolve(options.cwd ?? repo.root);
  const source = url.startsWith("file://") ? fileURLToPath(url) : resolve(cwd, url);
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(url) && !url.startsWith("file://")) {
    throw new WaybillError(
      "unimplemented",
      `Data cannot be imported from "${url.split("?")[0]}" yet.`,
      {
        hint: "Download it, and import the file.",
      },
    );
  }
  if (!existsSync(source)) throw new WaybillError("not_found", `There is no "${url}" to import.`);
  const target = targetOf(repo, cwd, options.out ?? basename(source), options.force);
  const path = join(repo.root, target);
  if (!relative(source, path).startsWith("..")) {
    throw new WaybillError("invalid_argument", `"${url}" cannot be imported into itself.`);
  }
  const temporary = temporaryPathFor(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    cpSync(source, temporary, { recursive: statSync(source).isDirectory(), dereference: true });
    clear(path);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw WaybillError.from(error);
  }
  const folder = join(repo.root, dirname(target));
  const spelled = isAbsolute(url) || url.startsWith("file://") ? source : relative(folder, source);
  return track(step, repo, target, (data) => ({ kind: "path", path: spelled, data }));
}

/** Puts imported data into the cache and writes its `.dvc` file. */
async function track(
  step: Step,
  repo: Repo,
  place: string,
  sourceOf: (data: {
    md5: string;
    sizeBytes: number;
    fileCount: number | undefined;
  }) => ImportSource,
): Promise<AddedVersion> {
  const cache = openCache(repo);
  using _held = await holdCache(repo, step.signal);
  const digest = await digestWorkspace(repo, place, openIgnore(repo.root), {
    storeIn: cache,
    signal: step.signal,
    progress: step.progress,
  });
  if (digest === undefined) throw new WaybillError("not_found", `"${place}" went away.`);
  const data = {
    md5: digest.md5,
    sizeBytes: digest.sizeBytes,
    fileCount: digest.isFolder ? digest.fileCount : undefined,
  };
  const source = sourceOf(data);
  await relink(repo, cache, place, digest);
  const filesForGit = await hideFromGit(repo, place);
  const dvcFile = `${place}.dvc`;
  await writeFileAtomically(join(repo.root, dvcFile), importDvcFile(basename(place), data, source));
  const artifact = await recordVersion(step, repo, cache, place, digest, {
    imported_from: source.kind === "path" ? source.path : `${source.url}#${source.path}`,
    ...(source.kind === "repository" ? { imported_commit: source.commit } : {}),
  });
  return {
    path: place,
    dvcFile,
    md5: digest.md5,
    sizeBytes: digest.sizeBytes,
    fileCount: digest.fileCount,
    isChanged: true,
    artifact,
    filesForGit: [dvcFile, ...filesForGit],
  };
}

function select(
  files: ReadonlyMap<string, RepoFile>,
  path: string,
  url: string,
): readonly RepoFile[] {
  const wanted = path.replace(/\/+$/u, "");
  const chosen = [...files.values()].filter(
    (file) => wanted === "" || file.path === wanted || file.path.startsWith(`${wanted}/`),
  );
  if (chosen.length > 0) return chosen;
  throw new WaybillError("not_found", `"${url}" has no "${path}" at that commit.`, {
    hint: `See what it has with "waybill list ${url}".`,
  });
}

function md5sOf(files: readonly RepoFile[]): string[] {
  return files.flatMap(({ content }) => ("md5" in content ? [content.md5] : []));
}

function targetOf(repo: Repo, cwd: string, out: string, force: boolean | undefined): string {
  const target = pathInRepo(repo, resolve(cwd, out));
  if (target === "" || /^\.(?:dvc|git)(?:\/|$)/u.test(target) || target.endsWith(".dvc")) {
    throw new WaybillError("invalid_argument", `"${out}" cannot hold imported data.`);
  }
  refuseTaken(join(repo.root, target), force);
  refuseTaken(join(repo.root, `${target}.dvc`), force);
  return target;
}

function refuseTaken(path: string, force: boolean | undefined): void {
  if (force === true || lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw new WaybillError("already_exists", `"${path}" is there already.`, {
    hint: "Name another place, or replace it with --force.",
  });
}

function clear(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
