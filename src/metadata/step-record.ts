import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  type Artifact,
  Artifact_State,
  ArtifactSchema,
  type Context,
  ContextSchema,
  type Event,
  Event_Path_StepSchema,
  Event_Type,
  EventSchema,
  Execution_State,
  type PropertyType,
  type Value,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { WriteTransaction } from "../database/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { artifactTypes, executionBaseTypes } from "./artifact-types.ts";
import type { StepInputs } from "./cache-key.ts";
import { endLease, type LeaseHolder, takeLease } from "./lease.ts";
import { propertyTypeFor, toValue, toValues } from "./properties.ts";
import { insertPath } from "./rdbms/edges.ts";
import type { Output, Properties, Run } from "./record.ts";
import { moveRef } from "./refs.ts";
import type { MetadataCalls } from "./store.ts";

/** The custom property that lists which of the others are parameters, as JSON. */
export const PARAMETERS_PROPERTY = "__parameters__";

/** What is known of a step when it is opened. */
export interface Opening {
  readonly type: string;
  readonly run: Run | undefined;
  readonly inputs: StepInputs;
  readonly parameters: Properties;
  readonly stamp: Properties;
  /** Name of the `execution_cache` context, for steps that can be reused. */
  readonly cacheKey: string | undefined;
}

/** An execution that was opened, with what closing it needs. */
export interface Opened {
  readonly executionId: bigint;
  readonly typeId: bigint;
  readonly contextIds: readonly bigint[];
}

/** An output that a step has declared. */
export interface PendingOutput {
  readonly key: string;
  readonly type: string;
  readonly output: Output;
  /** What the step was given; its id is filled in when the record is committed. */
  readonly artifact: Artifact;
}

/** How a step ended without its outputs. */
export interface Failure {
  readonly state: typeof Execution_State.FAILED | typeof Execution_State.CANCELED;
  readonly properties: Properties;
}

/** Writes the Execution as RUNNING with its contexts and INPUT events, and takes its lease. */
export async function openExecution(
  calls: MetadataCalls,
  rows: WriteTransaction,
  opening: Opening,
  lease: { readonly holder: LeaseHolder; readonly expiresMs: number },
): Promise<Opened> {
  const opened = await writeExecution(calls, opening, Execution_State.RUNNING, []);
  await takeLease(rows, opened.executionId, lease.holder, lease.expiresMs);
  return opened;
}

/** Writes the Execution as CACHED, with OUTPUT events to the artifacts of an earlier one. */
export async function recordCached(
  calls: MetadataCalls,
  opening: Opening,
  outputs: StepInputs,
): Promise<Opened> {
  const events = eventsFor(outputs, Event_Type.OUTPUT);
  return writeExecution(calls, opening, Execution_State.CACHED, events);
}

/** Writes outputs, OUTPUT events, refs and COMPLETE; returns the outputs as they are recorded. */
export async function closeExecution(
  calls: MetadataCalls,
  rows: WriteTransaction,
  opened: Opened,
  added: StepInputs,
  notes: Properties,
  outputs: readonly PendingOutput[],
): Promise<Artifact[]> {
  await endLease(rows, opened.executionId);
  const pairs = await outputPairs(calls, outputs, Artifact_State.LIVE);
  const ids = await updateExecution(calls, rows, opened, {
    state: Execution_State.COMPLETE,
    notes,
    added,
    pairs,
  });
  for (const [index, { output }] of outputs.entries()) {
    const id = ids[index];
    const artifact = pairs[index]?.artifact;
    if (id === undefined || artifact === undefined) continue;
    artifact.id = id;
    if (output.ref !== undefined) await moveRef(rows, output.ref, id);
  }
  return pairs.map(({ artifact }) => artifact);
}

/** Writes FAILED or CANCELED with its reason, and the outputs declared so far as ABANDONED. */
export async function failExecution(
  calls: MetadataCalls,
  rows: WriteTransaction,
  opened: Opened,
  added: StepInputs,
  notes: Properties,
  outputs: readonly PendingOutput[],
  failure: Failure,
): Promise<void> {
  await endLease(rows, opened.executionId);
  const pairs = await outputPairs(calls, outputs, Artifact_State.ABANDONED);
  await updateExecution(calls, rows, opened, {
    state: failure.state,
    notes: { ...notes, ...failure.properties },
    added,
    pairs,
  });
}

/** Contexts as TFX names them: the pipeline, its run, the node in it, and the cache entry. */
async function writeContexts(calls: MetadataCalls, opening: Opening): Promise<Context[]> {
  const { run, cacheKey, type } = opening;
  const wanted: { readonly type: string; readonly name: string }[] = [];
  if (run !== undefined) {
    wanted.push(
      { type: "pipeline", name: run.pipeline },
      { type: "pipeline_run", name: run.id },
      { type: "node", name: `${run.pipeline}.${type}` },
    );
  }
  if (cacheKey !== undefined) wanted.push({ type: "execution_cache", name: cacheKey });
  const contexts: Context[] = [];
  for (const { type: typeName, name } of wanted) {
    const { typeId } = await calls.putContextType({
      contextType: { name: typeName },
      canAddFields: true,
      canOmitFields: true,
    });
    const stored = await calls.getContextByTypeAndName({ typeName, contextName: name });
    const id =
      stored.context?.id ??
      (await calls.putContexts({ contexts: [{ typeId, name }] })).contextIds[0];
    contexts.push(create(ContextSchema, { id: id ?? 0n, typeId, name, type: typeName }));
  }
  const [pipeline, pipelineRun] = contexts;
  if (run !== undefined && pipeline !== undefined && pipelineRun !== undefined) {
    const parents = await calls.getParentContextsByContext({ contextId: pipelineRun.id });
    if (!parents.contexts.some((parent) => parent.id === pipeline.id)) {
      await calls.putParentContexts({
        parentContexts: [{ childId: pipelineRun.id, parentId: pipeline.id }],
      });
    }
  }
  return contexts;
}

async function writeExecution(
  calls: MetadataCalls,
  opening: Opening,
  state: Execution_State,
  events: readonly Event[],
): Promise<Opened> {
  const baseType = executionBaseTypes[opening.type.split(".").at(-1) ?? ""];
  const { typeId } = await calls.putExecutionType({
    executionType: {
      name: opening.type,
      ...(baseType === undefined ? {} : { baseType }),
    },
    canAddFields: true,
    canOmitFields: true,
  });
  const contexts = await writeContexts(calls, opening);
  const parameterNames = Object.keys(opening.parameters);
  const response = await calls.putExecution({
    execution: {
      typeId,
      name: randomUUID(),
      lastKnownState: state,
      customProperties: toValues({
        ...opening.stamp,
        ...opening.parameters,
        ...(parameterNames.length === 0
          ? {}
          : { [PARAMETERS_PROPERTY]: JSON.stringify(parameterNames) }),
      }),
    },
    artifactEventPairs: [...eventsFor(opening.inputs, Event_Type.INPUT), ...events].map(
      (event) => ({ event }),
    ),
    contexts,
    options: { forceReuseContext: true },
  });
  return {
    executionId: response.executionId,
    typeId,
    contextIds: contexts.map((context) => context.id),
  };
}

interface ExecutionUpdate {
  readonly state: Execution_State;
  readonly notes: Properties;
  readonly added: StepInputs;
  readonly pairs: readonly { readonly artifact: Artifact; readonly event: Event }[];
}

async function updateExecution(
  calls: MetadataCalls,
  rows: WriteTransaction,
  opened: Opened,
  { state, notes, added, pairs }: ExecutionUpdate,
): Promise<bigint[]> {
  const { executionId } = opened;
  const { executions } = await calls.getExecutionsByID({ executionIds: [executionId] });
  const execution = executions[0];
  if (execution?.lastKnownState !== Execution_State.RUNNING) {
    throw new WaybillError(
      "aborted",
      `Execution ${executionId} is not open any more: somebody else has closed it.`,
      { hint: "It may have been taken for dead while the machine slept. Run the step again." },
    );
  }
  execution.lastKnownState = state;
  Object.assign(execution.customProperties, toValues(notes));
  const newInputs = await appendToInputs(calls, rows, executionId, added);
  const response = await calls.putExecution({
    execution,
    artifactEventPairs: [...pairs, ...newInputs.map((event) => ({ event }))],
    contexts: opened.contextIds.map((id) => ({ id })),
    options: { forceReuseContext: true },
  });
  return response.artifactIds.slice(0, pairs.length);
}

/**
 * Inputs found while working: an artifact that already is an input gets another key on its event, as an
 * execution has one INPUT event for each artifact; the rest come back as events to be written.
 */
async function appendToInputs(
  calls: MetadataCalls,
  rows: WriteTransaction,
  executionId: bigint,
  added: StepInputs,
): Promise<Event[]> {
  const events = eventsFor(added, Event_Type.INPUT);
  if (events.length === 0) return [];
  const earlier = await calls.getEventsByExecutionIDs({ executionIds: [executionId] });
  const counts = new Map<string, bigint>();
  const known = new Set<bigint>();
  for (const event of earlier.events) {
    if (event.type !== Event_Type.INPUT) continue;
    known.add(event.artifactId);
    for (const { value } of event.path?.steps ?? []) {
      if (value.case === "key") counts.set(value.value, (counts.get(value.value) ?? 0n) + 1n);
    }
  }
  const fresh: Event[] = [];
  for (const event of events) {
    shiftIndexes(event, counts);
    if (!known.has(event.artifactId)) {
      fresh.push(event);
      continue;
    }
    const stored = await rows.get<{ id: bigint }>(
      "SELECT id FROM Event WHERE artifact_id = ? AND execution_id = ? AND type = ?",
      [event.artifactId, executionId, BigInt(Event_Type.INPUT)],
    );
    if (stored !== undefined) await insertPath(rows, stored.id, event);
  }
  return fresh;
}

/** Indexes under a key go on from those that are stored. */
function shiftIndexes(event: Event, counts: ReadonlyMap<string, bigint>): void {
  let key = "";
  for (const { value } of event.path?.steps ?? []) {
    if (value.case === "key") key = value.value;
    else if (value.case === "index") value.value += counts.get(key) ?? 0n;
  }
}

/** One event per artifact; its path names every key and index under which the artifact stands. */
function eventsFor(artifacts: StepInputs, type: Event_Type): Event[] {
  const events = new Map<bigint, Event>();
  for (const [key, list] of artifacts) {
    for (const [index, { id }] of list.entries()) {
      const event = events.get(id) ?? create(EventSchema, { artifactId: id, type, path: {} });
      events.set(id, event);
      event.path?.steps.push(...pathOf(key, index));
    }
  }
  return [...events.values()];
}

function pathOf(key: string, index: number) {
  return [
    create(Event_Path_StepSchema, { value: { case: "key", value: key } }),
    create(Event_Path_StepSchema, { value: { case: "index", value: BigInt(index) } }),
  ];
}

/** The artifacts of outputs with their events; the types are registered or widened on the way. */
async function outputPairs(
  calls: MetadataCalls,
  outputs: readonly PendingOutput[],
  state: Artifact_State,
): Promise<{ artifact: Artifact; event: Event }[]> {
  const pairs: { artifact: Artifact; event: Event }[] = [];
  const counts = new Map<string, number>();
  for (const { key, type, output } of outputs) {
    const index = counts.get(key) ?? 0;
    counts.set(key, index + 1);
    const { typeId, properties } = await putArtifactType(calls, type, output.properties ?? {});
    const isLive = state === Artifact_State.LIVE;
    const artifact = create(ArtifactSchema, {
      typeId,
      uri: output.uri,
      state,
      properties,
      customProperties: toValues(output.customProperties ?? {}),
      // The name of what never came to be stays free for the next attempt.
      ...(output.name !== undefined && isLive ? { name: output.name } : {}),
    });
    const event = create(EventSchema, {
      type: isLive ? Event_Type.OUTPUT : Event_Type.PENDING_OUTPUT,
      path: { steps: pathOf(key, index) },
    });
    pairs.push({ artifact, event });
  }
  return pairs;
}

async function putArtifactType(
  calls: MetadataCalls,
  name: string,
  given: Properties,
): Promise<{ typeId: bigint; properties: { [name: string]: Value } }> {
  const declaration = artifactTypes[name];
  const stored = await calls.getArtifactType({ typeName: name }).then(
    (response) => response.artifactType?.properties ?? {},
    (error: unknown) => {
      if (error instanceof WaybillError && error.code === "not_found") return {};
      throw error;
    },
  );
  const declared: { [name: string]: PropertyType } = { ...declaration?.properties, ...stored };
  for (const [property, value] of Object.entries(given)) {
    declared[property] ??= propertyTypeFor(value);
  }
  const { typeId } = await calls.putArtifactType({
    artifactType: {
      name,
      properties: declared,
      ...(declaration?.baseType === undefined ? {} : { baseType: declaration.baseType }),
    },
    canAddFields: true,
    canOmitFields: true,
  });
  const properties = Object.fromEntries(
    Object.entries(given).map(([property, value]) => [
      property,
      toValue(value, declared[property]),
    ]),
  );
  return { typeId, properties };
}
