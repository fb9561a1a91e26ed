import { existsSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { type DvcFile, parseDvcFile, type TrackedData } from "./formats/dvc-file.ts";
import type { Ignore } from "./ignore.ts";
import { type LockedStage, readLockFile } from "./pipeline/lock.ts";
import { loadStages, type Stage } from "./pipeline/stage.ts";
import { pathInRepo, type Repo } from "./repo.ts";
import { listFolder } from "./workspace.ts";

/** A `.dvc` file of the repository, or a stage of a `dvc.yaml`, and what it tracks. */
export interface TrackedFile {
  /** The path of the `.dvc` file or `dvc.yaml` in the repository, with `/`. */
  readonly path: string;
  /** The stage, for one of a `dvc.yaml`; its digests are those of `dvc.lock`. */
  readonly stage?: Stage;
  /** What `dvc.lock` says of the stage; undefined when it never ran. */
  readonly locked?: LockedStage | undefined;
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
      } else if (isTrackingFile(entry.name)) {
        if (!next.rules.isIgnored(path, false)) names.push(path);
      }
    }
    for (const path of names.sort()) {
      const files = path.endsWith(".dvc")
        ? [await readTrackedFile(repo, path)]
        : await trackedStages(repo, path);
      found.push(...files);
      for (const file of files) {
        for (const out of file.content.outs) tracked.add(placeOf(file, out));
      }
    }
    for (const folder of folders.sort()) {
      if (!tracked.has(folder)) pending.push({ folder, rules: next.rules.inside(folder) });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** The stages of a `dvc.yaml`, with the digests that its `dvc.lock` records. */
async function trackedStages(repo: Repo, path: string): Promise<TrackedFile[]> {
  const [stages, lock] = [await loadStages(repo, path), await readLockFile(repo, path)];
  return stages.map((stage) => trackedStage(stage, lock.stages.get(stage.name)));
}

/** A stage as something that tracks its outputs. */
export function trackedStage(stage: Stage, locked: LockedStage | undefined): TrackedFile {
  const data = (list: readonly TrackedData[] | undefined, spelled: string): TrackedData =>
    list?.find(({ path }) => path === spelled) ?? { ...NOTHING_RECORDED, path: spelled };
  return {
    path: stage.file,
    stage,
    locked,
    text: "",
    content: {
      outs: stage.outs.map(({ path, isCached, isPushed, remote }) => ({
        ...data(locked?.outs, path),
        isCached,
        isPushed,
        remote,
      })),
      deps: stage.deps.map((path) => data(locked?.deps, path)),
      wdir: posix.relative(posix.dirname(stage.file), stage.wdir) || ".",
      isFrozen: stage.isFrozen,
      other: {},
    },
  };
}

const NOTHING_RECORDED: Omit<TrackedData, "path"> = {
  md5: undefined,
  hashName: "md5",
  sizeBytes: undefined,
  fileCount: undefined,
  isExecutable: false,
  isCached: true,
  isPushed: true,
  remote: undefined,
  other: {},
};

function isTrackingFile(name: string): boolean {
  return (name.endsWith(".dvc") && name !== ".dvc") || name === "dvc.yaml";
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
  return targets.flatMap((target) => {
    const chosen = files.filter(
      (candidate) =>
        candidate.path === target ||
        isNamed(candidate, target) ||
        candidate.content.outs.some((out) => placeOf(candidate, out) === target),
    );
    if (chosen.length > 0) return chosen;
    const isThere = existsSync(join(repo.root, target));
    throw new WaybillError(
      "not_found",
      isThere ? `"${target}" is not tracked.` : `There is no "${target}".`,
      { hint: isThere ? `Track it with "waybill add ${target}".` : "Check the path." },
    );
  });
}

/** Whether a target is a stage's address, name, or the name of the `foreach` or `matrix` that made it. */
function isNamed({ stage }: TrackedFile, target: string): boolean {
  if (stage === undefined) return false;
  const isAtRoot = stage.file === "dvc.yaml";
  const [group] = stage.name.split("@");
  return [stage.name, group].some(
    (name) => target === `${stage.file}:${name}` || (isAtRoot && target === name),
  );
}
