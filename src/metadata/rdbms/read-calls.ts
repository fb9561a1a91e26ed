import type {
  Context,
  ListOperationOptions,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { ReadTransaction } from "../../database/index.ts";
import type { CallName, CallResponse, RequestMessage } from "../store.ts";
import { eventsOf, linkedContexts } from "./edges.ts";
import {
  artifactKind,
  contextKind,
  executionKind,
  type KindTables,
  type Node,
  type NodeKind,
  type NodeType,
  type TypeKind,
} from "./kinds.ts";
import { getLineageSubgraph } from "./lineage.ts";
import { listNodes, type Page } from "./list.ts";
import { findNodeByName, findNodes } from "./read-nodes.ts";
import { respond } from "./respond.ts";
import { distinct } from "./sets.ts";
import { has, refuse } from "./text.ts";
import { allTypes, findType, findTypeId, findTypesByExternalId, findTypesById } from "./types.ts";
import type { WriteCallName } from "./write-calls.ts";

/** The calls that only read. */
export type ReadCallName = Exclude<CallName, WriteCallName>;

type ReadCall<M extends CallName> = (
  tx: ReadTransaction,
  request: RequestMessage<M>,
) => Promise<CallResponse<M>>;

/** How each call that only reads does so, inside the transaction that it is given. */
export const readCalls: { readonly [M in ReadCallName]: ReadCall<M> } = {
  getArtifactType: async (tx, request) =>
    respond("getArtifactType", { artifactType: await oneType(tx, artifactKind, request) }),
  getExecutionType: async (tx, request) =>
    respond("getExecutionType", { executionType: await oneType(tx, executionKind, request) }),
  getContextType: async (tx, request) =>
    respond("getContextType", { contextType: await oneType(tx, contextKind, request) }),

  getArtifactTypesByID: async (tx, { typeIds }) =>
    respond("getArtifactTypesByID", {
      artifactTypes: await findTypesById(tx, artifactKind, typeIds),
    }),
  getExecutionTypesByID: async (tx, { typeIds }) =>
    respond("getExecutionTypesByID", {
      executionTypes: await findTypesById(tx, executionKind, typeIds),
    }),
  getContextTypesByID: async (tx, { typeIds }) =>
    respond("getContextTypesByID", {
      contextTypes: await findTypesById(tx, contextKind, typeIds),
    }),

  getArtifactTypes: async (tx) =>
    respond("getArtifactTypes", { artifactTypes: await allTypes(tx, artifactKind) }),
  getExecutionTypes: async (tx) =>
    respond("getExecutionTypes", { executionTypes: await allTypes(tx, executionKind) }),
  getContextTypes: async (tx) =>
    respond("getContextTypes", { contextTypes: await allTypes(tx, contextKind) }),

  getArtifactTypesByExternalIds: async (tx, { externalIds }) =>
    respond("getArtifactTypesByExternalIds", {
      artifactTypes: await typesByExternalId(tx, artifactKind, externalIds),
    }),
  getExecutionTypesByExternalIds: async (tx, { externalIds }) =>
    respond("getExecutionTypesByExternalIds", {
      executionTypes: await typesByExternalId(tx, executionKind, externalIds),
    }),
  getContextTypesByExternalIds: async (tx, { externalIds }) =>
    respond("getContextTypesByExternalIds", {
      contextTypes: await typesByExternalId(tx, contextKind, externalIds),
    }),

  getArtifacts: async (tx, { options }) => {
    const page = await listNodes(tx, artifactKind, { kind: "all" }, options);
    return respond("getArtifacts", { artifacts: page.nodes, ...tokenOf(page) });
  },
  getExecutions: async (tx, { options }) => {
    const page = await listNodes(tx, executionKind, { kind: "all" }, options);
    return respond("getExecutions", { executions: page.nodes, ...tokenOf(page) });
  },
  getContexts: async (tx, { options }) => {
    const page = await listNodes(tx, contextKind, { kind: "all" }, options);
    return respond("getContexts", { contexts: page.nodes, ...tokenOf(page) });
  },

  getArtifactsByID: async (tx, request) => {
    const artifacts = await findNodes(tx, artifactKind, "id", request.artifactIds);
    const types = request.populateArtifactTypes
      ? await typesOfNodes(tx, artifactKind, artifacts)
      : [];
    // ML Metadata leaves the base type out here.
    for (const type of types) Reflect.deleteProperty(type, "baseType");
    return respond("getArtifactsByID", { artifacts, artifactTypes: types });
  },
  getExecutionsByID: async (tx, { executionIds }) =>
    respond("getExecutionsByID", {
      executions: await findNodes(tx, executionKind, "id", executionIds),
    }),
  getContextsByID: async (tx, { contextIds }) =>
    respond("getContextsByID", { contexts: await findNodes(tx, contextKind, "id", contextIds) }),

  getArtifactsByType: async (tx, request) => {
    const page = await listByType(tx, artifactKind, request);
    return respond("getArtifactsByType", {
      artifacts: page.nodes,
      ...tokenOf(page),
    });
  },
  getExecutionsByType: async (tx, request) => {
    const page = await listByType(tx, executionKind, request);
    return respond("getExecutionsByType", {
      executions: page.nodes,
      ...tokenOf(page),
    });
  },
  getContextsByType: async (tx, request) => {
    const page = await listByType(tx, contextKind, request);
    return respond("getContextsByType", {
      contexts: page.nodes,
      ...tokenOf(page),
    });
  },

  getArtifactByTypeAndName: async (tx, request) => {
    const artifact = await byTypeAndName(tx, artifactKind, request, request.artifactName);
    return respond("getArtifactByTypeAndName", artifact === undefined ? {} : { artifact });
  },
  getExecutionByTypeAndName: async (tx, request) => {
    const execution = await byTypeAndName(tx, executionKind, request, request.executionName);
    return respond("getExecutionByTypeAndName", execution === undefined ? {} : { execution });
  },
  getContextByTypeAndName: async (tx, request) => {
    const context = await byTypeAndName(tx, contextKind, request, request.contextName);
    return respond("getContextByTypeAndName", context === undefined ? {} : { context });
  },

  getArtifactsByURI: async (tx, request) => {
    // Field 1 held a single URI in old clients; its number is reserved now.
    if (request.$unknown?.some((field) => field.no === 1)) {
      throw refuse("invalid_argument", "The request contains deprecated field `uri`.");
    }
    return respond("getArtifactsByURI", {
      artifacts: await findNodes(tx, artifactKind, "uri", request.uris),
    });
  },

  getEventsByExecutionIDs: async (tx, { executionIds }) =>
    respond("getEventsByExecutionIDs", {
      events: await eventsOf(tx, "execution_id", executionIds),
    }),
  getEventsByArtifactIDs: async (tx, { artifactIds }) =>
    respond("getEventsByArtifactIDs", { events: await eventsOf(tx, "artifact_id", artifactIds) }),

  getArtifactsByExternalIds: async (tx, { externalIds }) =>
    respond("getArtifactsByExternalIds", {
      artifacts: await nodesByExternalId(tx, artifactKind, externalIds),
    }),
  getExecutionsByExternalIds: async (tx, { externalIds }) =>
    respond("getExecutionsByExternalIds", {
      executions: await nodesByExternalId(tx, executionKind, externalIds),
    }),
  getContextsByExternalIds: async (tx, { externalIds }) =>
    respond("getContextsByExternalIds", {
      contexts: await nodesByExternalId(tx, contextKind, externalIds),
    }),

  getContextsByArtifact: async (tx, { artifactId }) => {
    const link = { table: "Attribution", from: "artifact_id", to: "context_id" } as const;
    const found = await linkedContexts(tx, link, [artifactId]);
    if (found.length === 0) {
      throw refuse("not_found", `No contexts found for artifact_id: ${artifactId}`);
    }
    return respond("getContextsByArtifact", { contexts: found.map(({ context }) => context) });
  },
  getContextsByExecution: async (tx, { executionId }) => {
    const link = { table: "Association", from: "execution_id", to: "context_id" } as const;
    const found = await linkedContexts(tx, link, [executionId]);
    if (found.length === 0) {
      throw refuse("not_found", `No contexts found for execution_id: ${executionId}`);
    }
    return respond("getContextsByExecution", { contexts: found.map(({ context }) => context) });
  },
  getParentContextsByContext: async (tx, { contextId }) => {
    const found = await linkedContexts(tx, PARENTS, [contextId]);
    return respond("getParentContextsByContext", {
      contexts: found.map(({ context }) => context),
    });
  },
  getChildrenContextsByContext: async (tx, { contextId }) => {
    const found = await linkedContexts(tx, CHILDREN, [contextId]);
    return respond("getChildrenContextsByContext", {
      contexts: found.map(({ context }) => context),
    });
  },
  getParentContextsByContexts: async (tx, { contextIds }) => {
    const lists = await contextLists(tx, PARENTS, contextIds);
    const contexts = Object.fromEntries(
      [...lists].map(([id, list]) => [String(id), { parentContexts: list }]),
    );
    return respond("getParentContextsByContexts", { contexts });
  },
  getChildrenContextsByContexts: async (tx, { contextIds }) => {
    const lists = await contextLists(tx, CHILDREN, contextIds);
    const contexts = Object.fromEntries(
      [...lists].map(([id, list]) => [String(id), { childrenContexts: list }]),
    );
    return respond("getChildrenContextsByContexts", { contexts });
  },

  getArtifactsByContext: async (tx, { contextId, options }) => {
    const page = await listNodes(tx, artifactKind, { kind: "context", contextId }, options);
    return respond("getArtifactsByContext", { artifacts: page.nodes, ...tokenOf(page) });
  },
  getExecutionsByContext: async (tx, { contextId, options }) => {
    const page = await listNodes(tx, executionKind, { kind: "context", contextId }, options);
    return respond("getExecutionsByContext", { executions: page.nodes, ...tokenOf(page) });
  },

  getLineageGraph: async () => {
    throw refuse("unimplemented", "GetLineageGraph is not implemented.");
  },
  getLineageSubgraph: async (tx, request) =>
    respond("getLineageSubgraph", { lineageSubgraph: await getLineageSubgraph(tx, request) }),
};

const PARENTS = { table: "ParentContext", from: "context_id", to: "parent_context_id" } as const;
const CHILDREN = { table: "ParentContext", from: "parent_context_id", to: "context_id" } as const;

interface TypeName {
  readonly typeName: string;
  readonly typeVersion: string;
}

async function oneType<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  request: TypeName,
): Promise<T> {
  const type = await findType(tx, kind, request.typeName, request.typeVersion);
  if (type === undefined) {
    const version = has(request, "typeVersion") ? request.typeVersion : "nullopt";
    throw refuse(
      "not_found",
      `No type found for query, name: \`${request.typeName}\`, version: \`${version}\``,
    );
  }
  return type;
}

async function typesByExternalId<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  externalIds: readonly string[],
): Promise<T[]> {
  assertNoEmptyExternalId(externalIds);
  if (externalIds.length === 0) return [];
  const types = await findTypesByExternalId(tx, kind, externalIds);
  if (types.length === 0) throw refuse("not_found", "No types found for external_ids.");
  for (const type of types) Reflect.deleteProperty(type, "baseType");
  return types;
}

async function nodesByExternalId<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  externalIds: readonly string[],
): Promise<N[]> {
  assertNoEmptyExternalId(externalIds);
  if (externalIds.length === 0) return [];
  const nodes = await findNodes(tx, kind, "external_id", externalIds);
  if (nodes.length === 0) throw refuse("not_found", `No ${kind.word}s found for external_ids.`);
  return nodes;
}

function assertNoEmptyExternalId(externalIds: readonly string[]): void {
  if (!externalIds.includes("")) return;
  throw refuse(
    "invalid_argument",
    "Invalid argument because at least one empty external_id exists.",
  );
}

async function typesOfNodes<N extends Node, T extends NodeType>(
  tx: ReadTransaction,
  kind: NodeKind<N, T>,
  nodes: readonly N[],
): Promise<T[]> {
  return findTypesById(tx, kind, distinct(nodes.map((node) => node.typeId)));
}

async function byTypeAndName<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  request: TypeName,
  name: string,
): Promise<N | undefined> {
  const typeId = await findTypeId(tx, kind, request.typeName, request.typeVersion);
  return typeId === undefined ? undefined : findNodeByName(tx, kind, typeId, name);
}

async function listByType<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  request: TypeName & { readonly options?: ListOperationOptions | undefined },
): Promise<Page<N>> {
  const typeId = await findTypeId(tx, kind, request.typeName, request.typeVersion);
  if (typeId === undefined) return { nodes: [], nextPageToken: undefined };
  const page = await listNodes(tx, kind, { kind: "type", typeId }, request.options);
  // Here, and only here, the end of a list is told by an empty token; not for a type without nodes.
  const isEnd = request.options !== undefined && page.nextPageToken === undefined;
  const hasNodes = page.nodes.length > 0 || (isEnd && (await isUsed(tx, kind, typeId)));
  return isEnd && hasNodes ? { ...page, nextPageToken: "" } : page;
}

async function isUsed(tx: ReadTransaction, kind: KindTables, typeId: bigint): Promise<boolean> {
  const node = await tx.get(`SELECT id FROM ${kind.table} WHERE type_id = ? LIMIT 1`, [typeId]);
  return node !== undefined;
}

/** The token field of a response, set or not. */
function tokenOf({ nextPageToken }: Page<Node>): { nextPageToken?: string } {
  return nextPageToken === undefined ? {} : { nextPageToken };
}

async function contextLists(
  tx: ReadTransaction,
  link: typeof PARENTS | typeof CHILDREN,
  contextIds: readonly bigint[],
): Promise<Map<bigint, Context[]>> {
  if (contextIds.length === 0) throw refuse("invalid_argument", "Given context_ids is empty.");
  const lists = new Map<bigint, Context[]>();
  for (const { from, context } of await linkedContexts(tx, link, contextIds)) {
    const list = lists.get(from);
    if (list === undefined) lists.set(from, [context]);
    else list.push(context);
  }
  return lists;
}
