import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { WaybillError, writeFileAtomically } from "../../foundation/index.ts";
import { compareCodePoints } from "../formats/dir-object.ts";
import { parseTrackedData, type TrackedData } from "../formats/dvc-file.ts";
import { stringifyYaml, YamlPlain, type YamlValue } from "../formats/yaml.ts";
import { isList, isYamlMap, parseYamlValues, type YamlMap } from "../formats/yaml-values.ts";
import type { Repo } from "../repo.ts";
import type { Stage } from "./stage.ts";

/** What a stage was when it last ran, as `dvc.lock` has it. */
export interface LockedStage {
  readonly command: YamlValue;
  readonly deps: readonly TrackedData[];
  /** Values by file, then by key. */
  readonly params: YamlMap;
  readonly outs: readonly TrackedData[];
}

/** Data of a stage, measured now. */
export interface MeasuredData {
  readonly path: string;
  readonly md5: string;
  readonly sizeBytes: number;
  readonly fileCount: number | undefined;
  readonly isExecutable: boolean;
}

/** A `dvc.lock`: its stages by name, and as a value that can be written back. */
export interface LockFile {
  readonly path: string;
  readonly content: YamlMap;
  readonly stages: ReadonlyMap<string, LockedStage>;
}

/** The `dvc.lock` beside a `dvc.yaml`. */
export function lockPath(file: string): string {
  return posix.join(posix.dirname(file), "dvc.lock");
}

/**
 * Reads the `dvc.lock` beside a `dvc.yaml`; one that is not there is empty.
 * @throws WaybillError `invalid_argument`
 */
export async function readLockFile(repo: Repo, file: string): Promise<LockFile> {
  const path = lockPath(file);
  const absolute = join(repo.root, path);
  if (!existsSync(absolute)) return { path, content: new Map(), stages: new Map() };
  return parseLockFile(readFileSync(absolute, "utf8"), path);
}

/**
 * Parses a `dvc.lock`.
 * @throws WaybillError `invalid_argument`
 */
export async function parseLockFile(text: string, path: string): Promise<LockFile> {
  const content = (await parseYamlValues(text, path)) ?? new Map();
  if (!isYamlMap(content)) throw invalid(path, "it is not a mapping");
  const schema = content.get("schema");
  if (content.size > 0 && schema !== "2.0") {
    throw invalid(path, `its schema is ${JSON.stringify(schema)}, not "2.0"`);
  }
  const stages = content.get("stages") ?? new Map();
  if (!isYamlMap(stages)) throw invalid(path, '"stages" is not a mapping');
  const parsed = [...stages].map(([name, stage]) => {
    if (!isYamlMap(stage)) throw invalid(path, `stage "${name}" is not a mapping`);
    return [name, parseLockedStage(stage, path)] as const;
  });
  return { path, content, stages: new Map(parsed) };
}

/** Parses the entry of one stage, from a `dvc.lock` or from the run cache. */
export function parseLockedStage(stage: YamlMap, path: string): LockedStage {
  const data = (key: string): readonly TrackedData[] => {
    const list = stage.get(key) ?? [];
    if (!isList(list)) throw invalid(path, `"${key}" is not a list`);
    return list.map((entry) => parseTrackedData(plainObject(entry), path));
  };
  const params = stage.get("params") ?? new Map();
  if (!isYamlMap(params)) throw invalid(path, '"params" is not a mapping');
  return { command: stage.get("cmd") ?? "", deps: data("deps"), params, outs: data("outs") };
}

/**
 * The entry of a stage as dvc writes it: command, then dependencies, parameters and outputs, each by path; the
 * default file of parameters first.
 */
export function lockEntry(
  stage: Stage,
  deps: readonly MeasuredData[],
  params: YamlMap,
  outs: readonly MeasuredData[],
): YamlMap {
  const entry = new Map<string, YamlValue>();
  entry.set("cmd", commandValue(stage));
  if (deps.length > 0)
    entry.set(
      "deps",
      byPath(deps).map((dep) => dataEntry(dep)),
    );
  if (params.size > 0) entry.set("params", params);
  if (outs.length > 0)
    entry.set(
      "outs",
      byPath(outs).map((out) => dataEntry(out)),
    );
  return entry;
}

/** A stage's command as it stands in `dvc.lock`. */
export function commandValue({ command }: Stage): YamlValue {
  return typeof command === "string" ? command : [...command];
}

/** Writes a stage's entry into its `dvc.lock`: in its place, or at the end. */
export async function writeLockEntry(repo: Repo, stage: Stage, entry: YamlMap): Promise<void> {
  const lock = await readLockFile(repo, stage.file);
  const stages = lock.content.get("stages");
  const content = new Map(lock.content);
  if (content.size === 0) content.set("schema", "2.0");
  content.set("stages", new Map(isYamlMap(stages) ? stages : []).set(stage.name, entry));
  await writeFileAtomically(join(repo.root, lock.path), stringifyYaml(content));
}

function dataEntry(data: MeasuredData): YamlMap {
  const entry = new Map<string, YamlValue>([
    ["path", data.path],
    ["hash", "md5"],
    ["md5", data.md5],
    ["size", data.sizeBytes],
  ]);
  if (data.fileCount !== undefined) entry.set("nfiles", data.fileCount);
  if (data.isExecutable) entry.set("isexec", true);
  return entry;
}

function byPath(list: readonly MeasuredData[]): MeasuredData[] {
  return [...list].sort((a, b) => compareCodePoints(a.path, b.path));
}

function plainObject(value: YamlValue): unknown {
  if (!isYamlMap(value)) return value;
  return Object.fromEntries(
    [...value].map(([key, member]) => [key, member instanceof YamlPlain ? member.text : member]),
  );
}

function invalid(path: string, why: string): WaybillError {
  return new WaybillError("invalid_argument", `"${path}" is not a valid dvc.lock: ${why}.`, {
    hint: "Take it from git, or remove it and reproduce the pipeline.",
  });
}
