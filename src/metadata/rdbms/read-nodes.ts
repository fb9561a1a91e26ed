import { create } from "@bufbuild/protobuf";
import type { ReadTransaction, SqlParameter, SqlRow } from "../../database/index.ts";
import {
  artifactKind,
  contextKind,
  executionKind,
  type KindTables,
  type Node,
  type NodeKind,
} from "./kinds.ts";
import { distinct, setParts } from "./sets.ts";
import { refuse } from "./text.ts";
import { decodeValue, VALUE_COLUMNS, type ValueRow } from "./values.ts";

/** A node's row with the name of its type. */
export type NodeRow = SqlRow & { readonly id: bigint; readonly type_id: bigint };

type PropertyRow = ValueRow & {
  readonly node_id: bigint;
  readonly name: string;
  readonly is_custom_property: bigint;
};

/** The columns of a node and its type, for statements that name the node's table `n`. */
export function selectNodes(kind: KindTables): string {
  return statementsOf(kind).nodes;
}

interface Statements {
  readonly nodes: string;
  readonly properties: string;
}

/** The texts with which every read of a kind begins; they are long, and made once. */
const STATEMENTS: ReadonlyMap<string, Statements> = new Map(
  [artifactKind, executionKind, contextKind].map((kind) => [kind.word, makeStatements(kind)]),
);

function makeStatements(kind: KindTables): Statements {
  const own = kind.columns.map(({ column }) => `, n.${column}`).join("");
  return {
    nodes: `
  SELECT n.id, n.type_id, n.name, n.external_id, n.create_time_since_epoch,
    n.last_update_time_since_epoch, t.name AS type_name${own}
  FROM ${kind.table} n LEFT JOIN Type t ON t.id = n.type_id`,
    properties: `
  SELECT ${kind.idColumn} AS node_id, name, is_custom_property, ${VALUE_COLUMNS.join(", ")}
  FROM ${kind.propertyTable}
  WHERE ${kind.idColumn} IN `,
  };
}

function statementsOf(kind: KindTables): Statements {
  return STATEMENTS.get(kind.word) ?? makeStatements(kind);
}

/** Nodes whose column is one of the values, ordered by id. */
export async function findNodes<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  column: "id" | "uri" | "external_id",
  values: readonly SqlParameter[],
): Promise<N[]> {
  const rows: NodeRow[] = [];
  const sql = selectNodes(kind);
  for (const part of setParts(distinct(values))) {
    const more = await tx.all<NodeRow>(
      `${sql} WHERE n.${column} IN (${part.marks}) ORDER BY n.id`,
      part.values,
    );
    if (rows.length === 0) rows.push(...more);
    else for (const row of more) rows.push(row);
  }
  // Parts of a set are each in order, but not one after the other.
  if (values.length > rows.length || rows.length > 1) rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  return loadNodes(tx, kind, rows);
}

/** The node of a type's name and its own name, or undefined. */
export async function findNodeByName<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  typeId: bigint,
  name: string,
): Promise<N | undefined> {
  const rows = await tx.all<NodeRow>(`${selectNodes(kind)} WHERE n.type_id = ? AND n.name = ?`, [
    typeId,
    name,
  ]);
  return (await loadNodes(tx, kind, rows))[0];
}

/** Messages for node rows, in their order, with their properties read in one query per set. */
export async function loadNodes<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  rows: readonly NodeRow[],
): Promise<N[]> {
  const nodes = new Map<bigint, N>();
  for (const row of rows) nodes.set(row.id, toNode(kind, row));
  if (rows.length === 0) return [];
  const sql = statementsOf(kind).properties;
  for (const { marks, values } of setParts([...nodes.keys()])) {
    for (const property of await tx.all<PropertyRow>(`${sql}(${marks})`, values)) {
      const node = nodes.get(property.node_id);
      if (node === undefined) continue;
      const into = property.is_custom_property === 0n ? node.properties : node.customProperties;
      into[property.name] = decodeValue(property, tx.dialect);
    }
  }
  return rows.flatMap((row) => nodes.get(row.id) ?? []);
}

function toNode<N extends Node>(kind: NodeKind<N>, row: NodeRow): N {
  const node = create(kind.schema);
  node.id = row.id;
  node.typeId = row.type_id;
  if (row["type_name"] !== null) node.type = String(row["type_name"]);
  if (row["name"] !== null) node.name = String(row["name"]);
  if (row["external_id"] !== null) node.externalId = String(row["external_id"]);
  node.createTimeSinceEpoch = integer(row, "create_time_since_epoch");
  node.lastUpdateTimeSinceEpoch = integer(row, "last_update_time_since_epoch");
  for (const { column, field } of kind.columns) {
    const value = row[column];
    if (value === null || value === undefined) continue;
    // Beside the uri, which is text, the columns hold enum numbers.
    Reflect.set(node, field, typeof value === "bigint" ? Number(value) : value);
  }
  return node;
}

function integer(row: SqlRow, column: string): bigint {
  const value = row[column];
  if (typeof value !== "bigint") {
    throw refuse("data_loss", `Column ${column} of row ${row["id"]} does not hold an integer.`);
  }
  return value;
}
