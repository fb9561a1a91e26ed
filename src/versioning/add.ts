import { lstatSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { digestFile, WaybillError, writeFileAtomically } from "../foundation/index.ts";
import type { Properties, Step } from "../metadata/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { isConfigOptionOn } from "./config.ts";
import { digestWorkspace, type WorkspaceDigest } from "./digest.ts";
import { newDvcFile, updateDvcFile } from "./formats/dvc-file.ts";
import { runGit, trackedByGit } from "./git.ts";
import { type Ignore, openIgnore } from "./ignore.ts";
import { isPlaceInRepo } from "./place.ts";
import { hideFromGit } from "./rearrange.ts";
import { pathInRepo, type Repo } from "./repo.ts";
import { findTrackedFiles, loadTracked, placeOf, type TrackedFile } from "./tracked.ts";
import { holdCache } from "./writers.ts";

/** The artifact type of a version of a dataset. */
export const DATA_VERSION = "DataVersion";

/** A version of a file or folder that is now in the cache and recorded in its `.dvc` file. */
export interface AddedVersion {
  /** Path in the repository, with `/`. */
  readonly path: string;
  /** Path of the `.dvc` file in the repository. */
  readonly dvcFile: string;
  /** Hex, with `.dir` behind it for a folder. */
  readonly md5: string;
  readonly sizeBytes: number;
  readonly fileCount: number;
  /** False when the same version was recorded before. */
  readonly isChanged: boolean;
  /** The `DataVersion` that the step records. */
  readonly artifact: Artifact;
  /** The files that git should be told of: the `.dvc` file, and `.gitignore` when it changed. */
  readonly filesForGit: readonly string[];
}

/** Up to this size a file gets a sha256 besides its md5: cheap there, and the lake's name for it. */
const SHA256_BYTES_MAX = 256 << 20;

/**
 * Versions files and folders as `dvc add` does: objects into the cache, a `.dvc` file beside each, a line in
 * its folder's `.gitignore`, links as `cache.type` says; and a `DataVersion` as output of the step.
 * Everything is checked before anything is written; a kill leaves the old `.dvc` file or the new one.
 * @param paths absolute, or relative to the repository's root
 * @throws WaybillError `not_found`, `invalid_argument` for paths that cannot be tracked,
 *   `failed_precondition` for what git tracks or another `.dvc` file covers
 */
export async function add(
  step: Step,
  repo: Repo,
  paths: readonly string[],
): Promise<readonly AddedVersion[]> {
  const ignore = openIgnore(repo.root);
  const tracked = await findTrackedFiles(repo, ignore);
  const places = [...new Set(paths.map((path) => checkTarget(repo, path, ignore, tracked)))];
  await checkGit(repo, places);
  const cache = openCache(repo);
  using _held = await holdCache(repo, step.signal);
  const added: AddedVersion[] = [];
  for (const place of places) {
    step.signal.throwIfAborted();
    added.push(await addOne(step, { repo, cache, ignore, tracked }, place));
  }
  if (isConfigOptionOn(repo.config, "core", "autostage")) {
    await runGit(repo.root, ["add", "--", ...added.flatMap(({ filesForGit }) => filesForGit)]);
  }
  return added;
}

/**
 * Records the workspace as it is, for what is tracked already, as `dvc commit` does.
 * @param options.targets `.dvc` files or what they track; all of the repository when empty
 * @returns the versions that changed
 * @throws WaybillError `not_found` when a tracked file is gone
 */
export async function commit(
  step: Step,
  repo: Repo,
  options: { readonly targets?: readonly string[]; readonly cwd?: string } = {},
): Promise<readonly AddedVersion[]> {
  const ignore = openIgnore(repo.root);
  const tracked = await loadTracked(repo, ignore, options);
  const context = { repo, cache: openCache(repo), ignore, tracked };
  using _held = await holdCache(repo, step.signal);
  const versions: AddedVersion[] = [];
  for (const file of tracked) {
    // What a stage makes is recorded together with what it was made from, by `reproduce`.
    if (file.stage !== undefined) continue;
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      if (!isPlaceInRepo(place) || !out.isCached) continue;
      step.signal.throwIfAborted();
      const digest = await digestWorkspace(repo, place, ignore, { signal: step.signal });
      if (digest?.md5 === out.md5 && context.cache.has(digest?.md5 ?? "")) continue;
      versions.push(await addOne(step, context, place));
    }
  }
  return versions;
}

interface Context {
  readonly repo: Repo;
  readonly cache: Cache;
  readonly ignore: Ignore;
  readonly tracked: readonly TrackedFile[];
}

async function addOne(step: Step, context: Context, place: string): Promise<AddedVersion> {
  const { repo, cache, ignore } = context;
  const digest = await digestWorkspace(repo, place, ignore, {
    storeIn: cache,
    signal: step.signal,
    progress: step.progress,
  });
  if (digest === undefined) throw missing(place);
  const owner = ownerOf(context.tracked, place);
  const dvcFile = owner?.path ?? `${place}.dvc`;
  const data = {
    md5: digest.md5,
    sizeBytes: digest.sizeBytes,
    fileCount: digest.isFolder ? digest.fileCount : undefined,
    isExecutable: digest.isExecutable,
  };
  const out = owner?.content.outs.find((candidate) => placeOf(owner, candidate) === place);
  const text =
    owner === undefined || out === undefined
      ? newDvcFile(basename(place), data)
      : await updateDvcFile(owner.text, out.path, data, dvcFile);
  await relink(repo, cache, place, digest);
  const filesForGit = await hideFromGit(repo, place);
  // The .dvc file last: it is what says that everything else is there.
  const isChanged = text !== owner?.text;
  if (isChanged) await writeFileAtomically(join(repo.root, dvcFile), text);
  const artifact = await recordVersion(step, repo, cache, place, digest);
  return {
    path: place,
    dvcFile,
    md5: digest.md5,
    sizeBytes: digest.sizeBytes,
    fileCount: digest.fileCount,
    isChanged,
    artifact,
    filesForGit: [dvcFile, ...filesForGit],
  };
}

/** Replaces what was added by links into the cache, where the configuration asks for links. */
export async function relink(
  repo: Repo,
  cache: Cache,
  place: string,
  digest: WorkspaceDigest,
): Promise<void> {
  const type = repo.linkTypes[0];
  if (type !== "hardlink" && type !== "symlink") return;
  for (const { relpath, md5 } of digest.entries) {
    const path = join(repo.root, place, relpath);
    const info = lstatSync(path);
    if (info.isSymbolicLink()) continue;
    await cache.link(md5, path, { types: repo.linkTypes });
  }
}

/** Declares a version as an output of the step. */
export async function recordVersion(
  step: Step,
  repo: Repo,
  cache: Cache,
  place: string,
  digest: WorkspaceDigest,
  properties: Properties = {},
): Promise<Artifact> {
  const object = cache.pathOf(digest.md5);
  const sha256 =
    !digest.isFolder && digest.sizeBytes <= SHA256_BYTES_MAX
      ? (await digestFile("sha256", object, { signal: step.signal })).digest
      : undefined;
  return step.output("versions", DATA_VERSION, {
    uri: pathToFileURL(object).href,
    customProperties: {
      path: place,
      repository: pathToFileURL(repo.root).href,
      md5: digest.md5,
      size_bytes: BigInt(digest.sizeBytes),
      nfiles: BigInt(digest.fileCount),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...properties,
    },
  });
}

/** Checks one target; gives its path in the repository. */
function checkTarget(
  repo: Repo,
  path: string,
  ignore: Ignore,
  tracked: readonly TrackedFile[],
): string {
  const place = pathInRepo(repo, resolve(repo.root, path));
  const refuse = (why: string, hint: string): never => {
    throw new WaybillError("invalid_argument", `"${path}" cannot be tracked: ${why}.`, { hint });
  };
  if (place === "") refuse("it is the repository itself", "Name a file or folder inside it.");
  if (/^\.(?:dvc|git)(?:\/|$)/u.test(place)) {
    refuse("it belongs to the repository's own files", "Name data instead.");
  }
  if (/\.dvc$/u.test(place)) {
    refuse("a .dvc file cannot be data", "Name the data that it tracks.");
  }
  if (/[\r\n]/u.test(place)) {
    refuse("its name holds a line break, which .gitignore cannot express", "Rename it.");
  }
  const info = lstatSync(join(repo.root, place), { throwIfNoEntry: false });
  if (info === undefined) throw missing(path);
  for (let folder = dirname(place); folder !== "."; folder = dirname(folder)) {
    if (lstatSync(join(repo.root, folder)).isSymbolicLink()) {
      refuse(`"${folder}" is a symbolic link`, "Name the path behind the link.");
    }
  }
  if (info.isSymbolicLink() && ownerOf(tracked, place) === undefined) {
    refuse("it is a symbolic link", "Name the path behind the link, or copy the data here.");
  }
  if (ignore.isIgnored(place, info.isDirectory()) || ignore.isIgnored(`${place}.dvc`, false)) {
    refuse(".dvcignore covers it", "Change .dvcignore, or track something else.");
  }
  for (const file of tracked) {
    for (const out of file.content.outs) {
      const other = placeOf(file, out);
      if (place === other && file.stage !== undefined) {
        throw new WaybillError(
          "failed_precondition",
          `"${path}" is an output of stage "${file.stage.name}" of "${file.path}".`,
          { hint: "It is recorded when its stage runs." },
        );
      }
      if (place.startsWith(`${other}/`) || other.startsWith(`${place}/`)) {
        throw new WaybillError(
          "failed_precondition",
          `"${path}" overlaps with "${other}", which "${file.path}" tracks.`,
          { hint: `Add "${other}" again to record what changed in it, or remove "${file.path}".` },
        );
      }
    }
  }
  return place;
}

async function checkGit(repo: Repo, places: readonly string[]): Promise<void> {
  if (repo.noScm) return;
  const [inGit] = await trackedByGit(repo.root, places);
  if (inGit === undefined) return;
  throw new WaybillError("failed_precondition", `git tracks "${inGit}" already.`, {
    hint: `Stop that first: git rm -r --cached '${inGit}' && git commit -m "stop tracking ${inGit}"`,
  });
}

function ownerOf(tracked: readonly TrackedFile[], place: string): TrackedFile | undefined {
  return tracked.find((file) => file.content.outs.some((out) => placeOf(file, out) === place));
}

function missing(path: string): WaybillError {
  return new WaybillError("not_found", `"${path}" does not exist, so it cannot be added.`, {
    hint: "Check the path; it is relative to the repository's root.",
  });
}
