import { clearField, clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ListOperationOptions_OrderByField_Field as Field,
  ListOperationNextPageTokenSchema,
  type ListOperationOptions,
  type ListOperationOptions_OrderByField,
  ListOperationOptions_OrderByFieldSchema,
  ListOperationOptionsSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { ReadTransaction, SqlParameter } from "../../database/index.ts";
import { allOf, type CompiledFilter, type Condition, compileFilter } from "../filter/index.ts";
import type { Node, NodeKind } from "./kinds.ts";
import { loadNodes, type NodeRow, selectNodes } from "./read-nodes.ts";
import { describe, has, refuse } from "./text.ts";

/** The most nodes of one page; a larger size asked for is cut to it, with a token for the rest. */
const PAGE_SIZE_MAX = 100;

/** From so many matches on, nodes are tested one by one rather than found as a set. */
const MATCH_COUNT_MANY = 1_000;

const ORDER_COLUMNS: ReadonlyMap<Field, string> = new Map([
  [Field.ID, "id"],
  [Field.CREATE_TIME, "create_time_since_epoch"],
  [Field.LAST_UPDATE_TIME, "last_update_time_since_epoch"],
]);

/** Which nodes a list is drawn from, beside its filter. */
export type ListScope =
  | { readonly kind: "all" }
  | { readonly kind: "type"; readonly typeId: bigint }
  | { readonly kind: "context"; readonly contextId: bigint };

/** A page of nodes; the token is undefined on the last page. */
export interface Page<N extends Node> {
  readonly nodes: N[];
  readonly nextPageToken: string | undefined;
}

/**
 * A page of nodes in the order asked for; all of them, by id, without options. Pages are cut by key
 * (order value, id), so that they stay right while nodes are added and when many share a time.
 */
export async function listNodes<N extends Node>(
  tx: ReadTransaction,
  kind: NodeKind<N>,
  scope: ListScope,
  options: ListOperationOptions | undefined,
): Promise<Page<N>> {
  const where: string[] = [];
  const values: SqlParameter[] = [];
  let joins = "";
  if (scope.kind === "type") {
    where.push("n.type_id = ?");
    values.push(scope.typeId);
  } else if (scope.kind === "context") {
    const link = kind.word === "artifact" ? "Attribution" : "Association";
    joins = ` JOIN ${link} l ON l.${kind.idColumn} = n.id`;
    where.push("l.context_id = ?");
    values.push(scope.contextId);
  }
  if (options?.filterQuery) {
    const filter = compileFilter(kind, options.filterQuery, tx.dialect);
    const condition = await quickestForm(tx, filter);
    where.push(condition.sql);
    values.push(...condition.values);
  }
  const order = options === undefined ? undefined : pageOrder(options);
  if (order?.after !== undefined) {
    const { column, comparison, after } = order;
    if (column === "id") {
      where.push(`n.id ${comparison} ?`);
      values.push(after.id);
    } else {
      where.push(`(n.${column}, n.id) ${comparison} (?, ?)`);
      values.push(after.value, after.id);
    }
  }
  const direction = order?.direction ?? "ASC";
  const orderBy =
    order === undefined || order.column === "id"
      ? `n.id ${direction}`
      : `n.${order.column} ${direction}, n.id ${direction}`;
  const limit = order === undefined ? "" : " LIMIT ?";
  if (order !== undefined) values.push(BigInt(order.size + 1));
  const rows = await tx.all<NodeRow>(
    `${selectNodes(kind)}${joins}
     ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`}
     ORDER BY ${orderBy}${limit}`,
    values,
  );
  if (options === undefined || order === undefined || rows.length <= order.size) {
    return { nodes: await loadNodes(tx, kind, rows), nextPageToken: undefined };
  }
  const shown = rows.slice(0, order.size);
  return {
    nodes: await loadNodes(tx, kind, shown),
    nextPageToken: writeToken(options, order.column, shown),
  };
}

/**
 * A filter in the form that finds a page soonest. Where a condition on neighbours holds for few nodes they
 * are looked up as a set; where it holds for many, the page is filled by testing nodes in their order.
 */
async function quickestForm(tx: ReadTransaction, filter: CompiledFilter): Promise<Condition> {
  const conditions: Condition[] = [];
  for (const part of filter.parts) {
    const { asTest } = part;
    if (asTest === undefined) {
      conditions.push(part);
      continue;
    }
    const some = await tx.get<{ n: bigint }>(
      `SELECT COUNT(*) AS n FROM (${asTest.set.sql} LIMIT ${MATCH_COUNT_MANY}) matches`,
      asTest.set.values,
    );
    conditions.push((some?.n ?? 0n) < BigInt(MATCH_COUNT_MANY) ? part : asTest);
  }
  return allOf(conditions);
}

interface PageOrder {
  readonly size: number;
  readonly column: string;
  readonly direction: "ASC" | "DESC";
  readonly comparison: ">" | "<";
  readonly after: { readonly value: bigint; readonly id: bigint } | undefined;
}

function pageOrder(options: ListOperationOptions): PageOrder {
  if (options.maxResultSize <= 0) {
    throw refuse(
      "invalid_argument",
      `max_result_size field value is required to be greater than 0 and less than or equal to 100. Set value:${options.maxResultSize}`,
    );
  }
  const orderBy = orderOf(options);
  const column = ORDER_COLUMNS.get(orderBy.field);
  if (column === undefined) {
    throw refuse(
      "invalid_argument",
      `Unsupported field: ${nameOfField(orderBy.field)} specified in ListOperationOptions`,
    );
  }
  return {
    size: Math.min(options.maxResultSize, PAGE_SIZE_MAX),
    column,
    direction: orderBy.isAsc ? "ASC" : "DESC",
    comparison: orderBy.isAsc ? ">" : "<",
    after:
      has(options, "nextPageToken") && options.nextPageToken !== ""
        ? readToken(options)
        : undefined,
  };
}

function nameOfField(field: Field): string {
  return Object.entries(Field).find(([, value]) => value === field)?.[0] ?? String(field);
}

function orderOf(options: ListOperationOptions): ListOperationOptions_OrderByField {
  return options.orderByField ?? create(ListOperationOptions_OrderByFieldSchema);
}

/**
 * A token as ML Metadata's: the order's value and the id of the last node shown; by update time the ids
 * shown of that time instead, the last first.
 */
function writeToken(
  options: ListOperationOptions,
  column: string,
  shown: readonly NodeRow[],
): string {
  const last = shown.at(-1);
  const setOptions = clone(ListOperationOptionsSchema, options);
  clearField(setOptions, ListOperationOptionsSchema.field.nextPageToken);
  const listed = shown.filter((row) => row[column] === last?.[column]).map((row) => row.id);
  const token = create(ListOperationNextPageTokenSchema, {
    fieldOffset: BigInt(String(last?.[column] ?? 0n)),
    setOptions,
    ...(column === "last_update_time_since_epoch"
      ? { listedIds: listed.reverse() }
      : { idOffset: last?.id ?? 0n }),
  });
  return Buffer.from(toBinary(ListOperationNextPageTokenSchema, token)).toString("base64url");
}

function readToken(options: ListOperationOptions): { value: bigint; id: bigint } {
  const text = options.nextPageToken;
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text.replace(/=+$/, "")) {
    throw refuse("invalid_argument", "Failed to decode next page token string");
  }
  let token: ReturnType<typeof decodeToken>;
  try {
    token = decodeToken(bytes);
  } catch (error) {
    throw refuse(
      "invalid_argument",
      "Failed to parse decoded next page token into ListOperationNextPageToken proto message ",
      error,
    );
  }
  const before = token.setOptions ?? create(ListOperationOptionsSchema);
  const orderBefore = orderOf(before);
  const orderNow = orderOf(options);
  if (orderBefore.field !== orderNow.field || orderBefore.isAsc !== orderNow.isAsc) {
    throw refuse(
      "invalid_argument",
      `ListOperationOptions mismatch between calls. Previous: ${describe(ListOperationOptionsSchema, before)} Current: ${describe(ListOperationOptionsSchema, options)}`,
    );
  }
  return { value: token.fieldOffset, id: token.listedIds[0] ?? token.idOffset };
}

function decodeToken(bytes: Uint8Array) {
  return fromBinary(ListOperationNextPageTokenSchema, bytes);
}
