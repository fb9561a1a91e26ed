import { elementTypeOf, type FeatureValue, isListType, type ValueType } from "./value-type.ts";

/** Whether a value is there, as `feast.serving.FieldStatus` names it. */
export type FieldStatus = "PRESENT" | "NULL_VALUE" | "NOT_FOUND" | "OUTSIDE_MAX_AGE";

/**
 * A value as JSON has it: bytes are base64 text, times whole seconds since the epoch, NaN and the
 * infinities text; whole numbers beyond 2^53 stay `bigint`, see `onlineFeaturesJson`.
 */
type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[];

/** One column of the answer: an entry for each entity row. */
export interface FeatureVector {
  readonly values: readonly JsonValue[];
  readonly statuses: readonly FieldStatus[];
  /** RFC 3339; the epoch for keys, computed features and what was not found. */
  readonly event_timestamps: readonly string[];
}

/** The body of Feast's `POST /get-online-features` answer. */
export interface OnlineFeatures {
  /** Join keys first, then features. */
  readonly results: readonly FeatureVector[];
  readonly metadata: { readonly feature_names: readonly string[] };
}

/** The answer as Feast's server prints it: whole numbers beyond 2^53 with all their digits. */
export function onlineFeaturesJson(answer: OnlineFeatures): string {
  // A replacer is called for every value, so it is there only when it has something to do.
  if (!answer.results.some(({ values }) => values.some(hasBigint))) return JSON.stringify(answer);
  // TypeScript's library does not know JSON.rawJSON yet; Node has it from version 22 on.
  const { rawJSON } = JSON as JSON & { readonly rawJSON: (text: string) => unknown };
  return JSON.stringify(answer, (_, value: unknown) =>
    typeof value === "bigint" ? rawJSON(String(value)) : value,
  );
}

function hasBigint(value: JsonValue): boolean {
  return typeof value === "bigint" || (Array.isArray(value) && value.some(hasBigint));
}

/** A column before it is shown. */
export interface Cells {
  readonly values: readonly FeatureValue[];
  readonly statuses: readonly FieldStatus[];
  /** As they are shown: of a view, the same list for all its features. */
  readonly eventTimes: readonly string[];
}

/** Cells of keys and computed features: no time of their own, and a null is a value like others. */
export function presentCells(values: readonly FeatureValue[]): Cells {
  return {
    values,
    statuses: values.map(() => "PRESENT"),
    eventTimes: values.map(() => EPOCH),
  };
}

/** A column as it is shown; `compatible` shows nulls as Feast's server does. */
export function vectorOf(type: ValueType, cells: Cells, compatible: boolean): FeatureVector {
  return {
    values: cells.values.map((value, row) =>
      compatible && type === "UNIX_TIMESTAMP" && value === null && cells.statuses[row] === "PRESENT"
        ? NO_TIME
        : jsonOf(type, value),
    ),
    statuses: cells.statuses.map((status, row) =>
      status === "PRESENT" && cells.values[row] === null && !compatible ? "NULL_VALUE" : status,
    ),
    event_timestamps: cells.eventTimes,
  };
}

/** What Feast's server prints for a time that is null: numpy's "not a time". */
const NO_TIME = -9223372036854775808n;

function jsonOf(type: ValueType, value: FeatureValue): JsonValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") {
    const whole = elementTypeOf(type) === "UNIX_TIMESTAMP" ? floorSeconds(value) : value;
    return BigInt(Number.MIN_SAFE_INTEGER) <= whole && whole <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(whole)
      : whole;
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  const element = isListType(type) ? elementTypeOf(type) : type;
  return value.map((member) => jsonOf(element, member));
}

function floorSeconds(us: bigint): bigint {
  const seconds = us / 1_000_000n;
  return us % 1_000_000n < 0n ? seconds - 1n : seconds;
}

/** The time of what has none. */
export const EPOCH = "1970-01-01T00:00:00Z";

/** RFC 3339 as protobuf's JSON writes it: no fraction, or three or six digits of it. */
export function timeText(us: bigint): string {
  const seconds = floorSeconds(us);
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  const fraction = Number(us - seconds * 1_000_000n);
  if (fraction === 0) return `${whole}Z`;
  const digits = String(fraction).padStart(6, "0");
  return `${whole}.${digits.endsWith("000") ? digits.slice(0, 3) : digits}Z`;
}
