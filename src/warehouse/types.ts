import type { Dialect, SqlType } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { type Primitive, primitiveOf } from "./formats/primitive.ts";
import type { TableType } from "./formats/table-schema.ts";

/** The engine's spelling of a primitive type. */
export function sqlTypeName(dialect: Dialect, type: Primitive): string {
  if (type.kind === "decimal") return `DECIMAL(${type.precision},${type.scale})`;
  return dialect.typeName(type.kind satisfies SqlType);
}

/**
 * The primitive type of a column.
 * @throws `unimplemented` for nested and rarer types, saying what to do
 */
export function columnType(type: TableType, column: string): Primitive {
  const primitive = primitiveOf(type);
  if (primitive !== undefined) return primitive;
  const name = typeof type === "string" ? type : type.type;
  throw new WaybillError(
    "unimplemented",
    `The column "${column}" has the type ${name}, which Waybill does not read or write as rows.`,
    { hint: `Types: ${SUPPORTED}. Leave the column out, or use another engine for this table.` },
  );
}

/**
 * The table type that holds every value of an engine's type without loss.
 * @throws `invalid_argument` for types without such a one
 */
export function tableTypeOf(engineType: string, column: string): string {
  const type = engineType.trim().toUpperCase();
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

/**
 * Whether every value of one type is a value of the other, so that rows may be appended with a cast.
 */
export function isHeldBy(from: Primitive, to: Primitive): boolean {
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
  TIMESTAMP: "timestamp",
  TIMESTAMP_S: "timestamp",
  TIMESTAMP_MS: "timestamp",
  TIMESTAMP_NTZ: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
  TIMESTAMPTZ: "timestamptz",
  BLOB: "binary",
  BINARY: "binary",
};
