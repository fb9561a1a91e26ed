import type { Dialect } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { encodeValue, type Primitive, type PrimitiveValue } from "./formats/primitive.ts";

/**
 * How a partition or sort field is made of a column.
 * Source: Apache Iceberg specification, "Partition Transforms".
 */
export type Transform =
  | { readonly kind: "identity" | "year" | "month" | "day" | "hour" | "void" }
  | { readonly kind: "bucket" | "truncate"; readonly width: number };

const US_OF_HOUR = 3_600_000_000n;
const US_OF_DAY = 24n * US_OF_HOUR;

/** Parses `day`, `bucket[16]`. @throws `invalid_argument` for what is no transform */
export function parseTransform(text: string): Transform {
  const parts = /^(?:(identity|year|month|day|hour|void)|(bucket|truncate)\[(\d{1,9})\])$/.exec(
    text,
  );
  const [, plain, sized, width] = parts ?? [];
  // The pattern allows these words only.
  if (plain !== undefined) return { kind: plain } as Transform;
  if (sized !== undefined && Number(width) > 0) {
    return { kind: sized, width: Number(width) } as Transform;
  }
  throw new WaybillError("invalid_argument", `"${text}" is no partition transform.`, {
    hint: "Use identity, bucket[N], truncate[N], year, month, day, hour or void.",
  });
}

/**
 * The type of a transform's results.
 * @throws `invalid_argument` when the transform is not for columns of that type
 */
export function transformType(transform: Transform, type: Primitive): Primitive {
  if (!isFor(transform, type)) {
    throw new WaybillError(
      "invalid_argument",
      `A column of type ${type.kind} has no ${transform.kind}.`,
    );
  }
  switch (transform.kind) {
    case "identity":
    case "truncate":
    case "void":
      return type;
    case "day":
      return { kind: "date" };
    default:
      return { kind: "int" };
  }
}

/** The expression of an engine that makes the partition value of a column; NULL stays NULL. */
export function transformSql(
  dialect: Dialect,
  transform: Transform,
  type: Primitive,
  x: string,
): string {
  const asDate = `CAST(${x} AS ${dialect.typeName("date")})`;
  switch (transform.kind) {
    case "identity":
      return x;
    case "void":
      return "NULL";
    case "year":
      return `CAST(year(${asDate}) - 1970 AS ${dialect.typeName("int")})`;
    case "month":
      return `CAST((year(${asDate}) - 1970) * 12 + month(${asDate}) - 1 AS ${dialect.typeName("int")})`;
    case "day":
      return asDate;
    case "hour":
      return quotientSql(dialect, dialect.epochUs(x), US_OF_HOUR);
    case "truncate":
      return truncateSql(type, transform.width, x);
    case "bucket":
      return bucketSql(dialect, type, transform.width, x);
    default:
      return transform satisfies never;
  }
}

/** The partition value of one value, or undefined where {@link transformSql} alone can tell. */
export function transformValue(
  transform: Transform,
  type: Primitive,
  value: PrimitiveValue,
): PrimitiveValue | undefined {
  switch (transform.kind) {
    case "identity":
      return value;
    case "void":
      return undefined;
    case "year":
      return dateOf(type, value).getUTCFullYear() - 1970;
    case "month": {
      const date = dateOf(type, value);
      return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
    }
    case "day":
      return type.kind === "date"
        ? Number(value)
        : Number(floorDivide(BigInt(value as bigint), US_OF_DAY));
    case "hour":
      return Number(floorDivide(BigInt(value as bigint), US_OF_HOUR));
    case "truncate":
      return truncateValue(type, transform.width, value);
    case "bucket":
      return bucketOf(type, transform.width, value);
    default:
      return transform satisfies never;
  }
}

/** Whether greater values never have a lesser partition value, so that a range stays a range. */
export function keepsOrder(transform: Transform): boolean {
  return transform.kind !== "bucket" && transform.kind !== "void";
}

/**
 * The bucket of a value: Murmur3 of its bytes, without the sign bit, modulo the number of buckets.
 * Source: Apache Iceberg specification, "Bucket Transform Details" and appendix B.
 */
export function bucketOf(type: Primitive, count: number, value: PrimitiveValue): number {
  return (murmur3(hashedBytes(type, value)) & 0x7fffffff) % count;
}

function isFor({ kind }: Transform, type: Primitive): boolean {
  switch (kind) {
    case "identity":
    case "void":
      return true;
    case "year":
    case "month":
    case "day":
      return ["date", "timestamp", "timestamptz"].includes(type.kind);
    case "hour":
      return ["timestamp", "timestamptz"].includes(type.kind);
    case "truncate":
      return ["int", "long", "decimal", "string", "binary"].includes(type.kind);
    case "bucket":
      return !["boolean", "float", "double"].includes(type.kind);
    default:
      return kind satisfies never;
  }
}

/** Rounded down, also below zero, and exact. */
function quotientSql(dialect: Dialect, x: string, divisor: bigint): string {
  const rest = `((${x} % ${divisor} + ${divisor}) % ${divisor})`;
  return `CAST((${x} - ${rest}) / ${divisor} AS ${dialect.typeName("int")})`;
}

function truncateSql(type: Primitive, width: number, x: string): string {
  if (type.kind === "string") return `left(${x}, ${width})`;
  if (type.kind === "binary") return `substr(${x}, 1, ${width})`;
  // In the column's own type: the unit of a decimal is its last digit.
  const unit =
    type.kind === "decimal"
      ? `CAST(${decimalText(BigInt(width), type.scale)} AS DECIMAL(${type.precision},${type.scale}))`
      : String(width);
  return `(${x} - ((${x} % ${unit} + ${unit}) % ${unit}))`;
}

function bucketSql(dialect: Dialect, type: Primitive, count: number, x: string): string {
  const long = dialect.typeName("long");
  const hash = () => {
    switch (type.kind) {
      case "int":
      case "long":
        return dialect.murmur3(`CAST(${x} AS ${long})`, "long");
      case "date":
        return dialect.murmur3(`CAST(${dialect.epochDays(x)} AS ${long})`, "long");
      case "timestamp":
      case "timestamptz":
        return dialect.murmur3(dialect.epochUs(x), "long");
      case "string":
      case "binary":
        return dialect.murmur3(x, "bytes");
      default:
        throw new WaybillError("unimplemented", `Rows are not put into buckets by ${type.kind}.`, {
          hint: "Partition the table by another column, or write it with another engine.",
        });
    }
  };
  return `CAST((${hash()} & 2147483647) % ${count} AS ${dialect.typeName("int")})`;
}

function truncateValue(type: Primitive, width: number, value: PrimitiveValue): PrimitiveValue {
  if (typeof value === "string") return [...value].slice(0, width).join("");
  if (value instanceof Uint8Array) return value.slice(0, width);
  const whole = BigInt(value as bigint);
  const truncated = floorDivide(whole, BigInt(width)) * BigInt(width);
  return type.kind === "int" ? Number(truncated) : truncated;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  return (value - (((value % divisor) + divisor) % divisor)) / divisor;
}

function dateOf(type: Primitive, value: PrimitiveValue): Date {
  if (type.kind === "date") return new Date(Number(value) * 86_400_000);
  return new Date(Number(floorDivide(BigInt(value as bigint), 1000n)));
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = unscaled.toString().padStart(scale + 1, "0");
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Integers, dates and times are hashed as 64-bit integers, so that widening keeps their bucket. */
function hashedBytes(type: Primitive, value: PrimitiveValue): Uint8Array {
  const isWhole = ["int", "date", "long", "timestamp", "timestamptz"].includes(type.kind);
  return encodeValue(isWhole ? { kind: "long" } : type, value);
}

/** Murmur3, x86, 32 bits, seed 0. */
function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mix = (block: number) => Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  let hash = 0;
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    hash = (Math.imul(rotate(hash ^ mix(view.getUint32(at, true)), 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | view.getUint8(at);
  hash ^= mix(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
