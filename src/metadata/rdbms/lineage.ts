import { create } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import {
  AssociationSchema,
  AttributionSchema,
  LineageSubgraphQueryOptions_Direction as Direction,
  type Event,
  Event_Type,
  type LineageGraph,
  LineageGraphSchema,
  type LineageSubgraphQueryOptions,
  type LineageSubgraphQueryOptions_EndingNodes,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { GetLineageSubgraphRequest } from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { ReadTransaction } from "../../database/index.ts";
import { compileFilter } from "../filter/index.ts";
import { eventsOf } from "./edges.ts";
import { artifactKind, contextKind, executionKind, type Node, type NodeKind } from "./kinds.ts";
import { setParts } from "./sets.ts";
import { has, refuse } from "./text.ts";
import { allTypes } from "./types.ts";

const HOPS_MAX = 100;
const START_NODES_MAX = 100n;

const INPUT_TYPES = [Event_Type.INPUT, Event_Type.DECLARED_INPUT, Event_Type.INTERNAL_INPUT];
const OUTPUT_TYPES = [
  Event_Type.OUTPUT,
  Event_Type.DECLARED_OUTPUT,
  Event_Type.INTERNAL_OUTPUT,
  Event_Type.PENDING_OUTPUT,
];

/** Which events lead on from one side, in one direction; undefined means all of them. */
function eventTypes(side: Side, direction: Direction): readonly Event_Type[] | undefined {
  if (direction === Direction.UPSTREAM) return side === "artifact" ? OUTPUT_TYPES : INPUT_TYPES;
  if (direction === Direction.DOWNSTREAM) return side === "artifact" ? INPUT_TYPES : OUTPUT_TYPES;
  return undefined;
}

/** Which of the two kinds of node of the lineage graph. */
export type Side = "artifact" | "execution";

/**
 * The part of the graph around the starting nodes, breadth first, with one query for the events of
 * each hop. Nodes hold their id only; events, types and contexts are whole.
 */
export async function getLineageSubgraph(
  tx: ReadTransaction,
  request: GetLineageSubgraphRequest,
): Promise<LineageGraph> {
  const options = request.lineageSubgraphQueryOptions;
  if (options === undefined || options.startingNodes.case === undefined) {
    throw refuse("invalid_argument", "Missing arguments for listing starting nodes.");
  }
  const hops = hopsOf(options);
  const start = await startOf(tx, options);
  const walk = await walkLineage(tx, start, options.direction, hops, endsOf(tx, options));
  return assemble(tx, walk, request.readMask);
}

function hopsOf(options: LineageSubgraphQueryOptions): number {
  if (!has(options, "maxNumHops")) return HOPS_MAX;
  if (options.maxNumHops < 0n) {
    throw refuse(
      "invalid_argument",
      `max_num_hops cannot be negative: max_num_hops = ${options.maxNumHops}`,
    );
  }
  return Math.min(Number(options.maxNumHops), HOPS_MAX);
}

/** Nodes of one side to walk from. */
export interface WalkStart {
  readonly side: Side;
  readonly ids: readonly bigint[];
}

/** Tells which of some nodes of a side are ends, and whether ends are kept. */
interface Ends {
  readonly find: (side: Side, ids: readonly bigint[]) => Promise<ReadonlySet<bigint>>;
  readonly areKept: (side: Side) => boolean;
}

const NO_ENDS: Ends = { find: async () => new Set(), areKept: () => false };

/** What a walk has met. */
export interface WalkResult {
  readonly artifactIds: ReadonlySet<bigint>;
  readonly executionIds: ReadonlySet<bigint>;
  readonly events: readonly Event[];
}

/**
 * Walks breadth first from the starting nodes, from one side of the graph to the other at each hop, with
 * one query of a hop's events however many nodes it starts from.
 * @param maxHops artifact to execution is one hop; 0 gives the starting nodes only
 */
export async function walkLineage(
  tx: ReadTransaction,
  start: WalkStart,
  direction: Direction,
  maxHops: number,
  ends: Ends = NO_ENDS,
): Promise<WalkResult> {
  const seen = { artifact: new Set<bigint>(), execution: new Set<bigint>() };
  const leftOut = { artifact: new Set<bigint>(), execution: new Set<bigint>() };
  const kept = { artifact: new Set<bigint>(), execution: new Set<bigint>() };
  const events: Event[] = [];
  const isOneWay = direction === Direction.UPSTREAM || direction === Direction.DOWNSTREAM;

  /** Marks new nodes as seen and gives those to go on from. */
  const arrive = async (side: Side, ids: readonly bigint[]): Promise<bigint[]> => {
    const ending = await ends.find(side, ids);
    const areKept = ends.areKept(side);
    for (const id of ids) {
      if (areKept || !ending.has(id)) seen[side].add(id);
      else leftOut[side].add(id);
      if (areKept && ending.has(id)) kept[side].add(id);
    }
    return ids.filter((id) => !ending.has(id));
  };

  let side = start.side;
  let frontier = await arrive(side, start.ids);
  for (let hop = 0; hop < maxHops && frontier.length > 0; hop += 1) {
    const far: Side = side === "artifact" ? "execution" : "artifact";
    const idOf = (event: Event) => (far === "artifact" ? event.artifactId : event.executionId);
    const met = await eventsOf(
      tx,
      side === "artifact" ? "artifact_id" : "execution_id",
      frontier,
      eventTypes(side, direction),
    );
    const fresh = new Set<bigint>();
    for (const event of met) {
      const id = idOf(event);
      if (!seen[far].has(id) && !leftOut[far].has(id)) fresh.add(id);
    }
    frontier = await arrive(far, [...fresh]);
    for (const event of met) {
      const id = idOf(event);
      if (leftOut[far].has(id)) continue;
      // One way an event is met from one of its ends only; both ways from either, and it is told of when
      // its far node is new. An end is never gone on from, so its events are all met from their far side.
      if (isOneWay || fresh.has(id) || kept[far].has(id)) events.push(event);
    }
    side = far;
  }
  return { artifactIds: seen.artifact, executionIds: seen.execution, events };
}

/** Ids of the nodes that the filter of the starting nodes matches. */
async function startOf(
  tx: ReadTransaction,
  options: LineageSubgraphQueryOptions,
): Promise<WalkStart> {
  const side = options.startingNodes.case === "startingExecutions" ? "execution" : "artifact";
  const query = options.startingNodes.value?.filterQuery ?? "";
  if (query === "") {
    throw refuse(
      "invalid_argument",
      "Cannot list starting nodes if `filter_query` is unspecified.",
    );
  }
  const kind = kindOf(side);
  const filter = compileFilter(kind, query, tx.dialect);
  const rows = await tx.all<{ id: bigint }>(
    `SELECT n.id
     FROM ${kind.table} n LEFT JOIN Type t ON t.id = n.type_id
     WHERE ${filter.sql}
     ORDER BY n.id
     LIMIT ?`,
    [...filter.values, START_NODES_MAX],
  );
  if (rows.length === 0) {
    throw refuse("not_found", "Cannot find qualified nodes to start the traversal.");
  }
  return { side, ids: rows.map((row) => row.id) };
}

function endsOf(tx: ReadTransaction, options: LineageSubgraphQueryOptions): Ends {
  const given = (side: Side): LineageSubgraphQueryOptions_EndingNodes | undefined =>
    side === "artifact" ? options.endingArtifacts : options.endingExecutions;
  return {
    areKept: (side) => given(side)?.includeEndingNodes ?? false,
    async find(side, ids) {
      const ending = new Set<bigint>();
      const query = given(side)?.filterQuery ?? "";
      if (query === "" || ids.length === 0) return ending;
      const kind = kindOf(side);
      const filter = compileFilter(kind, query, tx.dialect);
      for (const { marks, values } of setParts(ids)) {
        const rows = await tx.all<{ id: bigint }>(
          `SELECT n.id
           FROM ${kind.table} n LEFT JOIN Type t ON t.id = n.type_id
           WHERE n.id IN (${marks}) AND ${filter.sql}`,
          [...values, ...filter.values],
        );
        for (const row of rows) ending.add(row.id);
      }
      return ending;
    },
  };
}

function kindOf(side: Side): typeof artifactKind | typeof executionKind {
  return side === "artifact" ? artifactKind : executionKind;
}

/** The parts of the graph that the mask asks for; all of them without one. */
async function assemble(
  tx: ReadTransaction,
  walk: WalkResult,
  mask: FieldMask | undefined,
): Promise<LineageGraph> {
  const paths = mask?.paths ?? [];
  const wants = (path: string) => paths.length === 0 || paths.includes(path);
  const artifactIds = [...walk.artifactIds];
  const executionIds = [...walk.executionIds];
  const graph = create(LineageGraphSchema);
  if (wants("artifacts")) graph.artifacts = artifactIds.map((id) => bare(artifactKind, id));
  if (wants("executions")) graph.executions = executionIds.map((id) => bare(executionKind, id));
  if (wants("events")) graph.events = [...walk.events];
  if (wants("artifact_types")) {
    graph.artifactTypes = await allTypes(tx, artifactKind, { withSystemTypes: true });
  }
  if (wants("execution_types")) {
    graph.executionTypes = await allTypes(tx, executionKind, { withSystemTypes: true });
  }
  if (wants("context_types")) {
    graph.contextTypes = await allTypes(tx, contextKind, { withSystemTypes: true });
  }
  for (const type of [...graph.artifactTypes, ...graph.executionTypes]) {
    Reflect.deleteProperty(type, "baseType");
  }
  if (!wants("contexts") && !wants("attributions") && !wants("associations")) return graph;
  const contexts = new Set<bigint>();
  const attributions = await links(tx, "Attribution", "artifact_id", artifactIds);
  const associations = await links(tx, "Association", "execution_id", executionIds);
  for (const link of [...attributions, ...associations]) contexts.add(link.contextId);
  if (wants("contexts")) graph.contexts = [...contexts].map((id) => bare(contextKind, id));
  if (wants("attributions")) {
    graph.attributions = attributions.map(({ contextId, nodeId }) =>
      create(AttributionSchema, { contextId, artifactId: nodeId }),
    );
  }
  if (wants("associations")) {
    graph.associations = associations.map(({ contextId, nodeId }) =>
      create(AssociationSchema, { contextId, executionId: nodeId }),
    );
  }
  return graph;
}

function bare<N extends Node>(kind: NodeKind<N>, id: bigint): N {
  const node = create(kind.schema);
  node.id = id;
  return node;
}

async function links(
  tx: ReadTransaction,
  table: "Attribution" | "Association",
  column: "artifact_id" | "execution_id",
  ids: readonly bigint[],
): Promise<{ contextId: bigint; nodeId: bigint }[]> {
  const found: { contextId: bigint; nodeId: bigint }[] = [];
  for (const { marks, values } of setParts(ids)) {
    const rows = await tx.all<{ context_id: bigint; node_id: bigint }>(
      `SELECT context_id, ${column} AS node_id FROM ${table} WHERE ${column} IN (${marks})`,
      values,
    );
    for (const row of rows) found.push({ contextId: row.context_id, nodeId: row.node_id });
  }
  return found;
}
