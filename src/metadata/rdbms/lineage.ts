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
import {
  artifactKind,
  contextKind,
  executionKind,
  type KindTables,
  type Node,
  type NodeKind,
} from "./kinds.ts";
import { setParts } from "./sets.ts";
import { has, refuse } from "./text.ts";
import { allTypes } from "./types.ts";

const HOPS_MAX = 100n;
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

type Side = "artifact" | "execution";

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
  const walk = new Walk(tx, options);
  await walk.start();
  for (let hop = 0n; hop < hops && walk.hasFrontier; hop += 1n) await walk.step();
  return assemble(tx, walk, request.readMask);
}

function hopsOf(options: LineageSubgraphQueryOptions): bigint {
  if (!has(options, "maxNumHops")) return HOPS_MAX;
  if (options.maxNumHops < 0n) {
    throw refuse("invalid_argument", `max_num_hops cannot be negative: ${options.maxNumHops}`);
  }
  return options.maxNumHops < HOPS_MAX ? options.maxNumHops : HOPS_MAX;
}

/** A breadth-first walk that goes from one side of the graph to the other at each step. */
class Walk {
  readonly seen = { artifact: new Set<bigint>(), execution: new Set<bigint>() };
  readonly events: Event[] = [];
  readonly #tx: ReadTransaction;
  readonly #options: LineageSubgraphQueryOptions;
  readonly #direction: Direction;
  #frontier: { readonly side: Side; readonly ids: readonly bigint[] };

  constructor(tx: ReadTransaction, options: LineageSubgraphQueryOptions) {
    this.#tx = tx;
    this.#options = options;
    this.#direction = options.direction;
    const side = options.startingNodes.case === "startingExecutions" ? "execution" : "artifact";
    this.#frontier = { side, ids: [] };
  }

  get hasFrontier(): boolean {
    return this.#frontier.ids.length > 0;
  }

  /** Finds the nodes to start from; those that are also ends are not gone on from. */
  async start(): Promise<void> {
    const { side } = this.#frontier;
    const query = this.#options.startingNodes.value?.filterQuery ?? "";
    if (query === "") {
      throw refuse(
        "invalid_argument",
        "Cannot list starting nodes if `filter_query` is unspecified.",
      );
    }
    const ids = await this.#startIds(kindOf(side), query);
    if (ids.length === 0) {
      throw refuse("not_found", "Cannot find qualified nodes to start the traversal.");
    }
    const { ending, going } = await this.#partition(side, ids);
    const kept = this.#endingNodes(side)?.includeEndingNodes ? [...going, ...ending] : going;
    for (const id of kept) this.seen[side].add(id);
    this.#frontier = { side, ids: going };
  }

  /** Goes over the events of the frontier to the nodes beyond them, which become the frontier. */
  async step(): Promise<void> {
    const { side, ids } = this.#frontier;
    const far: Side = side === "artifact" ? "execution" : "artifact";
    const events = await eventsOf(
      this.#tx,
      side === "artifact" ? "artifact_id" : "execution_id",
      ids,
      eventTypes(side, this.#direction),
    );
    const isOneWay = eventTypes(side, this.#direction) !== undefined;
    const idOf = (event: Event) => (far === "artifact" ? event.artifactId : event.executionId);
    const fresh = new Set<bigint>();
    for (const event of events) {
      if (!this.seen[far].has(idOf(event))) fresh.add(idOf(event));
    }
    const { ending, going } = await this.#partition(far, [...fresh]);
    const included = this.#endingNodes(far)?.includeEndingNodes ?? false;
    const left = new Set(included ? [] : ending);
    for (const event of events) {
      const id = idOf(event);
      // Both ways an event is met from either end, and told of when its far node is new; one way it is
      // met from one end only.
      if (left.has(id) || this.#leftOut[far].has(id)) continue;
      if (isOneWay || fresh.has(id)) this.events.push(event);
    }
    for (const id of left) this.#leftOut[far].add(id);
    for (const id of included ? fresh : going) this.seen[far].add(id);
    this.#frontier = { side: far, ids: going };
  }

  readonly #leftOut = { artifact: new Set<bigint>(), execution: new Set<bigint>() };

  async #startIds(kind: NodeKind<Node> | KindTables, query: string): Promise<bigint[]> {
    const filter = compileFilter(kind, query, this.#tx.dialect);
    const rows = await this.#tx.all<{ id: bigint }>(
      `SELECT n.id FROM ${kind.table} n LEFT JOIN Type t ON t.id = n.type_id
       WHERE ${filter.sql}
       ORDER BY n.id
       LIMIT ?`,
      [...filter.values, START_NODES_MAX],
    );
    return rows.map((row) => row.id);
  }

  #endingNodes(side: Side): LineageSubgraphQueryOptions_EndingNodes | undefined {
    return side === "artifact" ? this.#options.endingArtifacts : this.#options.endingExecutions;
  }

  /** Tells the nodes at which the walk ends from those it goes on from. */
  async #partition(
    side: Side,
    ids: readonly bigint[],
  ): Promise<{ ending: bigint[]; going: bigint[] }> {
    const query = this.#endingNodes(side)?.filterQuery ?? "";
    if (query === "" || ids.length === 0) return { ending: [], going: [...ids] };
    const kind = kindOf(side);
    const filter = compileFilter(kind, query, this.#tx.dialect);
    const ending = new Set<bigint>();
    for (const { marks, values } of setParts(ids)) {
      const rows = await this.#tx.all<{ id: bigint }>(
        `SELECT n.id FROM ${kind.table} n LEFT JOIN Type t ON t.id = n.type_id
         WHERE n.id IN (${marks}) AND ${filter.sql}`,
        [...values, ...filter.values],
      );
      for (const row of rows) ending.add(row.id);
    }
    return { ending: [...ending], going: ids.filter((id) => !ending.has(id)) };
  }
}

function kindOf(side: Side): typeof artifactKind | typeof executionKind {
  return side === "artifact" ? artifactKind : executionKind;
}

/** The parts of the graph that the mask asks for; all of them without one. */
async function assemble(
  tx: ReadTransaction,
  walk: Walk,
  mask: FieldMask | undefined,
): Promise<LineageGraph> {
  const paths = mask?.paths ?? [];
  const wants = (path: string) => paths.length === 0 || paths.includes(path);
  const artifactIds = [...walk.seen.artifact];
  const executionIds = [...walk.seen.execution];
  const graph = create(LineageGraphSchema);
  if (wants("artifacts")) graph.artifacts = artifactIds.map((id) => bare(artifactKind, id));
  if (wants("executions")) graph.executions = executionIds.map((id) => bare(executionKind, id));
  if (wants("events")) graph.events = walk.events;
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
