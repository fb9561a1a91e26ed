import type { TableType } from "./table-schema.ts";

/** The primitive types that we write and read as columns. */
export type Primitive =
  | {
      readonly kind:
        | "boolean"
        | "int"
        | "long"
        | "float"
        | "double"
        | "string"
        | "date"
        | "timestamp"
        | "timestamptz"
        | "binary";
    }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number };

/**
 * A value of a primitive type: integers, dates (days since the epoch) and timestamps (microseconds)
 * as bigint or number, decimals as unscaled bigint, binary as bytes.
 */
export type PrimitiveValue = boolean | number | bigint | string | Uint8Array;

const PLAIN = new Set([
  "boolean",
  "int",
  "long",
  "float",
  "double",
  "string",
  "date",
  "timestamp",
  "timestamptz",
  "binary",
]);

/** The primitive type of a name, or undefined for nested types and those that we do not map. */
export function primitiveOf(type: TableType): Primitive | undefined {
  if (typeof type !== "string") return undefined;
  // The set holds exactly the kinds that have no parameters.
  if (PLAIN.has(type)) return { kind: type } as Primitive;
  const decimal = /^decimal\((\d+),(\d+)\)$/.exec(type);
  if (decimal === null) return undefined;
  const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
  if (precision < 1 || precision > 38 || scale > precision) return undefined;
  return { kind: "decimal", precision, scale };
}

/**
 * The bytes of one value, as bounds and partition summaries have them.
 * Source: Apache Iceberg specification, appendix D, "Binary single-value serialization".
 */
export function encodeValue(type: Primitive, value: PrimitiveValue): Uint8Array {
  switch (type.kind) {
    case "boolean":
      return Uint8Array.of(value === true ? 1 : 0);
    case "int":
    case "date":
      return fill(4, (view) => view.setInt32(0, Number(value), true));
    case "long":
    case "timestamp":
    case "timestamptz":
      return fill(8, (view) => view.setBigInt64(0, BigInt(value as bigint), true));
    case "float":
      return fill(4, (view) => view.setFloat32(0, Number(value), true));
    case "double":
      return fill(8, (view) => view.setFloat64(0, Number(value), true));
    case "string":
      return new TextEncoder().encode(String(value));
    case "binary":
      // Values of binary columns are bytes.
      return value as Uint8Array;
    case "decimal":
      return bigEndian(BigInt(value as bigint));
    default:
      return type satisfies never;
  }
}

/**
 * The value in bytes that {@link encodeValue} made, or undefined when they do not fit the type. A
 * bound may be written before a column was widened: int bytes are read as long, float as double.
 */
export function decodeValue(type: Primitive, bytes: Uint8Array): PrimitiveValue | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (type.kind) {
    case "boolean":
      return bytes.length === 1 ? bytes[0] !== 0 : undefined;
    case "int":
    case "date":
      return bytes.length === 4 ? view.getInt32(0, true) : undefined;
    case "long":
    case "timestamp":
    case "timestamptz":
      if (bytes.length === 4) return BigInt(view.getInt32(0, true));
      return bytes.length === 8 ? view.getBigInt64(0, true) : undefined;
    case "float":
      return bytes.length === 4 ? view.getFloat32(0, true) : undefined;
    case "double":
      if (bytes.length === 4) return view.getFloat32(0, true);
      return bytes.length === 8 ? view.getFloat64(0, true) : undefined;
    case "string":
      return new TextDecoder().decode(bytes);
    case "binary":
      return bytes;
    case "decimal":
      return bytes.length === 0 || bytes.length > 16 ? undefined : fromBigEndian(bytes);
    default:
      return type satisfies never;
  }
}

/** Two's complement, most significant byte first, in the least number of bytes or in `length`. */
export function bigEndian(value: bigint, length?: number): Uint8Array {
  let size = length ?? 1;
  if (length === undefined) while (BigInt.asIntN(size * 8, value) !== value) size += 1;
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(size * 8, value);
  for (let index = size - 1; index >= 0; index--, rest >>= 8n) bytes[index] = Number(rest & 255n);
  return bytes;
}

/** The inverse of {@link bigEndian}. */
export function fromBigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

function fill(length: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  set(new DataView(bytes.buffer));
  return bytes;
}
