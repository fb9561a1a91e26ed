import type { Dialect, FieldIdNode, SqlType } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { type EngineType, parseEngineType } from "./engine-type.ts";
import { type Primitive, primitiveOf } from "./formats/primitive.ts";
import type { TableMetadata } from "./formats/table-metadata.ts";
import type { TableField, TableSchema, TableType } from "./formats/table-schema.ts";

/** The engine's spelling of a primitive type. */
export function sqlTypeName(dialect: Dialect, type: Primitive): string {
  if (type.kind === "decimal") return `DECIMAL(${type.precision},${type.scale})`;
  return dialect.typeName(type.kind satisfies SqlType);
}

/**
 * The engine's spelling of any type of a column.
 * @throws `unimplemented` for types that the engine has not
 */
export function columnSqlType(dialect: Dialect, type: TableType, column: string): string {
  const primitive = primitiveOf(type);
  if (primitive !== undefined) return sqlTypeName(dialect, primitive);
  if (typeof type === "string") return rareSqlType(dialect, type, column);
  switch (type.type) {
    case "struct":
      return dialect.structType(
        type.fields.map((field) => [field.name, columnSqlType(dialect, field.type, column)]),
      );
    case "list":
      return dialect.listType(columnSqlType(dialect, type.element, column));
    case "map":
      return dialect.mapType(
        columnSqlType(dialect, type.key, column),
        columnSqlType(dialect, type.value, column),
      );
    default:
      return type satisfies never;
  }
}

/** The field ids inside of a type, as a writer of Parquet needs them. */
export function nestedIds(type: TableType): readonly FieldIdNode[] {
  if (typeof type === "string") return [];
  const node = (id: number, name: string, inner: TableType): FieldIdNode => ({
    id,
    name,
    nested: nestedIds(inner),
  });
  switch (type.type) {
    case "struct":
      return type.fields.map((field) => node(field.id, field.name, field.type));
    case "list":
      return [node(type["element-id"], "element", type.element)];
    case "map":
      return [node(type["key-id"], "key", type.key), node(type["value-id"], "value", type.value)];
    default:
      return type satisfies never;
  }
}

/**
 * The primitive type of a column that rows are cut, sorted or filtered by.
 * @throws `unimplemented` for nested and rarer types
 */
export function columnType(type: TableType, column: string): Primitive {
  const primitive = primitiveOf(type);
  if (primitive !== undefined) return primitive;
  const name = typeof type === "string" ? type : type.type;
  throw new WaybillError(
    "unimplemented",
    `The column "${column}" has the type ${name}, which is not supported here.`,
    { hint: `Supported are ${SUPPORTED}.` },
  );
}

/**
 * The table type that holds every value of an engine's type without loss. Ids inside of it are given
 * by `nextId`.
 * @throws `invalid_argument` for types without such a one
 */
export function tableTypeOf(engineType: string, column: string, nextId: () => number): TableType {
  return held(parseEngineType(engineType, column));

  function held(type: EngineType): TableType {
    switch (type.kind) {
      case "plain":
        return plainTypeOf(type.name, column);
      case "struct":
        return {
          type: "struct",
          fields: type.fields.map(([name, inner]): TableField => {
            const id = nextId();
            return { id, name, required: false, type: held(inner) };
          }),
        };
      case "list": {
        const id = nextId();
        return {
          type: "list",
          "element-id": id,
          element: held(type.element),
          "element-required": false,
        };
      }
      case "map": {
        const ids = { "key-id": nextId(), "value-id": nextId() };
        const [key, value] = [held(type.key), held(type.value)];
        return { type: "map", ...ids, key, value, "value-required": false };
      }
      default:
        return type satisfies never;
    }
  }
}

/**
 * Whether every value of one type is a value of the other, so that rows may be appended with a cast.
 * Fields of structs are matched by name.
 */
export function isHeldBy(from: TableType, to: TableType): boolean {
  if (typeof from === "string" || typeof to === "string") {
    const [left, right] = [primitiveOf(from), primitiveOf(to)];
    if (left !== undefined && right !== undefined) return isPrimitiveHeldBy(left, right);
    return from === to;
  }
  if (from.type === "struct" && to.type === "struct") {
    const known = new Map(to.fields.map((field) => [field.name, field.type]));
    return from.fields.every(({ name, type }) => {
      const target = known.get(name);
      return target !== undefined && isHeldBy(type, target);
    });
  }
  if (from.type === "list" && to.type === "list") return isHeldBy(from.element, to.element);
  if (from.type === "map" && to.type === "map") {
    return isHeldBy(from.key, to.key) && isHeldBy(from.value, to.value);
  }
  return false;
}

/**
 * Whether a column may be changed from one type to the other, files of both being read as the latter.
 * Source: Apache Iceberg specification, "Schema Evolution".
 */
export function isPromotion(from: Primitive, to: Primitive): boolean {
  if (from.kind === "decimal" && to.kind === "decimal") {
    return from.scale === to.scale && from.precision <= to.precision;
  }
  if (from.kind === to.kind) return true;
  return (
    (from.kind === "int" && to.kind === "long") || (from.kind === "float" && to.kind === "double")
  );
}

/**
 * Refuses a table whose structs had a field renamed: inside of columns the engine finds fields by name,
 * and would read NULL where the files have the old one.
 * @throws `unimplemented`
 */
export function checkNestedNames(metadata: TableMetadata, schema: TableSchema): void {
  const names = new Map<number, string>();
  const inside = (type: TableType, visit: (id: number, name: string) => void): void => {
    for (const { id, name, nested = [] } of nestedIds(type)) {
      visit(id, name);
      nestedNames(nested, visit);
    }
  };
  for (const { type } of schema.fields) inside(type, (id, name) => names.set(id, name));
  if (names.size === 0) return;
  for (const { fields } of metadata.schemas) {
    for (const field of fields) {
      inside(field.type, (id, name) => {
        const now = names.get(id);
        if (now === undefined || now === name) return;
        throw new WaybillError(
          "unimplemented",
          `The field "${name}" inside of the column "${field.name}" was renamed to "${now}".`,
          { hint: "Rewrite the table's files with another engine, then read it here." },
        );
      });
    }
  }
}

function nestedNames(
  nodes: readonly FieldIdNode[],
  visit: (id: number, name: string) => void,
): void {
  for (const { id, name, nested = [] } of nodes) {
    visit(id, name);
    nestedNames(nested, visit);
  }
}

function isPrimitiveHeldBy(from: Primitive, to: Primitive): boolean {
  if (isPromotion(from, to)) return true;
  if (to.kind === "decimal") {
    const digits = to.precision - to.scale;
    if (from.kind === "decimal") {
      return to.scale >= from.scale && digits >= from.precision - from.scale;
    }
    return (from.kind === "int" && digits >= 10) || (from.kind === "long" && digits >= 19);
  }
  return from.kind === "int" && to.kind === "double";
}

/** Types that are read and written, and by which nothing is cut or filtered. */
function rareSqlType(dialect: Dialect, type: string, column: string): string {
  if (dialect.name === "duckdb") {
    if (type === "uuid") return "UUID";
    if (type === "time") return "TIME";
    if (type.startsWith("fixed[")) return "BLOB";
  }
  throw new WaybillError(
    "unimplemented",
    `The column "${column}" has the type ${type}, which the engine has not.`,
    { hint: `Supported are ${SUPPORTED}.` },
  );
}

function plainTypeOf(engineType: string, column: string): string {
  const type = engineType.toUpperCase();
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  if (type.startsWith("ENUM(")) return "string";
  const known = TABLE_TYPES[type];
  if (known !== undefined) return known;
  throw new WaybillError(
    "invalid_argument",
    `The column "${column}" has the type ${engineType}, which no table type holds without loss.`,
    { hint: `Cast it in the query that is loaded. Types: ${SUPPORTED}.` },
  );
}

const SUPPORTED =
  "boolean, int, long, float, double, decimal(p,s), string, date, timestamp, timestamptz, binary";

const TABLE_TYPES: Readonly<Record<string, string>> = {
  BOOLEAN: "boolean",
  TINYINT: "int",
  SMALLINT: "int",
  INTEGER: "int",
  INT: "int",
  UTINYINT: "int",
  USMALLINT: "int",
  UINTEGER: "long",
  BIGINT: "long",
  UBIGINT: "decimal(20,0)",
  FLOAT: "float",
  DOUBLE: "double",
  VARCHAR: "string",
  STRING: "string",
  DATE: "date",
  TIME: "time",
  UUID: "uuid",
  TIMESTAMP: "timestamp",
  TIMESTAMP_S: "timestamp",
  TIMESTAMP_MS: "timestamp",
  TIMESTAMP_NTZ: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
  TIMESTAMPTZ: "timestamptz",
  BLOB: "binary",
  BINARY: "binary",
};
