import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Column, Dialect, Engine, FieldIdColumn, Row } from "../engine/index.ts";
import { nearest, WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import {
  entriesOf,
  type FileStatistics,
  fileStatistics,
  parseValue,
  type WrittenColumn,
} from "./bounds.ts";
import type { TableFiles } from "./files.ts";
import type { AvroValue } from "./formats/avro.ts";
import type { DataFile } from "./formats/manifest.ts";
import { type Primitive, type PrimitiveValue, primitiveOf } from "./formats/primitive.ts";
import {
  currentSchema,
  type PartitionField,
  specWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import type { TableSchema, TableType } from "./formats/table-schema.ts";
import { SUGGESTED_MAX } from "./names.ts";
import { partitionAvroValue, sourceColumn } from "./partition.ts";
import { parseTransform, transformSql, transformType } from "./transforms.ts";
import { columnSqlType, isHeldBy, nestedIds, tableTypeOf } from "./types.ts";

/** What the writing of rows needs to know. */
export interface WriteContext {
  readonly step: Step;
  readonly engine: Engine;
  readonly files: TableFiles;
}

/**
 * Writes the rows of a relation as data files of a table, one for each of its partitions. Columns are
 * matched by name and carry the table's field ids; rows keep the relation's order, or the table's.
 * @returns no file when the relation has no rows
 * @throws `invalid_argument` when a column is unknown, of another type, or NULL where one is required
 */
export async function writeRows(
  { step, engine, files }: WriteContext,
  metadata: TableMetadata,
  relation: string,
): Promise<readonly DataFile[]> {
  const { dialect } = engine;
  const schema = currentSchema(metadata);
  const spec = specWithId(metadata, metadata["default-spec-id"]);
  const given = await engine.columns(relation, { signal: step.signal });
  const rows = `(${projection(dialect, schema, given, relation)})`;
  const partitions = spec.fields.map((field) => partitionColumn(dialect, metadata, field));
  const query = [
    `SELECT *${partitions.map(({ sql, name }) => `, ${sql} AS ${name}`).join("")}`,
    `FROM ${rows} AS r${orderBy(dialect, metadata)}`,
  ].join(" ");
  const columns = writtenColumns(schema);

  const write = async (path: string) => {
    const partitionBy = partitions.map(({ name }) => name);
    const sql = dialect.copyToParquet(query, path, fieldIds(dialect, schema), { partitionBy });
    const written: FileStatistics[] = [];
    const values: Map<number, AvroValue>[] = [];
    const paths: string[] = [];
    for (const row of await engine.rows(sql, { signal: step.signal })) {
      const statistics = fileStatistics(row, columns);
      if (statistics.rowCount === 0) continue;
      checkRequired(schema, statistics.nullCounts);
      written.push(statistics);
      paths.push(String(row["filename"]));
      values.push(await partitionValues(engine, metadata, partitions, row));
    }
    return { paths, value: { written, values } };
  };
  const folder = `${files.keyOf(metadata.location)}/data`;
  const prefix = `${step.executionId}-${randomUUID()}`;
  const published = await files.publishAll(folder, prefix, (temporaryFolder) =>
    write(partitions.length === 0 ? join(temporaryFolder, "rows.parquet") : temporaryFolder),
  );
  const { written, values } = published.value;
  return written.map((statistics, index) => ({
    content: "data",
    path: files.uriOf(published.keys[index] ?? ""),
    format: "PARQUET",
    partition: values[index] ?? new Map(),
    // Within partitions the engine keeps no order.
    sortOrderId: partitions.length === 0 ? metadata["default-sort-order-id"] : 0,
    ...statistics,
  }));
}

/** The schema of a table that holds the columns of a relation, with field ids from 1. */
export async function inferTableSchema(
  engine: Engine,
  relation: string,
  signal?: AbortSignal,
): Promise<TableSchema> {
  const columns = await engine.columns(relation, signal === undefined ? {} : { signal });
  let last = columns.length;
  const nextId = () => {
    last += 1;
    return last;
  };
  return {
    type: "struct",
    "schema-id": 0,
    fields: columns.map(({ name, type }, index) => ({
      id: index + 1,
      name,
      required: false,
      type: tableTypeOf(type, name, nextId),
    })),
  };
}

/** The columns of a schema, with the types that bounds are made for. */
function writtenColumns(schema: TableSchema): readonly WrittenColumn[] {
  return schema.fields.map(({ id, name, type }) => ({ id, name, type: primitiveOf(type) }));
}

/**
 * The columns of a schema as the engine addresses them by field id.
 * @throws `unimplemented` for types that the engine has not
 */
export function fieldIds(dialect: Dialect, schema: TableSchema): readonly FieldIdColumn[] {
  return schema.fields.map(({ id, name, type }) => ({
    id,
    name,
    type: columnSqlType(dialect, type, name),
    nested: nestedIds(type),
  }));
}

/** A partition field as a column of the query that is written. */
interface PartitionColumn {
  readonly field: PartitionField;
  readonly type: Primitive;
  readonly name: string;
  /** The value as text with a letter before it, which says how to read it. */
  readonly sql: string;
  /** The value itself. */
  readonly value: string;
}

/** The engine makes folders of partition values: longer ones, encoded, would be no file name. */
const KEY_BYTES_MAX = 60;

function partitionColumn(
  dialect: Dialect,
  metadata: TableMetadata,
  field: PartitionField,
): PartitionColumn {
  const { name, type: source } = sourceColumn(metadata, field);
  const transform = parseTransform(field.transform);
  const type = transformType(transform, source);
  const value = transformSql(dialect, transform, source, dialect.quoteIdentifier(name));
  const text =
    type.kind === "binary" ? `hex(${value})` : `CAST(${value} AS ${dialect.typeName("string")})`;
  // NULL and a text must not meet in one folder, whatever the text is.
  const sql =
    `CASE WHEN ${value} IS NULL THEN 'n' ` +
    `WHEN ${dialect.byteLength(text)} > ${KEY_BYTES_MAX} THEN 'h' || ${dialect.md5(text)} ` +
    `ELSE 'v' || ${text} END`;
  return { field, type, name: `_waybill_partition_${field["field-id"]}`, sql, value };
}

/** The partition of a file that was written, by field id. */
async function partitionValues(
  engine: Engine,
  metadata: TableMetadata,
  partitions: readonly PartitionColumn[],
  written: Row,
): Promise<Map<number, AvroValue>> {
  const keys = new Map(entriesOf(written["partition_keys"] ?? []));
  const values = new Map<number, AvroValue>();
  for (const { field, type, name, value } of partitions) {
    const key = String(keys.get(name));
    const id = field["field-id"];
    if (key.startsWith("n")) values.set(id, null);
    else if (key.startsWith("v")) {
      values.set(id, partitionAvroValue(type, partitionFromText(type, key.slice(1))));
    } else {
      // Too long for a file name, so it is read from any row of the file.
      const schema = fieldIds(engine.dialect, currentSchema(metadata));
      const file = engine.dialect.parquetByFieldId([String(written["filename"])], schema);
      const [row] = await engine.rows(`SELECT ${value} AS v FROM ${file} LIMIT 1`);
      const cell = row?.["v"] ?? null;
      if (typeof cell !== "string" && !(cell instanceof Uint8Array)) {
        throw new WaybillError("internal", `The partition value of "${field.name}" is no text.`);
      }
      values.set(id, cell instanceof Uint8Array ? new Uint8Array(cell) : cell);
    }
  }
  return values;
}

function partitionFromText(type: Primitive, text: string): PrimitiveValue {
  if (type.kind === "binary") return new Uint8Array(Buffer.from(text, "hex"));
  if (text === "nan") return Number.NaN;
  const value = parseValue(type, text);
  if (value !== undefined) return value;
  throw new WaybillError(
    "unimplemented",
    `Rows cannot be partitioned by the ${type.kind} ${text}.`,
  );
}

function orderBy(dialect: Dialect, metadata: TableMetadata): string {
  const id = metadata["default-sort-order-id"];
  const order = metadata["sort-orders"].find((order) => order["order-id"] === id);
  if (order === undefined || order.fields.length === 0) return "";
  const keys = order.fields.map((field) => {
    const { name, type } = sourceColumn(metadata, field);
    const x = transformSql(
      dialect,
      parseTransform(field.transform),
      type,
      dialect.quoteIdentifier(name),
    );
    const nulls = field["null-order"] === "nulls-first" ? "NULLS FIRST" : "NULLS LAST";
    return `${x} ${field.direction === "desc" ? "DESC" : "ASC"} ${nulls}`;
  });
  return ` ORDER BY ${keys.join(", ")}`;
}

/** A query that gives the table's columns, in its order and types, from a relation's by name. */
function projection(
  dialect: Dialect,
  schema: TableSchema,
  given: readonly Column[],
  relation: string,
): string {
  const names = schema.fields.map(({ name }) => name);
  const byName = new Map(given.map((column) => [column.name, column]));
  for (const { name } of given) {
    if (names.includes(name)) continue;
    const near = nearest(name, names, SUGGESTED_MAX);
    throw new WaybillError("invalid_argument", `The table has no column "${name}".`, {
      hint:
        near.length > 0
          ? `Did you mean "${near[0]}"? Rename it, or add it to the table.`
          : "Add it to the table first, or leave it out of the query.",
    });
  }
  const expressions = schema.fields.map((field) => {
    if (typeof field.type === "string" && field.type.startsWith("fixed[")) {
      throw new WaybillError("unimplemented", `The engine does not write ${field.type} columns.`);
    }
    const column = dialect.quoteIdentifier(field.name);
    const typeName = columnSqlType(dialect, field.type, field.name);
    const source = byName.get(field.name);
    if (source === undefined) return `CAST(NULL AS ${typeName}) AS ${column}`;
    const from = tableTypeOf(source.type, field.name, () => 0);
    if (!isHeldBy(from, field.type)) {
      throw new WaybillError(
        "invalid_argument",
        `The column "${field.name}" is ${typeText(field.type)} in the table and ${source.type} in the rows.`,
        { hint: "Cast it in the query, or widen the table's column." },
      );
    }
    return `CAST(${column} AS ${typeName}) AS ${column}`;
  });
  return `SELECT ${expressions.join(", ")} FROM ${relation}`;
}

function typeText(type: TableType): string {
  return typeof type === "string" ? type : `a ${type.type}`;
}

function checkRequired(schema: TableSchema, nullCounts: ReadonlyMap<number, number>): void {
  for (const { id, name, required } of schema.fields) {
    const count = nullCounts.get(id) ?? 0;
    if (!required || count === 0) continue;
    throw new WaybillError(
      "invalid_argument",
      `The column "${name}" is required, and ${count.toLocaleString("en")} of the rows have none.`,
    );
  }
}
