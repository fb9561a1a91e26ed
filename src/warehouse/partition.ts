import { WaybillError } from "../foundation/index.ts";
import type { AvroSchema, AvroValue } from "./formats/avro.ts";
import type { ManifestEntry, PartitionSummary } from "./formats/manifest.ts";
import {
  bigEndian,
  encodeValue,
  fromBigEndian,
  type Primitive,
  type PrimitiveValue,
} from "./formats/primitive.ts";
import {
  currentSchema,
  type PartitionField,
  type PartitionSpec,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import { parseTransform, transformType } from "./transforms.ts";
import { columnType } from "./types.ts";

/**
 * The type of a partition value: that of its column for identity and truncate, int for the others.
 * Source: Apache Iceberg specification, "Partition Transforms".
 */
export function partitionType(metadata: TableMetadata, field: PartitionField): Primitive {
  return transformType(parseTransform(field.transform), sourceColumn(metadata, field).type);
}

/**
 * The column that a partition or sort field is made of. It may be gone from the schema of today: an
 * old spec then still has its old type.
 */
export function sourceColumn(
  metadata: TableMetadata,
  field: Pick<PartitionField, "source-id">,
): { readonly name: string; readonly type: Primitive } {
  const id = field["source-id"];
  for (const schema of [currentSchema(metadata), ...metadata.schemas.toReversed()]) {
    const column = schema.fields.find((column) => column.id === id);
    if (column !== undefined)
      return { name: column.name, type: columnType(column.type, column.name) };
  }
  throw new WaybillError(
    "data_loss",
    `The table at ${metadata.location} is cut or sorted by the column ${id}, which no schema has.`,
  );
}

/** The Avro type of a partition field's values in a manifest. */
export function partitionAvroType(
  metadata: TableMetadata,
  spec: PartitionSpec,
  fieldId: number,
): AvroSchema {
  const field = spec.fields.find((field) => field["field-id"] === fieldId);
  if (field === undefined) throw new WaybillError("internal", `No partition field ${fieldId}.`);
  return avroType(partitionType(metadata, field), fieldId);
}

/** Over the entries of a manifest, the range of each partition field. */
export function summarisePartitions(
  metadata: TableMetadata,
  spec: PartitionSpec,
  entries: readonly ManifestEntry[],
): readonly PartitionSummary[] {
  return spec.fields.map((field) => {
    const type = partitionType(metadata, field);
    let containsNull = false;
    let containsNan = false;
    let lower: PrimitiveValue | undefined;
    let upper: PrimitiveValue | undefined;
    for (const { file } of entries) {
      const value = partitionValue(type, file.partition.get(field["field-id"]) ?? null);
      if (value === undefined) containsNull = true;
      else if (typeof value === "number" && Number.isNaN(value)) containsNan = true;
      else {
        if (lower === undefined || compareValues(value, lower) < 0) lower = value;
        if (upper === undefined || compareValues(value, upper) > 0) upper = value;
      }
    }
    return {
      containsNull,
      containsNan,
      ...(lower === undefined ? {} : { lowerBound: encodeValue(type, lower) }),
      ...(upper === undefined ? {} : { upperBound: encodeValue(type, upper) }),
    };
  });
}

/** A partition value as it is compared and written to bounds; undefined for null. */
export function partitionValue(type: Primitive, value: AvroValue): PrimitiveValue | undefined {
  if (value === null) return undefined;
  if (type.kind === "decimal" && value instanceof Uint8Array) return fromBigEndian(value);
  if (
    typeof value === "boolean" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "string" ||
    value instanceof Uint8Array
  ) {
    return value;
  }
  throw new WaybillError("data_loss", "A partition value is neither a number, text nor bytes.");
}

/** A partition value as Avro writes it in a manifest. */
export function partitionAvroValue(type: Primitive, value: PrimitiveValue | undefined): AvroValue {
  if (value === undefined) return null;
  if (type.kind === "decimal") return bigEndian(BigInt(value as bigint), decimalBytes(type));
  return value;
}

/** Orders two values of one type: numbers by size, texts by code point, bytes unsigned. */
export function compareValues(left: PrimitiveValue, right: PrimitiveValue): number {
  if (typeof left === "string" && typeof right === "string") {
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  return left < right ? -1 : left > right ? 1 : 0;
}

function avroType(type: Primitive, fieldId: number): AvroSchema {
  switch (type.kind) {
    case "date":
      return { type: "int", logicalType: "date" };
    case "timestamp":
    case "timestamptz":
      return {
        type: "long",
        logicalType: "timestamp-micros",
        "adjust-to-utc": type.kind === "timestamptz",
      };
    case "binary":
      return "bytes";
    case "decimal":
      return {
        type: "fixed",
        name: `decimal_${fieldId}`,
        size: decimalBytes(type),
        logicalType: "decimal",
        precision: type.precision,
        scale: type.scale,
      };
    default:
      return type.kind;
  }
}

/** The least number of bytes that holds every decimal of a precision. */
function decimalBytes(type: Primitive & { readonly kind: "decimal" }): number {
  return bigEndian(10n ** BigInt(type.precision) - 1n).length;
}
