import { randomUUID } from "node:crypto";
import type { Column, Dialect, Engine, FieldIdColumn } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { fileStatistics, type WrittenColumn } from "./bounds.ts";
import type { TableFiles } from "./files.ts";
import type { DataFile } from "./formats/manifest.ts";
import { primitiveOf } from "./formats/primitive.ts";
import { currentSchema, type TableMetadata } from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { nearestNames } from "./names.ts";
import { columnType, isHeldBy, sqlTypeName, tableTypeOf } from "./types.ts";

/**
 * Writes the rows of a relation as data files of a table: one Parquet file, its columns matched by
 * name, each with the table's field id. Rows keep the relation's order.
 * @returns no file when the relation has no rows
 * @throws `invalid_argument` when a column is unknown, of another type, or NULL where one is required
 */
export async function writeRows(
  step: Step,
  engine: Engine,
  files: TableFiles,
  metadata: TableMetadata,
  relation: string,
): Promise<readonly DataFile[]> {
  const { signal } = step;
  const schema = currentSchema(metadata);
  const query = projection(
    engine.dialect,
    schema,
    await engine.columns(relation, { signal }),
    relation,
  );
  const columns = writtenColumns(schema);
  const key = `${files.keyOf(metadata.location)}/data/${step.executionId}-${randomUUID()}.parquet`;

  let statistics: ReturnType<typeof fileStatistics> | undefined;
  try {
    statistics = await files.publish(key, async (path) => {
      const sql = engine.dialect.copyToParquet(query, path, fieldIds(engine.dialect, columns));
      const [written] = await engine.rows(sql, { signal });
      if (written === undefined) {
        throw new WaybillError("internal", "The engine does not say what it wrote.");
      }
      const found = fileStatistics(written, columns);
      checkRequired(schema, found.nullCounts);
      // Thrown, so that no file of no rows is published.
      if (found.rowCount === 0) throw new NoRows();
      return found;
    });
  } catch (error) {
    if (error instanceof NoRows) return [];
    throw WaybillError.from(error);
  }
  return [
    {
      content: "data",
      path: files.uriOf(key),
      format: "PARQUET",
      partition: new Map(),
      sortOrderId: 0,
      ...statistics,
    },
  ];
}

/** The schema of a table that holds the columns of a relation, with field ids from 1. */
export async function inferTableSchema(
  engine: Engine,
  relation: string,
  signal?: AbortSignal,
): Promise<TableSchema> {
  const columns = await engine.columns(relation, signal === undefined ? {} : { signal });
  return {
    type: "struct",
    "schema-id": 0,
    fields: columns.map(({ name, type }, index) => ({
      id: index + 1,
      name,
      required: false,
      type: tableTypeOf(type, name),
    })),
  };
}

/** The columns of a schema as they are written. @throws `unimplemented` for types we do not write */
export function writtenColumns(schema: TableSchema): readonly WrittenColumn[] {
  return schema.fields.map(({ id, name, type }) => ({ id, name, type: columnType(type, name) }));
}

/** The columns as the engine addresses them by field id. */
export function fieldIds(
  dialect: Dialect,
  columns: readonly WrittenColumn[],
): readonly FieldIdColumn[] {
  return columns.map(({ id, name, type }) => ({ id, name, type: sqlTypeName(dialect, type) }));
}

/** Thrown inside only: an empty relation makes no file. */
class NoRows extends Error {}

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
    const near = nearestNames(name, names);
    throw new WaybillError("invalid_argument", `The table has no column "${name}".`, {
      hint:
        near.length > 0
          ? `Did you mean "${near[0]}"? Rename it, or add it to the table.`
          : "Add it to the table first, or leave it out of the query.",
    });
  }
  const expressions = schema.fields.map((field) => {
    const to = columnType(field.type, field.name);
    const column = dialect.quoteIdentifier(field.name);
    const typeName = sqlTypeName(dialect, to);
    const source = byName.get(field.name);
    if (source === undefined) return `CAST(NULL AS ${typeName}) AS ${column}`;
    const from = primitiveOf(tableTypeOf(source.type, field.name));
    if (from === undefined || !isHeldBy(from, to)) {
      throw new WaybillError(
        "invalid_argument",
        `The column "${field.name}" is ${field.type} in the table and ${source.type} in the rows.`,
        { hint: "Cast it in the query, or widen the table's column." },
      );
    }
    return `CAST(${column} AS ${typeName}) AS ${column}`;
  });
  return `SELECT ${expressions.join(", ")} FROM ${relation}`;
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
