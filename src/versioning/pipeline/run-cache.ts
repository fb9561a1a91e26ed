import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { digestOf, writeFileAtomically } from "../../foundation/index.ts";
import { compareCodePoints } from "../formats/dir-object.ts";
import { stringifyYaml, type YamlValue } from "../formats/yaml.ts";
import {
  isList,
  isYamlMap,
  parseYamlValues,
  pythonJson,
  type YamlMap,
} from "../formats/yaml-values.ts";
import { isPlaceInRepo } from "../place.ts";
import type { Repo } from "../repo.ts";
import { stagePlace } from "./graph.ts";
import { type LockedStage, parseLockedStage } from "./lock.ts";
import type { Stage } from "./stage.ts";

/**
 * Whether runs of a stage are remembered: it has dependencies and outputs, all of them files here, and what it
 * does follows from them alone.
 */
export function isCacheable(stage: Stage): boolean {
  return (
    !stage.isAlwaysChanged &&
    stage.deps.length > 0 &&
    stage.outs.length > 0 &&
    stage.deps.every((dep) => !dep.includes("://")) &&
    stage.outs.every((out) => !out.isPersistent && isPlaceInRepo(stagePlace(stage, out.path)))
  );
}

/** What the newest run with this command, these dependencies and these parameters left, or undefined. */
export async function findRun(
  repo: Repo,
  stage: Stage,
  entry: YamlMap,
): Promise<LockedStage | undefined> {
  const folder = runFolder(repo, keyOf(entry, stage));
  if (!existsSync(folder)) return undefined;
  const newest = readdirSync(folder)
    .filter((name) => /^[0-9a-f]{64}$/u.test(name))
    .map((name) => ({ path: join(folder, name), timeMs: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.timeMs - a.timeMs)[0];
  if (newest === undefined) return undefined;
  try {
    const value = await parseYamlValues(readFileSync(newest.path, "utf8"), newest.path);
    return isYamlMap(value) ? parseLockedStage(value, newest.path) : undefined;
  } catch {
    // A damaged memory of a run is as good as none: the stage runs.
    return undefined;
  }
}

/** Remembers a run by its entry in `dvc.lock`. */
export async function saveRun(repo: Repo, stage: Stage, entry: YamlMap): Promise<void> {
  const path = join(
    runFolder(repo, keyOf(entry, stage)),
    digestOf("sha256", pythonJson(withoutSizes(entry))),
  );
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  await writeFileAtomically(path, stringifyYaml(entry));
}

function runFolder(repo: Repo, key: string): string {
  return join(repo.cacheFolder, "runs", key.slice(0, 2), key);
}

/** The digest of an entry with its outputs reduced to their paths. */
function keyOf(entry: YamlMap, stage: Stage): string {
  const paths = stage.outs.map(({ path }) => path).sort(compareCodePoints);
  return digestOf("sha256", pythonJson(withoutSizes(new Map(entry).set("outs", paths))));
}

function withoutSizes(value: YamlValue): YamlValue {
  if (isList(value)) return value.map(withoutSizes);
  if (!isYamlMap(value)) return value;
  return new Map(
    [...value]
      .filter(([key]) => key !== "size" && key !== "nfiles")
      .map(([key, member]) => [key, withoutSizes(member)]),
  );
}
