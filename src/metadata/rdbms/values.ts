import {
  create,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type Any, AnySchema, StructSchema } from "@bufbuild/protobuf/wkt";
import {
  PropertyType,
  type Value,
  ValueSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { SqlDialect, SqlParameter, SqlValue } from "../../database/index.ts";
import { refuse } from "./text.ts";

/** The columns of a property table that hold values, in the order that `encodeValue` fills them. */
export const VALUE_COLUMNS = [
  "int_value",
  "double_value",
  "string_value",
  "proto_value",
  "bool_value",
] as const;

/** Marks a string_value that holds a struct. Source: rows that ml-metadata 1.17.1 writes. */
const STRUCT_PREFIX = "mlmd-struct::";

/** A property row's values by column name. */
export type ValueRow = { readonly [column in (typeof VALUE_COLUMNS)[number]]: SqlValue };

/**
 * A property value as the row that ML Metadata stores.
 * @throws `invalid_argument` for a value of no kind and for NaN, which SQL cannot hold
 */
export function encodeValue(name: string, value: Value, dialect: SqlDialect): SqlParameter[] {
  const given = value.value;
  switch (given.case) {
    case "intValue":
      return [given.value, null, null, null, null];
    case "doubleValue":
      if (Number.isNaN(given.value)) {
        throw refuse("invalid_argument", `Property ${name} is NaN, which cannot be stored.`);
      }
      return [null, given.value, null, null, null];
    case "stringValue":
      return [null, null, given.value, null, null];
    case "structValue":
      return [null, null, STRUCT_PREFIX + encodeStruct(given.value), null, null];
    case "protoValue":
      if (given.value.typeUrl === "") {
        throw refuse("invalid_argument", `Property ${name} is an Any without type_url.`);
      }
      return [null, null, null, encodeAny(given.value, dialect), null];
    case "boolValue":
      return [null, null, null, null, given.value ? 1n : 0n];
    case undefined:
      throw refuse("invalid_argument", `Property ${name} has no value.`);
    default:
      given satisfies never;
      throw refuse("invalid_argument", `Property ${name} is of an unknown kind.`);
  }
}

/** The value that a property row holds. */
export function decodeValue(row: ValueRow, dialect: SqlDialect): Value {
  const value = create(ValueSchema);
  if (row.string_value !== null) {
    const text = String(row.string_value);
    const struct = text.startsWith(STRUCT_PREFIX) ? decodeStruct(text) : undefined;
    value.value =
      struct === undefined
        ? { case: "stringValue", value: text }
        : { case: "structValue", value: struct };
  } else if (row.int_value !== null) {
    value.value = { case: "intValue", value: BigInt(String(row.int_value)) };
  } else if (row.double_value !== null) {
    value.value = { case: "doubleValue", value: Number(row.double_value) };
  } else if (row.bool_value !== null) {
    value.value = { case: "boolValue", value: Number(row.bool_value) !== 0 };
  } else if (row.proto_value !== null) {
    value.value = { case: "protoValue", value: decodeAny(row.proto_value, dialect) };
  }
  return value;
}

/** The property type whose values are of this kind. */
export function propertyTypeOf(value: Value): PropertyType {
  switch (value.value.case) {
    case "intValue":
      return PropertyType.INT;
    case "doubleValue":
      return PropertyType.DOUBLE;
    case "stringValue":
      return PropertyType.STRING;
    case "structValue":
      return PropertyType.STRUCT;
    case "protoValue":
      return PropertyType.PROTO;
    case "boolValue":
      return PropertyType.BOOLEAN;
    case undefined:
      return PropertyType.UNKNOWN;
    default:
      return value.value satisfies never;
  }
}

/** ML Metadata writes protos as base64 text, but in PostgreSQL as the bytes themselves. */
function storesBytes(dialect: SqlDialect): boolean {
  return dialect.name === "postgres";
}

function encodeAny(any: Any, dialect: SqlDialect): SqlParameter {
  const bytes = toBinary(AnySchema, any);
  return storesBytes(dialect) ? bytes : base64(bytes);
}

function decodeAny(stored: NonNullable<SqlValue>, dialect: SqlDialect): Any {
  if (storesBytes(dialect) && stored instanceof Uint8Array) return fromBinary(AnySchema, stored);
  const text =
    stored instanceof Uint8Array ? Buffer.from(stored).toString("latin1") : String(stored);
  return fromBinary(AnySchema, Buffer.from(text, "base64"));
}

function encodeStruct(struct: JsonObject): string {
  return base64(toBinary(StructSchema, fromJson(StructSchema, struct)));
}

/** Undefined for a plain string that only begins like a struct. */
function decodeStruct(text: string): JsonObject | undefined {
  const encoded = text.slice(STRUCT_PREFIX.length);
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) return undefined;
  try {
    return toJson(StructSchema, fromBinary(StructSchema, bytes));
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
