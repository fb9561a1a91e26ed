import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { type Config, configOption, isConfigOptionOn, readConfig } from "./config.ts";

/** How a workspace file comes from its cache object, in the order in which they are tried. */
export type LinkType = "reflink" | "hardlink" | "symlink" | "copy";

/** An open dvc repository: where things are, and what its configuration says. */
export interface Repo {
  readonly root: string;
  /** The `.dvc` folder. */
  readonly dvcFolder: string;
  /** The cache's folder, usually `.dvc/cache`. */
  readonly cacheFolder: string;
  /** Whether the repository lives without git. */
  readonly noScm: boolean;
  readonly linkTypes: readonly LinkType[];
  readonly config: Config;
}

const DEFAULT_LINK_TYPES: readonly LinkType[] = ["reflink", "copy"];

/**
 * Opens the repository that a folder lies in.
 * @throws WaybillError `failed_precondition` when no folder upwards holds a `.dvc` folder
 */
export async function openRepo(folder: string): Promise<Repo> {
  const root = await findRoot(resolve(folder));
  if (root === undefined) {
    throw new WaybillError(
      "failed_precondition",
      `"${resolve(folder)}" is not inside a dvc repository: no folder upwards has a ".dvc".`,
      { hint: 'Run "waybill init" in the folder that is to become one.' },
    );
  }
  const dvcFolder = join(root, ".dvc");
  const config = await readConfig(dvcFolder);
  return {
    root,
    dvcFolder,
    cacheFolder: cacheFolderOf(config, dvcFolder),
    noScm: isConfigOptionOn(config, "core", "no_scm"),
    linkTypes: linkTypesOf(config),
    config,
  };
}

/**
 * The path of a file as the repository sees it: relative to its root, with `/`.
 * @throws WaybillError `invalid_argument` when it lies outside
 */
export function pathInRepo(repo: Repo, path: string): string {
  const inside = relative(repo.root, resolve(path));
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new WaybillError(
      "invalid_argument",
      `"${path}" lies outside the repository "${repo.root}".`,
      { hint: "Copy or move the data into the repository first." },
    );
  }
  return inside.split(sep).join("/");
}

async function findRoot(folder: string): Promise<string | undefined> {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    const info = await stat(join(candidate, ".dvc")).catch(() => undefined);
    if (info?.isDirectory()) return candidate;
    if (dirname(candidate) === candidate) return undefined;
  }
}

function cacheFolderOf(config: Config, dvcFolder: string): string {
  const option = config.get("cache")?.get("dir");
  if (option === undefined) return join(dvcFolder, "cache");
  return resolve(option.folder, option.value);
}

function linkTypesOf(config: Config): readonly LinkType[] {
  const words = (configOption(config, "cache", "type") ?? "")
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "");
  if (words.length === 0) return DEFAULT_LINK_TYPES;
  return words.map((word) => {
    if (word === "reflink" || word === "hardlink" || word === "symlink" || word === "copy") {
      return word;
    }
    throw new WaybillError(
      "invalid_argument",
      `"cache.type" names an unknown link type "${word}".`,
      {
        hint: "Known are reflink, hardlink, symlink and copy.",
      },
    );
  });
}
