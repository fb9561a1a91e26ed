import { existsSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { type DvcFile, parseDvcFile, type TrackedData } from "./formats/dvc-file.ts";
import type { Ignore } from "./ignore.ts";
import { pathInRepo, type Repo } from "./repo.ts";
import { listFolder } from "./workspace.ts";

/** A `.dvc` file of the repository and what it tracks. */
export interface TrackedFile {
  /** The `.dvc` file's path in the repository, with `/`. */
  readonly path: string;
  readonly content: DvcFile;
  readonly text: string;
}

/** Reads one `.dvc` file. */
export async function readTrackedFile(repo: Repo, path: string): Promise<TrackedFile> {
  let text: string;
  try {
    text = readFileSync(join(repo.root, path), "utf8");
  } catch (error) {
    throw WaybillError.from(error);
  }
  return { path, text, content: await parseDvcFile(text, path) };
}

/** The place of an output or dependency in the repository, with `/`; it may lie outside as `../x`. */
export function placeOf(file: { path: string; content: DvcFile }, data: TrackedData): string {
  if (posix.isAbsolute(data.path) || /^[a-z][a-z0-9+.-]*:\/\//iu.test(data.path)) return data.path;
  return posix.normalize(posix.join(posix.dirname(file.path), file.content.wdir, data.path));
}

/** Whether a place (see {@link placeOf}) lies inside the repository. */
export function isPlaceInRepo(place: string): boolean {
  return (
    !posix.isAbsolute(place) && place !== ".." && !place.startsWith("../") && !place.includes("://")
  );
}

/**
 * Finds every `.dvc` file of the repository, by path. Folders that are themselves tracked are not entered:
 * they may hold a million files and can hold no `.dvc` file that counts.
 * @throws WaybillError `invalid_argument` when one of them is damaged
 */
export async function findTrackedFiles(repo: Repo, ignore: Ignore): Promise<TrackedFile[]> {
  const found: TrackedFile[] = [];
  const tracked = new Set<string>();
  const pending = [{ folder: "", rules: ignore }];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const folders: string[] = [];
    const names: string[] = [];
    for (const entry of listFolder(join(repo.root, next.folder))) {
      const path = next.folder === "" ? entry.name : `${next.folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!next.rules.isIgnored(path, true)) folders.push(path);
      } else if (path.endsWith(".dvc") && entry.name !== ".dvc") {
        if (!next.rules.isIgnored(path, false)) names.push(path);
      }
    }
    for (const path of names.sort()) {
      const file = await readTrackedFile(repo, path);
      found.push(file);
      for (const out of file.content.outs) tracked.add(placeOf(file, out));
    }
    for (const folder of folders.sort()) {
      if (!tracked.has(folder)) pending.push({ folder, rules: next.rules.inside(folder) });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The tracked files that a verb is about: its targets, or all. */
export async function loadTracked(
  repo: Repo,
  ignore: Ignore,
  options: { readonly targets?: readonly string[]; readonly cwd?: string },
): Promise<readonly TrackedFile[]> {
  const cwd = resolve(options.cwd ?? repo.root);
  const targets = (options.targets ?? []).map((path) => pathInRepo(repo, resolve(cwd, path)));
  return selectTargets(repo, await findTrackedFiles(repo, ignore), targets);
}

/**
 * The `.dvc` files that the caller means by these targets: a `.dvc` file, or what one tracks.
 * @param targets paths in the repository
 * @throws WaybillError `not_found` for a target that nothing tracks
 */
function selectTargets(
  repo: Repo,
  files: readonly TrackedFile[],
  targets: readonly string[],
): readonly TrackedFile[] {
  if (targets.length === 0) return files;
  return targets.map((target) => {
    const file = files.find(
      (candidate) =>
        candidate.path === target ||
        candidate.content.outs.some((out) => placeOf(candidate, out) === target),
    );
    if (file !== undefined) return file;
    const isThere = existsSync(join(repo.root, target));
    throw new WaybillError(
      "not_found",
      isThere ? `"${target}" is not tracked.` : `There is no "${target}".`,
      { hint: isThere ? `Track it with "waybill add ${target}".` : "Check the path." },
    );
  });
}
