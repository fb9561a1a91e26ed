import { WaybillError } from "../foundation/index.ts";
import { parseValue } from "./bounds.ts";
import type { DataFile, ManifestFile, PartitionSummary } from "./formats/manifest.ts";
import { decodeValue, type Primitive, type PrimitiveValue } from "./formats/primitive.ts";
import type { PartitionSpec, TableMetadata } from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { compareValues, partitionType, partitionValue } from "./partition.ts";
import { keepsOrder, parseTransform, transformValue } from "./transforms.ts";
import { columnType } from "./types.ts";

/** A value to compare a column with. A `Date` is an instant, or its UTC day for a date column. */
export type FilterValue = string | number | bigint | boolean | Date;

/** What must hold for a column; all conditions of a filter must. NULL meets none but `isNull`. */
export type Condition =
  | {
      readonly column: string;
      readonly op: "=" | "<" | "<=" | ">" | ">=";
      readonly value: FilterValue;
    }
  | { readonly column: string; readonly in: readonly FilterValue[] }
  | { readonly column: string; readonly isNull: boolean };

/** Tells which files cannot have a row that a filter is about. When in doubt, a file is read. */
export interface Pruner {
  mayHold(manifest: ManifestFile): boolean;
  mayMatch(file: DataFile, specId: number): boolean;
}

/** A condition on a column by its id, as a range of values (or none) with or without NULL. */
interface Range {
  readonly columnId: number;
  readonly type: Primitive;
  /** At least one value must lie between them, bounds included; undefined is open. */
  readonly choices: readonly { readonly low?: PrimitiveValue; readonly high?: PrimitiveValue }[];
  readonly wantsNull: boolean;
  readonly wantsValue: boolean;
}

/**
 * Makes the pruner of a filter. It only leaves files out: the rows of the others must still be filtered.
 * @throws `invalid_argument` for unknown columns and values that do not fit them
 */
export function prunerOf(
  metadata: TableMetadata,
  schema: TableSchema,
  filter: readonly Condition[],
): Pruner {
  const ranges = filter.map((condition) => rangeOf(schema, condition));
  const specs = new Map(metadata["partition-specs"].map((spec) => [spec["spec-id"], spec]));
  const projected = new Map<number, readonly Projection[]>();
  for (const [id, spec] of specs) projected.set(id, projectionsOf(metadata, spec, ranges));

  return {
    mayHold: (manifest) =>
      (projected.get(manifest.specId) ?? []).every((projection) => {
        const summary = manifest.partitions[projection.position];
        return summary === undefined || summaryMayMatch(projection, summary);
      }),
    mayMatch: (file, specId) =>
      ranges.every((range) => boundsMayMatch(range, file)) &&
      (projected.get(specId) ?? []).every((projection) => partitionMayMatch(projection, file)),
  };
}

/** A range of a column as a range of the values that a partition field makes of it. */
interface Projection extends Omit<Range, "columnId"> {
  readonly position: number;
  readonly fieldId: number;
}

function projectionsOf(
  metadata: TableMetadata,
  spec: PartitionSpec,
  ranges: readonly Range[],
): readonly Projection[] {
  return spec.fields.flatMap((field, position) => {
    const transform = parseTransform(field.transform);
    if (transform.kind === "void") return [];
    return ranges
      .filter(({ columnId }) => columnId === field["source-id"])
      .map((range): Projection => {
        const made = (value: PrimitiveValue | undefined) =>
          value === undefined ? undefined : transformValue(transform, range.type, value);
        const choices = range.choices.map(({ low, high }) => {
          const isPoint = low !== undefined && high !== undefined && compareValues(low, high) === 0;
          // A bucket says something of one value, and nothing of a range.
          if (!isPoint && !keepsOrder(transform)) return {};
          return withoutUndefined(made(low), made(high));
        });
        const type = partitionType(metadata, field);
        return { ...range, type, choices, position, fieldId: field["field-id"] };
      });
  });
}

function boundsMayMatch(range: Range, file: DataFile): boolean {
  const { columnId, type } = range;
  const nullCount = file.nullCounts.get(columnId);
  if (range.wantsNull && nullCount !== 0) return true;
  if (!range.wantsValue) return false;
  if (nullCount !== undefined && nullCount === file.rowCount) return false;
  const lower = file.lowerBounds.get(columnId);
  const upper = file.upperBounds.get(columnId);
  return overlaps(
    range.choices,
    lower && decodeValue(type, lower),
    upper && decodeValue(type, upper),
  );
}

function partitionMayMatch(projection: Projection, file: DataFile): boolean {
  const given = file.partition.get(projection.fieldId);
  // A file from before the partition field has no value for it.
  if (given === undefined) return true;
  const value = partitionValue(projection.type, given);
  if (value === undefined) return projection.wantsNull;
  return projection.wantsValue && overlaps(projection.choices, value, value);
}

function summaryMayMatch(projection: Projection, summary: PartitionSummary): boolean {
  if (projection.wantsNull && summary.containsNull) return true;
  if (!projection.wantsValue) return false;
  const { lowerBound, upperBound } = summary;
  // Without bounds all are NULL, or NaN, which no comparison finds.
  if (lowerBound === undefined || upperBound === undefined) return summary.containsNan === true;
  const { type } = projection;
  return overlaps(projection.choices, decodeValue(type, lowerBound), decodeValue(type, upperBound));
}

function overlaps(
  choices: Range["choices"],
  lower: PrimitiveValue | undefined,
  upper: PrimitiveValue | undefined,
): boolean {
  return choices.some(({ low, high }) => {
    if (low !== undefined && upper !== undefined && compareValues(upper, low) < 0) return false;
    return !(high !== undefined && lower !== undefined && compareValues(lower, high) > 0);
  });
}

function rangeOf(schema: TableSchema, condition: Condition): Range {
  const field = schema.fields.find(({ name }) => name === condition.column);
  if (field === undefined) {
    throw new WaybillError("invalid_argument", `There is no column "${condition.column}".`, {
      hint: `There are ${schema.fields.map(({ name }) => name).join(", ")}.`,
    });
  }
  const type = columnType(field.type, field.name);
  const base = { columnId: field.id, type, wantsNull: false, wantsValue: true };
  if ("isNull" in condition) {
    return { ...base, choices: [{}], wantsNull: condition.isNull, wantsValue: !condition.isNull };
  }
  const point = (value: FilterValue) => {
    const parsed = comparable(type, field.name, value);
    return { low: parsed, high: parsed };
  };
  if ("in" in condition) return { ...base, choices: condition.in.map(point) };
  return { ...base, choices: [sideOf(condition.op, point(condition.value))] };
}

function sideOf(
  op: "=" | "<" | "<=" | ">" | ">=",
  { low, high }: { readonly low: PrimitiveValue; readonly high: PrimitiveValue },
): Range["choices"][number] {
  switch (op) {
    case "=":
      return { low, high };
    case "<":
    case "<=":
      return { high };
    case ">":
    case ">=":
      return { low };
    default:
      return op satisfies never;
  }
}

/** A value as the column's bounds are compared with it. */
function comparable(type: Primitive, column: string, value: FilterValue): PrimitiveValue {
  const text = textOf(type, value);
  const parsed = type.kind === "binary" ? undefined : parseValue(type, text);
  const isBoolean = type.kind !== "boolean" || text === "true" || text === "false";
  if (parsed !== undefined && isBoolean) return parsed;
  throw new WaybillError(
    "invalid_argument",
    `The column "${column}" is ${type.kind}, and is compared with ${JSON.stringify(text)}.`,
  );
}

function textOf(type: Primitive, value: FilterValue): string {
  if (!(value instanceof Date)) {
    // Parsed as the engine prints it: a space, and UTC, where ISO 8601 has T and Z.
    const isTime = type.kind === "timestamp" || type.kind === "timestamptz";
    const text = String(value);
    if (!isTime) return text;
    const [day = "", time = "00:00:00"] = text.replace(/(Z|\+00(:00)?)$/, "").split(/[T ]/);
    return `${day} ${time}`;
  }
  const [day = "", time = ""] = value.toISOString().split("T");
  return type.kind === "date" ? day : `${day} ${time.replace("Z", "")}`;
}

function withoutUndefined(low: PrimitiveValue | undefined, high: PrimitiveValue | undefined) {
  return { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
}
