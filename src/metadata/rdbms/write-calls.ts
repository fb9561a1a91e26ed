import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { type Artifact, ArtifactSchema } from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { WriteTransaction } from "../../database/index.ts";
import type { CallName, CallResponse, RequestMessage } from "../store.ts";
import { putExecution, putLineageSubgraph } from "./compound.ts";
import { putEvents, putLinks, putParentContexts } from "./edges.ts";
import {
  artifactKind,
  contextKind,
  executionKind,
  type Node,
  type NodeKind,
  type NodeType,
  type TypeKind,
} from "./kinds.ts";
import { findNodes } from "./read-nodes.ts";
import { respond } from "./respond.ts";
import { describe, has, refuse } from "./text.ts";
import { putType, type TypeChange } from "./types.ts";
import { NodeWriter } from "./write-nodes.ts";

/** The calls that change a store. */
export type WriteCallName = Extract<CallName, `put${string}`>;

type WriteCall<M extends CallName> = (
  tx: WriteTransaction,
  request: RequestMessage<M>,
  nowMs: bigint,
) => Promise<CallResponse<M>>;

/** How each call that changes a store does so, inside the transaction that it is given. */
export const writeCalls: { readonly [M in WriteCallName]: WriteCall<M> } = {
  putArtifactType: async (tx, request) =>
    respond("putArtifactType", {
      typeId: await putOneType(tx, artifactKind, request.artifactType, request),
    }),
  putExecutionType: async (tx, request) =>
    respond("putExecutionType", {
      typeId: await putOneType(tx, executionKind, request.executionType, request),
    }),
  putContextType: async (tx, request) =>
    respond("putContextType", {
      typeId: await putOneType(tx, contextKind, request.contextType, request),
    }),
  putTypes: async (tx, request) =>
    respond("putTypes", {
      artifactTypeIds: await putAllTypes(tx, artifactKind, request.artifactTypes, request),
      executionTypeIds: await putAllTypes(tx, executionKind, request.executionTypes, request),
      contextTypeIds: await putAllTypes(tx, contextKind, request.contextTypes, request),
    }),
  putArtifacts: async (tx, request, nowMs) => {
    if (request.options?.abortIfLatestUpdatedTimeChanged) {
      await assertNotChanged(tx, request.artifacts);
    }
    return respond("putArtifacts", {
      artifactIds: await putNodes(tx, artifactKind, request.artifacts, nowMs, request.updateMask),
    });
  },
  putExecutions: async (tx, request, nowMs) =>
    respond("putExecutions", {
      executionIds: await putNodes(
        tx,
        executionKind,
        request.executions,
        nowMs,
        request.updateMask,
      ),
    }),
  putContexts: async (tx, request, nowMs) =>
    respond("putContexts", {
      contextIds: await putNodes(tx, contextKind, request.contexts, nowMs, request.updateMask),
    }),
  putEvents: async (tx, request, nowMs) => {
    await putEvents(tx, request.events, nowMs);
    return respond("putEvents", {});
  },
  putExecution: async (tx, request, nowMs) => {
    const { executionIds, artifactIds, contextIds } = await putExecution(tx, request, nowMs);
    return respond("putExecution", { executionId: executionIds[0] ?? 0n, artifactIds, contextIds });
  },
  putLineageSubgraph: async (tx, request, nowMs) =>
    respond("putLineageSubgraph", { ...(await putLineageSubgraph(tx, request, nowMs)) }),
  putAttributionsAndAssociations: async (tx, request) => {
    await putLinks(tx, request.attributions, request.associations);
    return respond("putAttributionsAndAssociations", {});
  },
  putParentContexts: async (tx, request) => {
    await putParentContexts(tx, request.parentContexts);
    return respond("putParentContexts", {});
  },
};

async function putOneType<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  type: T | undefined,
  change: TypeChange,
): Promise<bigint> {
  if (type === undefined) throw refuse("invalid_argument", "No type name is specified.");
  return putType(tx, kind, type, change);
}

async function putAllTypes<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  types: readonly T[],
  change: TypeChange,
): Promise<bigint[]> {
  const ids: bigint[] = [];
  for (const type of types) ids.push(await putType(tx, kind, type, change));
  return ids;
}

async function putNodes<N extends Node>(
  tx: WriteTransaction,
  kind: NodeKind<N>,
  nodes: readonly N[],
  nowMs: bigint,
  mask: FieldMask | undefined,
): Promise<bigint[]> {
  const writer = new NodeWriter(tx, kind);
  const ids: bigint[] = [];
  for (const node of nodes) ids.push(await writer.upsert(node, { nowMs, mask }));
  return ids;
}

/** Refuses a put of artifacts that somebody else has changed since they were read. */
async function assertNotChanged(
  tx: WriteTransaction,
  artifacts: readonly Artifact[],
): Promise<void> {
  for (const artifact of artifacts) {
    if (!has(artifact, "id")) continue;
    const [stored] = await findNodes(tx, artifactKind, "id", [artifact.id]);
    if (
      stored !== undefined &&
      stored.lastUpdateTimeSinceEpoch !== artifact.lastUpdateTimeSinceEpoch
    ) {
      throw refuse(
        "failed_precondition",
        `\`abort_if_latest_updated_time_changed\` is set, and the stored artifact with id = ${stored.id} has a different last_update_time_since_epoch: ${stored.lastUpdateTimeSinceEpoch} from the one in the given artifact: ${describe(ArtifactSchema, artifact)}`,
      );
    }
  }
}
