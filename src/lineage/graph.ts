import {
  type Artifact,
  Artifact_State,
  type Event,
  Event_Type,
  type Execution,
  Execution_State,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  contentDigest,
  type MetadataStore,
  neighbourhood,
  PARAMETERS_PROPERTY,
  type PlainValue,
  propertiesOf,
} from "../metadata/index.ts";

/** Hops of a walk without a depth: beyond any real chain, within memory. */
const HOPS_MAX = 100_000;

/** A thing that was read or made. */
export interface ArtifactNode {
  readonly kind: "artifact";
  readonly id: bigint;
  readonly type: string;
  /** Empty when the artifact has none. */
  readonly name: string;
  readonly uri: string;
  /** MLMD's word: `LIVE`, `DELETED`, ... */
  readonly state: string;
  /** `sha256:...` or `md5:...` of its bytes, when it was recorded. */
  readonly digest: string | undefined;
  readonly properties: Readonly<Record<string, PlainValue>>;
  readonly createdMs: number;
}

/** A step that ran. */
export interface ExecutionNode {
  readonly kind: "execution";
  readonly id: bigint;
  readonly type: string;
  /** MLMD's word: `COMPLETE`, `FAILED`, `CACHED`, ... */
  readonly state: string;
  /** What it was told to do. */
  readonly parameters: Readonly<Record<string, PlainValue>>;
  /** The version of the code that ran: properties beginning with `code_`. */
  readonly code: Readonly<Record<string, PlainValue>>;
  /** All else that was recorded: environment, user, measured facts, errors. */
  readonly facts: Readonly<Record<string, PlainValue>>;
  readonly startedMs: number;
  /** When it was last written, which for a closed one is when it ended. */
  readonly endedMs: number;
}

/** One use of an artifact by an execution. */
export interface LineageEdge {
  readonly artifactId: bigint;
  readonly executionId: bigint;
  readonly role: "input" | "output";
  /** MLMD's word: `INPUT`, `OUTPUT`, `DECLARED_INPUT`, ... */
  readonly event: string;
  /** Keys and indexes, as `examples/0`. */
  readonly path: string;
}

/** What can be reached from one artifact or execution in one direction, each node and edge once. */
export interface LineageGraph {
  readonly start: { readonly kind: "artifact" | "execution"; readonly id: bigint };
  readonly direction: "upstream" | "downstream";
  readonly artifacts: readonly ArtifactNode[];
  readonly executions: readonly ExecutionNode[];
  readonly edges: readonly LineageEdge[];
}

export type LineageStart =
  | { readonly kind: "artifact"; readonly id: bigint }
  | { readonly kind: "execution"; readonly id: bigint };

export interface LineageOptions {
  /** How many executions away to look; all of them when left out. */
  readonly depth?: number;
}

/** Where something came from: the executions that made it, what they read, and so on. */
export async function upstream(
  store: MetadataStore,
  start: LineageStart,
  options: LineageOptions = {},
): Promise<LineageGraph> {
  return walk(store, start, "upstream", options);
}

/** What was made from something: the executions that read it, what they made, and so on. */
export async function impact(
  store: MetadataStore,
  start: LineageStart,
  options: LineageOptions = {},
): Promise<LineageGraph> {
  return walk(store, start, "downstream", options);
}

async function walk(
  store: MetadataStore,
  start: LineageStart,
  direction: "upstream" | "downstream",
  { depth }: LineageOptions,
): Promise<LineageGraph> {
  // From an artifact an execution's far side is two hops away, from an execution its own side is one.
  const hopsMax =
    depth === undefined ? HOPS_MAX : start.kind === "artifact" ? depth * 2 : depth * 2 - 1;
  const found = await neighbourhood(store, {
    from: start.kind,
    ids: [start.id],
    direction,
    hopsMax: Math.max(hopsMax, 0),
  });
  return {
    start,
    direction,
    artifacts: found.artifacts.map(artifactNode),
    executions: found.executions.map(executionNode),
    edges: found.events.map(edge),
  };
}

function artifactNode(artifact: Artifact): ArtifactNode {
  return {
    kind: "artifact",
    id: artifact.id,
    type: artifact.type,
    name: artifact.name,
    uri: artifact.uri,
    state: nameOf(Artifact_State, artifact.state),
    digest: contentDigest(artifact),
    properties: propertiesOf(artifact),
    createdMs: Number(artifact.createTimeSinceEpoch),
  };
}

function executionNode(execution: Execution): ExecutionNode {
  const all = propertiesOf(execution);
  const parameterNames = parameterNamesOf(all[PARAMETERS_PROPERTY], execution);
  const parameters: Record<string, PlainValue> = {};
  const code: Record<string, PlainValue> = {};
  const facts: Record<string, PlainValue> = {};
  for (const [name, value] of Object.entries(all)) {
    if (parameterNames.has(name)) parameters[name] = value;
    else if (name.startsWith("code_")) code[name] = value;
    else if (!name.startsWith("__")) facts[name] = value;
  }
  return {
    kind: "execution",
    id: execution.id,
    type: execution.type,
    state: nameOf(Execution_State, execution.lastKnownState),
    parameters,
    code,
    facts,
    startedMs: Number(execution.createTimeSinceEpoch),
    endedMs: Number(execution.lastUpdateTimeSinceEpoch),
  };
}

/** Which properties are parameters: those that the recorder lists; else all, as TFX records only them. */
function parameterNamesOf(listed: PlainValue, execution: Execution): ReadonlySet<string> {
  const names = typeof listed === "string" ? namesIn(listed) : undefined;
  if (names !== undefined) return names;
  const isOurs = Object.keys(execution.customProperties).some((name) => name.startsWith("code_"));
  return new Set(
    isOurs
      ? []
      : Object.keys({ ...execution.properties, ...execution.customProperties }).filter(
          (name) => !name.startsWith("__"),
        ),
  );
}

/** The names in a JSON list; undefined when somebody else wrote something else there. */
function namesIn(text: string): ReadonlySet<string> | undefined {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? new Set(names.map(String)) : undefined;
  } catch {
    return undefined;
  }
}

function edge(event: Event): LineageEdge {
  const name = nameOf(Event_Type, event.type);
  return {
    artifactId: event.artifactId,
    executionId: event.executionId,
    role: name.endsWith("INPUT") ? "input" : "output",
    event: name,
    path: (event.path?.steps ?? []).map((step) => String(step.value.value ?? "")).join("/"),
  };
}

function nameOf(words: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(words).find((word) => words[word] === value) ?? String(value);
}
