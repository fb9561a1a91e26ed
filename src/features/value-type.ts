import type { Dialect, SqlType } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";

/**
 * Feast's value types with their numbers in `feast.types.ValueType.Enum`. Sets, maps, JSON and the
 * vector types are not among ours yet.
 */
export const VALUE_TYPES = {
  BYTES: 1,
  STRING: 2,
  INT32: 3,
  INT64: 4,
  DOUBLE: 5,
  FLOAT: 6,
  BOOL: 7,
  UNIX_TIMESTAMP: 8,
  BYTES_LIST: 11,
  STRING_LIST: 12,
  INT32_LIST: 13,
  INT64_LIST: 14,
  DOUBLE_LIST: 15,
  FLOAT_LIST: 16,
  BOOL_LIST: 17,
  UNIX_TIMESTAMP_LIST: 18,
} as const;

/** The name of a value type, as Feast spells it. */
export type ValueType = keyof typeof VALUE_TYPES;

/** A value type that is not a list. */
export type ScalarType = Exclude<ValueType, `${string}_LIST`>;

/** The types a join key may have: those that Feast can serialize into an entity key. */
export type KeyType = "STRING" | "BYTES" | "INT32" | "INT64" | "UNIX_TIMESTAMP";

/**
 * A feature value inside: BYTES `Uint8Array`, STRING `string`, INT64 `bigint`, UNIX_TIMESTAMP `bigint`
 * microseconds since the epoch, BOOL `boolean`, the other numbers `number`, lists arrays of these.
 */
export type FeatureValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly FeatureValue[];

/** True for a name in {@link VALUE_TYPES}. */
export function isValueType(name: unknown): name is ValueType {
  return typeof name === "string" && Object.hasOwn(VALUE_TYPES, name);
}

/** True for the types that a join key may have. */
export function isKeyType(name: unknown): name is KeyType {
  return isValueType(name) && KEY_TYPES.has(name);
}

/** The type of a list's elements; a scalar type is its own. */
export function elementTypeOf(type: ValueType): ScalarType {
  // Every list type is named after its element type, which is in the table.
  return (type.endsWith("_LIST") ? type.slice(0, -"_LIST".length) : type) as ScalarType;
}

/** True for the list types. */
export function isListType(type: ValueType): boolean {
  return type.endsWith("_LIST");
}

/**
 * A column as the value type it is declared to have. Lists stay as the engine has them: their
 * elements are converted where they are read.
 */
export function castTo(dialect: Dialect, expression: string, type: ValueType): string {
  if (isListType(type)) return expression;
  return `CAST(${expression} AS ${dialect.typeName(SQL_TYPES[elementTypeOf(type)])})`;
}

/**
 * Whether a column of an engine's type can be read as a value type without guessing. Numbers widen and
 * narrow (a value that does not fit is the engine's error); text is never parsed.
 */
export function isReadableAs(columnType: string, type: ValueType): boolean {
  const family = familyOf(columnType);
  if (isListType(type)) return family === "list";
  switch (elementTypeOf(type)) {
    case "BYTES":
      return family === "binary";
    case "STRING":
      return family === "text";
    case "INT32":
    case "INT64":
      return family === "integer";
    case "DOUBLE":
    case "FLOAT":
      return family === "integer" || family === "decimal";
    case "BOOL":
      return family === "boolean";
    case "UNIX_TIMESTAMP":
      return family === "time";
  }
}

/** True when an engine's column type is a date or a timestamp, with or without a zone. */
export function isTimeColumn(columnType: string): boolean {
  return familyOf(columnType) === "time";
}

/**
 * The value of JavaScript or JSON as the declared type has it inside: numbers in text are taken for
 * numeric types as Feast's server does, times are `Date`, ISO text (no zone means UTC) or epoch seconds,
 * bytes are base64 text or bytes.
 * @throws `invalid_argument` naming `what` when the value is not of the type
 */
export function featureValueOf(type: ValueType, value: unknown, what: string): FeatureValue {
  if (value === null || value === undefined) return null;
  if (!isListType(type)) return scalarOf(elementTypeOf(type), value, what);
  if (!Array.isArray(value)) throw mismatch(type, value, what);
  return value.map((element) => featureValueOf(elementTypeOf(type), element, what));
}

/** Microseconds since the epoch of a `Date`, ISO text (no zone means UTC) or epoch seconds; else undefined. */
function microsecondsOf(value: unknown): bigint | undefined {
  if (value instanceof Date) {
    const ms = value.getTime();
    return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n;
  }
  if (typeof value === "bigint") return value * 1_000_000n;
  if (typeof value === "number") {
    return Number.isFinite(value) ? BigInt(Math.round(value * 1e6)) : undefined;
  }
  if (typeof value !== "string") return undefined;
  const match = ISO_TIME.exec(value.trim());
  if (match === null) return undefined;
  const [, date, time = "00:00:00", fraction = "", zone = "Z"] = match;
  const ms = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

const KEY_TYPES = new Set<ValueType>(["STRING", "BYTES", "INT32", "INT64", "UNIX_TIMESTAMP"]);

const SQL_TYPES: Readonly<Record<ScalarType, SqlType>> = {
  BYTES: "binary",
  STRING: "string",
  INT32: "int",
  INT64: "long",
  DOUBLE: "double",
  FLOAT: "float",
  BOOL: "boolean",
  UNIX_TIMESTAMP: "timestamptz",
};

const ISO_TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?)?$/;

const INTEGER_RANGES = {
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
} as const;

type Family = "text" | "binary" | "boolean" | "integer" | "decimal" | "time" | "list" | "other";

/** What kind of values a column type of DuckDB or Spark holds. */
function familyOf(columnType: string): Family {
  const type = columnType.toUpperCase();
  if (/\[\d*\]$|^ARRAY</.test(type)) return "list";
  if (/^(VARCHAR|STRING|CHAR|TEXT|UUID|ENUM)/.test(type)) return "text";
  if (/^(BLOB|BINARY|VARBINARY)/.test(type)) return "binary";
  if (/^BOOL/.test(type)) return "boolean";
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|INT|LONG)\b/.test(type)) return "integer";
  if (/^(DOUBLE|FLOAT|REAL|DECIMAL)/.test(type)) return "decimal";
  if (/^(TIMESTAMP|DATE)/.test(type)) return "time";
  return "other";
}

function scalarOf(type: ScalarType, value: unknown, what: string): FeatureValue {
  switch (type) {
    case "BYTES":
      if (value instanceof Uint8Array) return value;
      if (typeof value === "string") return Buffer.from(value, "base64");
      break;
    case "STRING":
      if (typeof value === "string") return value;
      if (typeof value === "number" || typeof value === "bigint") return String(value);
      break;
    case "INT32":
    case "INT64": {
      const integer = integerOf(value);
      if (integer === undefined) break;
      const [least, greatest] = INTEGER_RANGES[type];
      if (integer < least || integer > greatest) break;
      return type === "INT32" ? Number(integer) : integer;
    }
    case "DOUBLE":
    case "FLOAT": {
      const number = numberOf(value);
      if (number === undefined) break;
      return type === "FLOAT" ? Math.fround(number) : number;
    }
    case "BOOL":
      if (typeof value === "boolean") return value;
      break;
    case "UNIX_TIMESTAMP": {
      const us = microsecondsOf(value);
      if (us !== undefined) return us;
      break;
    }
  }
  throw mismatch(type, value, what);
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  if (typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value)) return BigInt(value.trim());
  return undefined;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isNaN(number) && value !== "NaN" ? undefined : number;
}

function mismatch(type: ValueType, value: unknown, what: string): WaybillError {
  const shown = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return new WaybillError("invalid_argument", `${what} is ${shown}, not a value of type ${type}.`);
}
