import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Artifact } from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { Step } from "../../metadata/index.ts";
import { recordVersion, relink } from "../add.ts";
import { type Cache, openCache } from "../cache.ts";
import { checkoutData } from "../checkout.ts";
import { digestWorkspace, type WorkspaceDigest } from "../digest.ts";
import type { TrackedData } from "../formats/dvc-file.ts";
import { isSameValue, type YamlMap } from "../formats/yaml-values.ts";
import { type Ignore, openIgnore } from "../ignore.ts";
import { isPlaceInRepo } from "../place.ts";
import { hideFromGit } from "../rearrange.ts";
import type { Repo } from "../repo.ts";
import { findTrackedFiles, loadTracked, placeOf, type TrackedFile } from "../tracked.ts";
import { holdCache } from "../writers.ts";
import { buildGraph, stageAddress, stagePlace, withUpstream } from "./graph.ts";
import {
  commandValue,
  type LockedStage,
  lockEntry,
  type MeasuredData,
  readLockFile,
  writeLockEntry,
} from "./lock.ts";
import { currentParams, requireParams } from "./params.ts";
import { findRun, isCacheable, saveRun } from "./run-cache.ts";
import type { Stage, StageOut } from "./stage.ts";

export interface ReproduceOptions {
  /** Stage names or addresses, `dvc.yaml` files or outputs; every stage when empty. */
  readonly targets?: readonly string[];
  readonly cwd?: string;
  /** Runs stages that did not change, and asks the run cache for none. */
  readonly force?: boolean;
  /** Leaves out the stages that the targets need. */
  readonly isSingle?: boolean;
  /** Runs nothing, says only which stages would. */
  readonly dryRun?: boolean;
  /** Where the commands' output goes: this process's own streams by default. */
  readonly stdio?: "inherit" | "ignore";
}

/** What became of a stage. */
export interface ReproducedStage {
  readonly name: string;
  /** `restored`: its outputs came from the cache. `stale`: it would run, in a dry run. */
  readonly outcome: "unchanged" | "restored" | "ran" | "stale";
  readonly versions: readonly Artifact[];
}

/**
 * Brings pipelines up to date, as `dvc repro` does: every stage whose command, dependencies, parameters or outputs
 * differ from `dvc.lock` is run, after those that it needs, unless a run with the same command, dependencies and
 * parameters is known, whose outputs are then checked out. `dvc.lock` is written as each stage ends.
 * @throws WaybillError `failed_precondition` when a command fails, for cycles and for overlapping outputs;
 *   `not_found` for a missing dependency, parameter, or output after a run
 */
export async function reproduce(
  step: Step,
  repo: Repo,
  options: ReproduceOptions = {},
): Promise<readonly ReproducedStage[]> {
  const ignore = openIgnore(repo.root);
  const tracked = await findTrackedFiles(repo, ignore);
  const stages = tracked.flatMap(({ stage }) => (stage === undefined ? [] : [stage]));
  const others = tracked
    .filter(({ stage }) => stage === undefined)
    .map((file) => ({
      name: `"${file.path}"`,
      places: file.content.outs.map((out) => placeOf(file, out)),
    }));
  const graph = buildGraph(stages, others);
  const names = new Set((await loadTracked(repo, ignore, options)).map(keyOf));
  const wanted = stages.filter((stage) => names.has(`${stage.file}\0${stage.name}`));
  const chosen =
    options.isSingle === true
      ? graph.ordered.filter((stage) => wanted.includes(stage))
      : withUpstream(graph, wanted);
  const context = { step, repo, cache: openCache(repo), ignore, options };
  const done: ReproducedStage[] = [];
  for (const [index, stage] of chosen.entries()) {
    step.signal.throwIfAborted();
    step.progress.report(`stage ${stage.name}`, index, chosen.length);
    done.push(await reproduceStage(context, stage));
  }
  return done;
}

interface Context {
  readonly step: Step;
  readonly repo: Repo;
  readonly cache: Cache;
  readonly ignore: Ignore;
  readonly options: ReproduceOptions;
}

async function reproduceStage(context: Context, stage: Stage): Promise<ReproducedStage> {
  const { step, repo, options } = context;
  const name = stageAddress(stage);
  const locked = (await readLockFile(repo, stage.file)).stages.get(stage.name);
  const isInputSame = stage.isFrozen || (await isSameInput(context, stage, locked));
  const force = options.force === true;
  if (!force && isInputSame && (await areOutsSame(context, stage, locked))) {
    return { name, outcome: "unchanged", versions: [] };
  }
  if (stage.isFrozen) return { name, outcome: "unchanged", versions: [] };
  if (options.dryRun === true) return { name, outcome: "stale", versions: [] };
  const params = await requireParams(repo, stage);
  const deps = await measureDeps(context, stage);
  const known = force
    ? undefined
    : await knownOuts(
        context,
        stage,
        isInputSame ? locked : undefined,
        lockEntry(stage, deps, params, []),
      );
  if (known === undefined) {
    await run(context, stage);
  } else {
    step.log.log("info", `stage "${name}" is known: checking out its outputs`);
    for (const { out, data } of known) await restore(context, stage, out, data);
  }
  const versions = await save(context, stage, params);
  return { name, outcome: known === undefined ? "ran" : "restored", versions };
}

async function isSameInput(
  { repo, ignore, step }: Context,
  stage: Stage,
  locked: LockedStage | undefined,
): Promise<boolean> {
  if (locked === undefined || stage.isAlwaysChanged) return false;
  if (stage.deps.length === 0 && stage.params.length === 0) return false;
  if (!isSameValue(commandValue(stage), locked.command)) return false;
  for (const path of stage.deps) {
    const data = locked.deps.find((dep) => dep.path === path);
    if (data?.md5 === undefined) return false;
    const place = stagePlace(stage, path);
    const { hashName } = data;
    const digest = await digestWorkspace(repo, place, ignore, { hashName, signal: step.signal });
    if (digest?.md5 !== data.md5) return false;
  }
  const now = await currentParams(repo, stage);
  return stage.params.every(({ file }) => isSameValue(now.get(file), locked.params.get(file)));
}

async function areOutsSame(
  { repo, cache, ignore, step }: Context,
  stage: Stage,
  locked: LockedStage | undefined,
): Promise<boolean> {
  for (const out of stage.outs) {
    const data = locked?.outs.find(({ path }) => path === out.path);
    if (data?.md5 === undefined) return false;
    const place = stagePlace(stage, out.path);
    const { hashName } = data;
    const digest = await digestWorkspace(repo, place, ignore, { hashName, signal: step.signal });
    if (digest?.md5 !== data.md5) return false;
    if (out.isCached && !isWhole(cache, data)) return false;
  }
  return true;
}

/** The outputs of the last run, if its inputs are the same, or of an earlier one; all in the cache. */
async function knownOuts(
  { repo, cache }: Context,
  stage: Stage,
  last: LockedStage | undefined,
  entry: YamlMap,
): Promise<readonly { out: StageOut; data: TrackedData }[] | undefined> {
  if (!isCacheable(stage)) return undefined;
  const candidates = [last, await findRun(repo, stage, entry)];
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    const found = stage.outs.flatMap((out) => {
      const data = candidate.outs.find(({ path }) => path === out.path);
      return data !== undefined && isWhole(cache, data) ? [{ out, data }] : [];
    });
    if (found.length === stage.outs.length) return found;
  }
  return undefined;
}

function isWhole(cache: Cache, { md5, hashName }: TrackedData): boolean {
  if (md5 === undefined || !cache.has(md5, hashName)) return false;
  if (!md5.endsWith(".dir")) return true;
  const entries = cache.readFolderObject(md5, hashName);
  return (
    cache.missing(
      entries.map((entry) => entry.md5),
      hashName,
    ).length === 0
  );
}

async function restore(
  { repo, cache, ignore, step }: Context,
  stage: Stage,
  out: StageOut,
  data: TrackedData,
): Promise<void> {
  const place = stagePlace(stage, out.path);
  // What git keeps must be a file of its own, not a link into the cache.
  const linked = out.isCached ? repo : { ...repo, linkTypes: ["copy" as const] };
  const { signal, progress } = step;
  const work = { cache, ignore, place, out: data, force: true, relink: false, signal, progress };
  await checkoutData({ ...work, repo: linked });
}

async function measureDeps(
  { repo, ignore, step }: Context,
  stage: Stage,
): Promise<readonly MeasuredData[]> {
  const measured: MeasuredData[] = [];
  for (const path of stage.deps) {
    const place = stagePlace(stage, path);
    if (place.includes("://")) {
      throw new WaybillError(
        "unimplemented",
        `The dependency "${path}" of stage "${stage.name}" is a URL.`,
        {
          hint: "Import the data first, and depend on the file.",
        },
      );
    }
    const digest = await digestWorkspace(repo, place, ignore, { signal: step.signal });
    if (digest === undefined) {
      throw new WaybillError(
        "not_found",
        `Stage "${stageAddress(stage)}" depends on "${place}", which is not there.`,
        { hint: "Check it out, pull it, or reproduce the stage that makes it." },
      );
    }
    measured.push(measuredOf(path, digest));
  }
  return measured;
}

/** Runs a stage's commands, one after another, in its folder; old outputs are removed before. */
async function run({ repo, step, options }: Context, stage: Stage): Promise<void> {
  for (const out of stage.outs) {
    const place = stagePlace(stage, out.path);
    if (!out.isPersistent && isPlaceInRepo(place)) {
      rmSync(join(repo.root, place), { recursive: true, force: true });
    }
  }
  const folder = join(repo.root, stage.wdir);
  if (!existsSync(folder)) {
    throw new WaybillError(
      "not_found",
      `Stage "${stage.name}" runs in "${stage.wdir}", which is not there.`,
    );
  }
  const { command } = stage;
  const commands = typeof command === "string" ? command.split("\n") : command;
  for (const line of commands.filter((text) => text.trim() !== "")) {
    step.log.log("info", `stage "${stageAddress(stage)}": ${line}`);
    await runCommand(line, folder, {
      signal: step.signal,
      stdio: options.stdio ?? "inherit",
      variables: { DVC_ROOT: repo.root, DVC_STAGE: stageAddress(stage) },
      stage: stageAddress(stage),
    });
  }
}

/** How long an interrupted command may take to end by itself. */
const KILL_AFTER_MS = 5000;

async function runCommand(
  command: string,
  folder: string,
  options: {
    readonly signal: AbortSignal;
    readonly stdio: "inherit" | "ignore";
    readonly variables: Readonly<Record<string, string>>;
    readonly stage: string;
  },
): Promise<void> {
  // The user's own shell, without its start-up files, as dvc chooses it.
  const shell = process.env["SHELL"] ?? "/bin/sh";
  const quiet: Readonly<Record<string, readonly string[]>> = {
    bash: ["--noprofile", "--norc"],
    zsh: ["--no-rcs"],
  };
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const child = spawn(shell, [...(quiet[basename(shell)] ?? []), "-c", command], {
    cwd: folder,
    env: { ...process.env, ...options.variables },
    stdio: ["ignore", options.stdio, options.stdio],
    // A group of its own, so that what the command starts ends with it.
    detached: true,
  });
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It ended in the meantime.
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), KILL_AFTER_MS);
  };
  options.signal.addEventListener("abort", stop, { once: true });
  child.once("error", reject);
  child.once("exit", (code, signal) => {
    resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`));
  });
  try {
    const failure = await promise;
    options.signal.throwIfAborted();
    if (failure === undefined) return;
    throw new WaybillError(
      "failed_precondition",
      `Stage "${options.stage}" failed: ${command} ended with ${failure}.`,
      { hint: "Its own messages are above; dvc.lock still has the last run that worked." },
    );
  } catch (error) {
    throw WaybillError.from(error);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", stop);
  }
}

/** Records a stage as it is now: outputs into the cache, its entry into `dvc.lock` and the run cache. */
async function save(context: Context, stage: Stage, params: YamlMap): Promise<readonly Artifact[]> {
  const { step, repo, cache, ignore } = context;
  // As dvc has it: with outputs that are in no cache there is nothing to restore a run from, metrics excepted.
  const isRemembered =
    isCacheable(stage) && stage.outs.every((out) => out.isCached || out.kind !== "outs");
  const outs: MeasuredData[] = [];
  const versions: Artifact[] = [];
  using _held = await holdCache(repo, step.signal);
  for (const out of stage.outs) {
    const place = stagePlace(stage, out.path);
    const digest = await digestWorkspace(repo, place, ignore, {
      ...(out.isCached || isRemembered ? { storeIn: cache } : {}),
      signal: step.signal,
      progress: step.progress,
    });
    if (digest === undefined) {
      throw new WaybillError(
        "not_found",
        `Stage "${stageAddress(stage)}" did not write its output "${place}".`,
        { hint: "Mend the command, or take the output out of dvc.yaml." },
      );
    }
    outs.push(measuredOf(out.path, digest));
    if (!out.isCached) continue;
    await relink(repo, cache, place, digest);
    if (isPlaceInRepo(place)) await hideFromGit(repo, place);
    const properties = { stage: stageAddress(stage) };
    versions.push(await recordVersion(step, repo, cache, place, digest, properties));
  }
  const entry = lockEntry(stage, await measureDeps(context, stage), params, outs);
  await writeLockEntry(repo, stage, entry);
  if (isRemembered) await saveRun(repo, stage, entry);
  return versions;
}

function measuredOf(path: string, digest: WorkspaceDigest): MeasuredData {
  return {
    path,
    md5: digest.md5,
    sizeBytes: digest.sizeBytes,
    fileCount: digest.isFolder ? digest.fileCount : undefined,
    isExecutable: digest.isExecutable,
  };
}

function keyOf({ path, stage }: TrackedFile): string {
  return `${path}\0${stage?.name ?? ""}`;
}
