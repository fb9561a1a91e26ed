import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, posix, resolve } from "node:path";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { digestWorkspace } from "./digest.ts";
import { renameInDvcFile } from "./formats/dvc-file.ts";
import { appendGitignoreLine, gitignoreLine, removeGitignoreLine } from "./formats/gitignore.ts";
import { ignoredByGit } from "./git.ts";
import { openIgnore } from "./ignore.ts";
import { pathInRepo, type Repo } from "./repo.ts";
import { findTrackedFiles, loadTracked, placeOf, type TrackedFile } from "./tracked.ts";

export interface TargetOptions {
  /** The folder that paths are relative to; the repository's root by default. */
  readonly cwd?: string;
}

/**
 * Stops tracking: removes `.dvc` files and their lines in `.gitignore`. The data stays, in the workspace and in
 * the cache, unless `outs` says that the workspace's goes too.
 * @param targets `.dvc` files or what they track
 * @returns the paths of the `.dvc` files that were removed
 * @throws WaybillError `not_found` for a target that nothing tracks
 */
export async function remove(
  repo: Repo,
  targets: readonly string[],
  options: TargetOptions & { readonly outs?: boolean } = {},
): Promise<readonly string[]> {
  if (targets.length === 0) {
    throw new WaybillError("invalid_argument", "Nothing was named that is to be removed.");
  }
  const files = await loadTracked(repo, openIgnore(repo.root), { ...options, targets });
  for (const file of files) {
    refuseStage(file);
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      if (options.outs === true) rmSync(join(repo.root, place), { recursive: true, force: true });
      await showToGit(repo, place);
    }
    rmSync(join(repo.root, file.path), { force: true });
  }
  return files.map(({ path }) => path);
}

/** Where something was moved, as paths in the repository. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  readonly dvcFile: string;
}

/**
 * Moves tracked data together with its `.dvc` file; into the folder `to` when there is one.
 * @throws WaybillError `not_found` for what is not tracked, `already_exists` when the place is taken
 */
export async function move(
  repo: Repo,
  from: string,
  to: string,
  options: TargetOptions = {},
): Promise<Moved> {
  const cwd = resolve(options.cwd ?? repo.root);
  const source = pathInRepo(repo, resolve(cwd, from));
  const [file] = await loadTracked(repo, openIgnore(repo.root), { ...options, targets: [from] });
  const out = file?.content.outs.find((candidate) => placeOf(file, candidate) === source);
  if (file === undefined || out === undefined) {
    throw new WaybillError("not_found", `"${from}" is not tracked.`);
  }
  refuseStage(file);
  const isInto = statSync(resolve(cwd, to), { throwIfNoEntry: false })?.isDirectory() ?? false;
  const target = pathInRepo(
    repo,
    isInto ? join(resolve(cwd, to), basename(source)) : resolve(cwd, to),
  );
  if (target.startsWith(`${source}/`) || target === "" || target.endsWith(".dvc")) {
    throw new WaybillError("invalid_argument", `"${from}" cannot be moved to "${to}".`);
  }
  // A .dvc file that is named after its data moves with it; another one stays and says the new path.
  const isNamedAfter = file.path === `${source}.dvc`;
  const dvcFile = isNamedAfter ? `${target}.dvc` : file.path;
  for (const taken of [target, ...(isNamedAfter ? [dvcFile] : [])]) {
    if (lstatSync(join(repo.root, taken), { throwIfNoEntry: false }) !== undefined) {
      throw new WaybillError("already_exists", `"${taken}" is there already.`);
    }
  }
  const newPath = isNamedAfter
    ? basename(target)
    : posix.relative(posix.join(posix.dirname(file.path), file.content.wdir), target);
  const text = await renameInDvcFile(file.text, out.path, newPath, file.path);
  mkdirSync(dirname(join(repo.root, target)), { recursive: true });
  try {
    if (existsSync(join(repo.root, source))) {
      renameSync(join(repo.root, source), join(repo.root, target));
    }
  } catch (error) {
    throw WaybillError.from(error);
  }
  await writeFileAtomically(join(repo.root, dvcFile), text);
  await hideFromGit(repo, target);
  await showToGit(repo, source);
  if (isNamedAfter) rmSync(join(repo.root, file.path), { force: true });
  return { from: source, to: target, dvcFile };
}

/**
 * Makes what is linked into the cache a private, writable copy, so that it may be edited in place.
 * @param targets tracked files or folders, or paths inside them
 */
export async function unprotect(
  repo: Repo,
  targets: readonly string[],
  options: TargetOptions = {},
): Promise<void> {
  const cwd = resolve(options.cwd ?? repo.root);
  const ignore = openIgnore(repo.root);
  const files = await findTrackedFiles(repo, ignore);
  const cache = openCache(repo);
  for (const target of targets) {
    const place = pathInRepo(repo, resolve(cwd, target));
    const isTracked = files.some((file) =>
      file.content.outs.some((out) => {
        const tracked = placeOf(file, out);
        return place === tracked || place.startsWith(`${tracked}/`);
      }),
    );
    if (!isTracked) {
      throw new WaybillError("not_found", `"${target}" is not tracked.`, {
        hint: "Only tracked data is ever linked into the cache.",
      });
    }
    await unprotectPath(repo, cache, place);
    // The copies have other inodes; reading them once now saves the next status from it.
    await digestWorkspace(repo, place, ignore);
  }
}

async function unprotectPath(repo: Repo, cache: Cache, place: string): Promise<void> {
  const path = join(repo.root, place);
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) throw new WaybillError("not_found", `There is no "${place}".`);
  if (info.isDirectory()) {
    for (const name of readdirSync(path)) await unprotectPath(repo, cache, `${place}/${name}`);
    return;
  }
  const isLink = info.isSymbolicLink() || info.nlink > 1;
  await cache.unlink(path, isLink);
}

/** Takes the line that hides a path out of its folder's `.gitignore`. */
export async function showToGit(repo: Repo, place: string): Promise<void> {
  if (repo.noScm) return;
  const gitignore = join(repo.root, posix.dirname(place), ".gitignore");
  await removeGitignoreLine(gitignore, gitignoreLine(basename(place)));
}

/** Has git ignore a path; gives the files that changed by it. */
export async function hideFromGit(repo: Repo, place: string): Promise<readonly string[]> {
  if (repo.noScm || (await ignoredByGit(repo.root, [place])).size > 0) return [];
  const gitignore = posix.join(posix.dirname(place), ".gitignore");
  appendGitignoreLine(join(repo.root, gitignore), gitignoreLine(basename(place)));
  return [gitignore];
}

function refuseStage(file: TrackedFile): void {
  if (file.stage === undefined) return;
  throw new WaybillError(
    "failed_precondition",
    `"${file.path}" is a pipeline's file; its stages are edited there.`,
  );
}
