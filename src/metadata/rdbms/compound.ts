import { clone } from "@bufbuild/protobuf";
import {
  type Artifact,
  ArtifactSchema,
  type Context,
  ContextSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  type PutExecutionRequest,
  PutExecutionRequest_ArtifactAndEventSchema,
  PutExecutionRequestSchema,
  type PutLineageSubgraphRequest,
  type PutLineageSubgraphRequest_EventEdge,
  PutLineageSubgraphRequest_EventEdgeSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { WriteTransaction } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import { associate, attribute, exists, insertEvent } from "./edges.ts";
import { artifactKind, contextKind, executionKind, type NodeType } from "./kinds.ts";
import { findNodes } from "./read-nodes.ts";
import { describe, has, refuse } from "./text.ts";
import { findTypesById } from "./types.ts";
import { NodeWriter } from "./write-nodes.ts";

/** The ids that a compound write gave or found, in the order of the request. */
export interface CompoundIds {
  readonly executionIds: bigint[];
  readonly artifactIds: bigint[];
  readonly contextIds: bigint[];
}

/** Writes an execution with its artifacts, events and contexts. */
export async function putExecution(
  tx: WriteTransaction,
  request: PutExecutionRequest,
  nowMs: bigint,
): Promise<CompoundIds> {
  const { execution, options } = request;
  if (execution === undefined) {
    throw refuse(
      "invalid_argument",
      `No execution is found: ${describe(PutExecutionRequestSchema, request)}`,
    );
  }
  const forceUpdateTime = options?.forceUpdateTime ?? false;
  const artifacts = new NodeWriter(tx, artifactKind);
  const artifactIds: bigint[] = [];
  for (const pair of request.artifactEventPairs) {
    const { artifact, event } = pair;
    const quoted = () => describe(PutExecutionRequest_ArtifactAndEventSchema, pair);
    if (event !== undefined && has(event, "executionId")) {
      if (!has(execution, "id") || execution.id !== event.executionId) {
        throw refuse(
          "invalid_argument",
          `Request's event.execution_id does not match with the given execution: ${quoted()}`,
        );
      }
    }
    if (artifact !== undefined) {
      const isForeign =
        event !== undefined &&
        has(event, "artifactId") &&
        (!has(artifact, "id") || artifact.id !== event.artifactId);
      if (isForeign) {
        throw refuse(
          "invalid_argument",
          `Given event.artifact_id is not aligned with the artifact: ${quoted()}`,
        );
      }
      const known = options?.reuseArtifactIfAlreadyExistByExternalId
        ? await withKnownId(tx, artifact)
        : artifact;
      artifactIds.push(await artifacts.upsert(known, { nowMs, forceUpdateTime }));
    } else if (event !== undefined) {
      if (!has(event, "artifactId")) {
        throw refuse(
          "invalid_argument",
          `If no artifact is present, given event must have an artifact_id: ${quoted()}`,
        );
      }
      await assertArtifactExists(tx, event.artifactId);
      artifactIds.push(event.artifactId);
    } else {
      artifactIds.push(-1n);
    }
  }
  const executionId = await new NodeWriter(tx, executionKind).upsert(execution, {
    nowMs,
    forceUpdateTime,
  });
  for (const [index, { event }] of request.artifactEventPairs.entries()) {
    const artifactId = artifactIds[index];
    if (event === undefined || artifactId === undefined) continue;
    await insertEvent(tx, event, { artifactId, executionId }, nowMs);
  }
  const contextIds = await putContextsForReuse(tx, request.contexts, {
    nowMs,
    reuseByName: options?.reuseContextIfAlreadyExist ?? false,
    reuseById: options?.forceReuseContext ?? false,
  });
  for (const contextId of contextIds) {
    await associate(tx, contextId, executionId);
    for (const artifactId of artifactIds) {
      if (artifactId !== -1n) await attribute(tx, contextId, artifactId);
    }
  }
  return { executionIds: [executionId], artifactIds, contextIds };
}

/** Writes a graph of executions, artifacts and contexts; every context gets every node. */
export async function putLineageSubgraph(
  tx: WriteTransaction,
  request: PutLineageSubgraphRequest,
  nowMs: bigint,
): Promise<CompoundIds> {
  const { options } = request;
  checkEdges(request);
  await assertTypesExist(tx, request);
  const executions = new NodeWriter(tx, executionKind);
  const executionIds: bigint[] = [];
  for (const execution of request.executions) {
    executionIds.push(await executions.upsert(execution, { nowMs, isNamedInErrors: true }));
  }
  const artifacts = new NodeWriter(tx, artifactKind);
  const artifactIds: bigint[] = [];
  for (const artifact of request.artifacts) {
    const known = options?.reuseArtifactIfAlreadyExistByExternalId
      ? await withKnownId(tx, artifact)
      : artifact;
    artifactIds.push(await artifacts.upsert(known, { nowMs, isNamedInErrors: true }));
  }
  const contextIds = await putContextsForReuse(tx, request.contexts, {
    nowMs,
    reuseByName: options?.reuseContextIfAlreadyExist ?? false,
    reuseById: false,
  });
  for (const contextId of contextIds) {
    for (const executionId of executionIds) await associate(tx, contextId, executionId);
    for (const artifactId of artifactIds) await attribute(tx, contextId, artifactId);
  }
  for (const edge of request.eventEdges) {
    if (edge.event === undefined) continue;
    const executionId = endOf(edge, "execution", executionIds);
    const artifactId = endOf(edge, "artifact", artifactIds);
    if (!(await exists(tx, executionKind, executionId))) {
      throw refuse("invalid_argument", `No execution with the given id ${executionId}`);
    }
    await assertArtifactExists(tx, artifactId);
    await insertEvent(tx, edge.event, { artifactId, executionId }, nowMs);
  }
  return { executionIds, artifactIds, contextIds };
}

/** Refuses edges without an event, and ends that are neither given nor among the request's nodes. */
function checkEdges(request: PutLineageSubgraphRequest): void {
  for (const edge of request.eventEdges) {
    const quoted = describe(PutLineageSubgraphRequest_EventEdgeSchema, edge);
    const { event } = edge;
    if (event === undefined) {
      throw refuse("invalid_argument", `No event found for event_edge: ${quoted}`);
    }
    for (const word of ["execution", "artifact"] as const) {
      if (!has(edge, `${word}Index`)) {
        if (has(event, `${word}Id`)) continue;
        throw refuse(
          "invalid_argument",
          `Event_edge is missing an ${word}. Could not find either an ${word}_index or an event.${word}_id: ${quoted}`,
        );
      }
      const index = word === "execution" ? edge.executionIndex : edge.artifactIndex;
      const count = word === "execution" ? request.executions.length : request.artifacts.length;
      if (index < 0 || index >= count) {
        throw refuse(
          "out_of_range",
          `The event_edge has an ${word}_index ${index} that is outside the bounds of the request's ${word}s list, [0, ${count}): ${quoted}`,
        );
      }
    }
  }
}

/** One end of an edge: by its index in the request, or by the id in its event; both must agree. */
function endOf(
  edge: PutLineageSubgraphRequest_EventEdge,
  word: "execution" | "artifact",
  ids: readonly bigint[],
): bigint {
  const { event } = edge;
  const given = word === "execution" ? event?.executionId : event?.artifactId;
  const isGiven = event !== undefined && has(event, `${word}Id`);
  const index = word === "execution" ? edge.executionIndex : edge.artifactIndex;
  const id = has(edge, `${word}Index`) ? ids[index] : given;
  if (id === undefined || (isGiven && given !== id)) {
    throw refuse(
      "invalid_argument",
      `The event_edge has an event.${word}_id that differs from the id of its ${word}_index: ${describe(PutLineageSubgraphRequest_EventEdgeSchema, edge)}`,
    );
  }
  return id;
}

/** Batch check of the types of all nodes, which here need one even when they are updated. */
async function assertTypesExist(
  tx: WriteTransaction,
  request: PutLineageSubgraphRequest,
): Promise<void> {
  const parts = [
    { kind: artifactKind, nodes: request.artifacts },
    { kind: executionKind, nodes: request.executions },
    { kind: contextKind, nodes: request.contexts },
  ] as const;
  for (const { kind, nodes } of parts) {
    const ids = new Set<bigint>();
    for (const node of nodes) {
      if (!has(node, "typeId")) throw refuse("invalid_argument", "Type id is missing.");
      ids.add(node.typeId);
    }
    const found = await findTypesById<NodeType>(tx, kind, [...ids]);
    if (found.length < ids.size) {
      const missing = [...ids].filter((id) => !found.some((type) => type.id === id));
      throw refuse("not_found", `Results missing for ids: {${missing.join(",")}}`);
    }
  }
}

interface ContextOptions {
  readonly nowMs: bigint;
  readonly reuseByName: boolean;
  readonly reuseById: boolean;
}

async function putContextsForReuse(
  tx: WriteTransaction,
  contexts: readonly Context[],
  { nowMs, reuseByName, reuseById }: ContextOptions,
): Promise<bigint[]> {
  const writer = new NodeWriter(tx, contextKind);
  const ids: bigint[] = [];
  for (const context of contexts) {
    if (reuseById && has(context, "id")) {
      if (!(await exists(tx, contextKind, context.id))) {
        throw refuse("not_found", `Context with ID ${context.id} was not found`);
      }
      ids.push(context.id);
      continue;
    }
    const quoted = () => describe(ContextSchema, context);
    if (!has(context, "typeId")) {
      throw refuse("invalid_argument", `Context is missing a type_id: ${quoted()}`);
    }
    if (!has(context, "name")) {
      throw refuse("invalid_argument", `Context is missing a name: ${quoted()}`);
    }
    const stored =
      reuseByName && !has(context, "id")
        ? await tx.get<{ id: bigint }>("SELECT id FROM Context WHERE type_id = ? AND name = ?", [
            context.typeId,
            context.name,
          ])
        : undefined;
    ids.push(stored?.id ?? (await upsertContext(writer, context, nowMs, reuseByName)));
  }
  return ids;
}

async function upsertContext(
  writer: NodeWriter<Context>,
  context: Context,
  nowMs: bigint,
  reuseByName: boolean,
): Promise<bigint> {
  try {
    return await writer.upsert(context, { nowMs });
  } catch (error) {
    const isLostRace =
      reuseByName &&
      !has(context, "id") &&
      error instanceof WaybillError &&
      error.code === "already_exists";
    if (!isLostRace) throw error;
    throw refuse(
      "aborted",
      `Concurrent creation of the same context at the first time. Retry the transaction to reuse the context: ${describe(ContextSchema, context)}`,
      error,
    );
  }
}

/** The artifact as an update of the stored one with its external id, or as it is. */
async function withKnownId(tx: WriteTransaction, artifact: Artifact): Promise<Artifact> {
  if (has(artifact, "id") || artifact.externalId === "") return artifact;
  const [stored] = await findNodes(tx, artifactKind, "external_id", [artifact.externalId]);
  if (stored === undefined) return artifact;
  const update = clone(ArtifactSchema, artifact);
  update.id = stored.id;
  return update;
}

/**
 * The original stores events that point at nothing, and then fails for ever to list the artifacts of
 * their context; here such a request is refused.
 */
async function assertArtifactExists(tx: WriteTransaction, id: bigint): Promise<void> {
  if (await exists(tx, artifactKind, id)) return;
  throw refuse("invalid_argument", `No artifact with the given id ${id}`);
}
