import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Engine } from "../engine/index.ts";
import {
  type Clock,
  canonicalJson,
  digestOf,
  systemClock,
  WaybillError,
  writeFileAtomically,
} from "../foundation/index.ts";
import { contentDigest, type Recorder, type Step } from "../metadata/index.ts";
import type { Definitions } from "./definitions.ts";
import { parseDefinitions } from "./definitions-file.ts";
import { wholeView } from "./materialize.ts";
import { buildRegistry, definitionsOf, KINDS, type Registry, type Times } from "./registry.ts";
import { openViewRows, type SourceResolver } from "./view-rows.ts";

/** What {@link applyRegistry} is told. */
interface ApplyOptions {
  /** Where registries are written, one file for each state. */
  readonly folder: string;
  /** The registry to change, as {@link readRegistry} gave it; undefined for the first. */
  readonly current: Registry | undefined;
  /** The project, when there is no registry yet; "default" when left out. */
  readonly project?: string;
  /** Also removes definitions that are not among the given ones. */
  readonly replace?: boolean;
  /**
   * Opens the sources of all views and checks that they have the columns that are declared. Left out, that
   * is found when they are first read.
   */
  readonly check?: { readonly engine: Engine; readonly resolve: SourceResolver };
  readonly clock?: Clock;
}

/** One difference that an apply made. */
export interface RegistryChange {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  readonly change: "created" | "updated" | "deleted";
}

/** The registry after an apply; without changes it is the one before. */
interface Applied {
  readonly registry: Registry;
  readonly changes: readonly RegistryChange[];
}

/**
 * Adds definitions to a registry, or changes those of the same name, and moves the registry's head to the
 * result: another apply in between makes the step `aborted` and changes nothing. When nothing differs
 * nothing is written.
 * @throws `invalid_argument` with everything that is wrong with the definitions; `failed_precondition` when
 * a source is checked and lacks a column
 */
export async function applyRegistry(
  step: Step,
  definitions: Definitions,
  options: ApplyOptions,
): Promise<Applied> {
  const { current } = options;
  const project = current?.project ?? options.project ?? "default";
  const merged = mergeDefinitions(current, definitions, options.replace === true);
  const checked = buildRegistry(merged, { project });
  const changes = differences(current, checked);
  if (options.check !== undefined) {
    const { engine, resolve } = options.check;
    for (const view of checked.featureViews.values()) {
      const planned = wholeView(checked, view);
      await openViewRows(engine, checked, resolve, planned, { signal: step.signal });
    }
  }
  if (current?.artifact !== undefined) step.input("registry", current.artifact);
  step.note("changes", changes.length);
  if (current !== undefined && changes.length === 0) return { registry: current, changes };

  const nowMs = (options.clock ?? systemClock).nowMs();
  const times = timesAfter(current, checked, changes, nowMs);
  const text = printRegistry({ ...checked, times });
  const sha256 = digestOf("sha256", text);
  const path = join(options.folder, `${sha256}.json`);
  await writeFileAtomically(path, text);
  const artifact = step.output("registry", "FeatureRegistry", {
    uri: pathToFileURL(path).href,
    customProperties: {
      sha256,
      project,
      ...Object.fromEntries(KINDS.map((kind) => [kind, BigInt(checked[kind].size)])),
      changes: changes.map(({ kind, name, change }) => `${change} ${kind}/${name}`),
    },
    ref: { name: registryRef(project), expect: current?.artifact?.id },
  });
  return { registry: { ...checked, times, artifact }, changes };
}

/**
 * The registry that a project's head points at, or undefined before the first apply.
 * @throws `data_loss` when its file is missing, changed or cannot be read
 */
export async function readRegistry(
  recorder: Pick<Recorder, "ref">,
  project = "default",
): Promise<Registry | undefined> {
  const artifact = await recorder.ref(registryRef(project));
  if (artifact === undefined) return undefined;
  const path = fileURLToPath(artifact.uri);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw damaged(path, "cannot be read", error);
  }
  if (contentDigest(artifact) !== `sha256:${digestOf("sha256", text)}`) {
    throw damaged(path, "is not what was recorded");
  }
  return parseRegistry(text, path, artifact);
}

/** The name of the head that points at a project's registry. */
function registryRef(project: string): string {
  return project === "default" ? "features:registry" : `features:registry:${project}`;
}

const FORMAT_VERSION = 1;

function printRegistry(registry: Registry): string {
  const content = {
    formatVersion: FORMAT_VERSION,
    project: registry.project,
    ...definitionsOf(registry),
    times: Object.fromEntries(
      [...registry.times].map(([name, { createdMs, lastUpdatedMs }]) => [
        name,
        [new Date(createdMs).toISOString(), new Date(lastUpdatedMs).toISOString()],
      ]),
    ),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function parseRegistry(text: string, path: string, artifact: Artifact): Registry {
  try {
    const { formatVersion, project, times, ...definitions } = JSON.parse(text);
    if (formatVersion !== FORMAT_VERSION) {
      throw new WaybillError(
        "failed_precondition",
        `Registry "${path}" has format ${formatVersion}; this Waybill reads ${FORMAT_VERSION}.`,
        { hint: "Use the Waybill that wrote it, or a newer one." },
      );
    }
    const parsedTimes = new Map<string, Times>(
      Object.entries(times).map(([name, pair]) => {
        const [created, updated] = Array.isArray(pair) ? pair.map(Date.parse) : [];
        return [name, { createdMs: created ?? 0, lastUpdatedMs: updated ?? 0 }];
      }),
    );
    return buildRegistry(parseDefinitions(definitions, path), {
      project: String(project),
      times: parsedTimes,
      artifact,
    });
  } catch (error) {
    if (error instanceof WaybillError && error.code === "failed_precondition") throw error;
    throw damaged(path, "cannot be read", error);
  }
}

function damaged(path: string, what: string, cause?: unknown): WaybillError {
  return new WaybillError("data_loss", `The feature registry "${path}" ${what}.`, {
    hint: "Restore the file, or apply all definitions again to a project of another name.",
    cause,
  });
}

function mergeDefinitions(
  current: Registry | undefined,
  given: Definitions,
  replace: boolean,
): Definitions {
  if (current === undefined || replace) return given;
  const before = definitionsOf(current);
  return {
    entities: merged(before.entities, given.entities),
    sources: merged(before.sources, given.sources),
    featureViews: merged(before.featureViews, given.featureViews),
    onDemandFeatureViews: merged(before.onDemandFeatureViews, given.onDemandFeatureViews),
    featureServices: merged(before.featureServices, given.featureServices),
  };
}

/** Those before that are not given again, then the given ones; a name given twice stays twice. */
function merged<T extends { readonly name: string }>(
  before: readonly T[],
  given: readonly T[] = [],
): readonly T[] {
  const names = new Set(given.map(({ name }) => name));
  return [...before.filter(({ name }) => !names.has(name)), ...given];
}

function differences(before: Registry | undefined, after: Registry): RegistryChange[] {
  const changes: RegistryChange[] = [];
  for (const kind of KINDS) {
    const earlier: ReadonlyMap<string, unknown> = before?.[kind] ?? new Map();
    for (const [name, definition] of after[kind]) {
      const known = earlier.get(name);
      if (known === undefined) changes.push({ kind, name, change: "created" });
      else if (canonicalJson(known) !== canonicalJson(definition)) {
        changes.push({ kind, name, change: "updated" });
      }
    }
    for (const name of earlier.keys()) {
      if (!after[kind].has(name)) changes.push({ kind, name, change: "deleted" });
    }
  }
  return changes;
}

/** Created times are kept; what changed was updated now. */
function timesAfter(
  before: Registry | undefined,
  after: Registry,
  changes: readonly RegistryChange[],
  nowMs: number,
): ReadonlyMap<string, Times> {
  const changed = new Set(changes.map(({ kind, name }) => `${kind}/${name}`));
  const times = new Map<string, Times>();
  for (const kind of KINDS) {
    for (const name of after[kind].keys()) {
      const id = `${kind}/${name}`;
      const earlier = before?.times.get(id);
      times.set(id, {
        createdMs: earlier?.createdMs ?? nowMs,
        lastUpdatedMs: earlier === undefined || changed.has(id) ? nowMs : earlier.lastUpdatedMs,
      });
    }
  }
  return times;
}
