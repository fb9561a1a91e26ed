import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import { collectionOf, keyWriterOf } from "./materialize.ts";
import { expressionValue } from "./on-demand.ts";
import type { OnlineStore, StoredRow } from "./online/port.ts";
import type { Registry } from "./registry.ts";
import {
  type FeatureSelection,
  type PlannedFeature,
  type PlannedOnDemand,
  type PlannedView,
  planRetrieval,
  type RetrievalPlan,
} from "./retrieval-plan.ts";
import { featureId, readRow } from "./row-codec.ts";
import { suggestion } from "./suggest.ts";
import {
  elementTypeOf,
  type FeatureValue,
  featureValueOf,
  isListType,
  type ValueType,
} from "./value-type.ts";

/** Whether a value is there, as `feast.serving.FieldStatus` names it. */
type FieldStatus = "PRESENT" | "NULL_VALUE" | "NOT_FOUND" | "OUTSIDE_MAX_AGE";

/**
 * A value as JSON has it: bytes are base64 text, times whole seconds since the epoch, NaN and the
 * infinities text; whole numbers beyond 2^53 stay `bigint`, see {@link onlineFeaturesJson}.
 */
type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[];

/** One column of the answer: an entry for each entity row. */
interface FeatureVector {
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

/** What {@link onlineFeatures} is asked. */
export interface OnlineOptions extends FeatureSelection {
  readonly registry: Registry;
  /**
   * Columns of equal length: the join keys, and the request fields of on demand views. Others are ignored.
   */
  readonly entities: Readonly<Record<string, readonly unknown[]>>;
  /** Takes the place of each view's ttl: how old a value may be, 0 for any age. */
  readonly maxAgeSeconds?: number;
  /**
   * Answers as Feast 0.67's server does: PRESENT for null and for expired values, and the least integer for
   * a null time. By default a null is NULL_VALUE, and a value older than the ttl is null and
   * OUTSIDE_MAX_AGE, as it would be in a training set.
   */
  readonly feastCompatible?: boolean;
  readonly clock?: Clock;
}

/**
 * The latest features of some entities from the online store, in the shape of Feast's answer. One read of
 * the store for each view, keys deduplicated.
 * @throws `invalid_argument` when a join key or request field is missing, when columns differ in length or
 * are empty, or when a key is not of its type; `not_found` for an unknown view, feature or service
 */
export async function onlineFeatures(
  store: OnlineStore,
  options: OnlineOptions,
): Promise<OnlineFeatures> {
  const plan = planRetrieval(options.registry, options);
  const rowCount = checkEntities(plan, options.entities);
  const keyColumns = keyColumnsOf(plan, options.entities, rowCount);
  const columns = new Map<string, Cells>();
  for (const view of plan.views) {
    const rows = await storedRows(store, options, view, keyColumns, rowCount);
    for (const [name, cells] of cellsOf(view, rows, options)) columns.set(name, cells);
  }
  const request = requestColumns(plan, options.entities, rowCount);
  const results: FeatureVector[] = [];
  const names: string[] = [];
  for (const [name, { type, values }] of keyColumns) {
    names.push(name);
    results.push(vectorOf(type, presentCells(values), options));
  }
  for (const { features } of plan.views) {
    for (const { field, column, isRequested } of features) {
      const cells = columns.get(column);
      if (!isRequested || cells === undefined) continue;
      names.push(column);
      results.push(vectorOf(field.dtype, cells, options));
    }
  }
  for (const view of plan.onDemand) {
    for (const feature of view.features) {
      names.push(feature.column);
      const values = computedValues(view, feature, columns, request, rowCount);
      results.push(vectorOf(feature.field.dtype, presentCells(values), options));
    }
  }
  return { results, metadata: { feature_names: names } };
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
interface Cells {
  readonly values: readonly FeatureValue[];
  readonly statuses: readonly FieldStatus[];
  /** As they are shown: of a view, the same list for all its features. */
  readonly eventTimes: readonly string[];
}

interface KeyColumn {
  readonly type: ValueType;
  readonly values: readonly FeatureValue[];
}

function checkEntities(
  plan: RetrievalPlan,
  entities: Readonly<Record<string, readonly unknown[]>>,
): number {
  const needed = [
    ...plan.views.flatMap(({ joinKeys }) => joinKeys.map(({ column }) => column)),
    ...plan.requestFields.map(({ name }) => name),
  ];
  const missing = [...new Set(needed)].filter((name) => !Object.hasOwn(entities, name));
  const [first] = missing;
  if (first !== undefined) {
    throw new WaybillError(
      "invalid_argument",
      `Missing join key values for keys: [${missing.map((name) => `'${name}'`).join(", ")}]`,
      { hint: suggestion(first, Object.keys(entities)) },
    );
  }
  const lengths = Object.values(entities).map((column) => column.length);
  const [rowCount = 0] = lengths;
  if (lengths.some((length) => length !== rowCount)) {
    throw new WaybillError("invalid_argument", "All entity rows must have the same columns.");
  }
  if (rowCount === 0) throw new WaybillError("invalid_argument", "There are no entity rows.");
  return rowCount;
}

/** The join keys that the plan reads, in the order in which the request has them. */
function keyColumnsOf(
  plan: RetrievalPlan,
  entities: Readonly<Record<string, readonly unknown[]>>,
  rowCount: number,
): ReadonlyMap<string, KeyColumn> {
  const types = new Map(
    plan.views.flatMap(({ joinKeys }) => joinKeys.map(({ column, type }) => [column, type])),
  );
  const columns = new Map<string, KeyColumn>();
  for (const [name, given] of Object.entries(entities)) {
    const type = types.get(name);
    if (type !== undefined) columns.set(name, { type, values: typed(type, name, given, rowCount) });
  }
  return columns;
}

function requestColumns(
  plan: RetrievalPlan,
  entities: Readonly<Record<string, readonly unknown[]>>,
  rowCount: number,
): ReadonlyMap<string, readonly FeatureValue[]> {
  return new Map(
    plan.requestFields.map(({ name, dtype }) => [
      name,
      typed(dtype, name, entities[name] ?? [], rowCount),
    ]),
  );
}

function typed(
  type: ValueType,
  name: string,
  given: readonly unknown[],
  rowCount: number,
): FeatureValue[] {
  return Array.from({ length: rowCount }, (_, row) =>
    featureValueOf(type, given[row], `Value ${row} of "${name}"`),
  );
}

/** What the store has for each entity row. */
async function storedRows(
  store: OnlineStore,
  { registry }: OnlineOptions,
  view: PlannedView,
  keyColumns: ReadonlyMap<string, KeyColumn>,
  rowCount: number,
): Promise<readonly (StoredRow | undefined)[]> {
  const writer = keyWriterOf(view);
  const columns = view.joinKeys.map(({ column }) => keyColumns.get(column)?.values ?? []);
  const places = new Map<string, number>();
  const keys: Uint8Array[] = [];
  const placeOfRow = Array.from({ length: rowCount }, (_, row) => {
    const values = view.joinKeys.length === 0 ? [""] : columns.map((column) => column[row] ?? null);
    if (values.includes(null)) return undefined;
    const key = writer.key(values);
    const id = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
    const known = places.get(id);
    if (known !== undefined) return known;
    places.set(id, keys.length);
    return keys.push(key) - 1;
  });
  const rows = await store.read(collectionOf(registry, view.view.name), keys);
  return placeOfRow.map((place) => (place === undefined ? undefined : rows[place]));
}

/** The columns of a view by name. */
function cellsOf(
  view: PlannedView,
  rows: readonly (StoredRow | undefined)[],
  options: OnlineOptions,
): ReadonlyMap<string, Cells> {
  const wanted = new Map(view.features.map(({ field }, place) => [featureId(field.name), place]));
  const compatible = options.feastCompatible === true;
  const ttlUs = BigInt(Math.round((options.maxAgeSeconds ?? view.view.ttlSeconds) * 1e6));
  const nowUs = BigInt((options.clock ?? systemClock).nowMs()) * 1000n;
  const decoded = rows.map((row) => {
    if (row === undefined) return undefined;
    const expired = !compatible && ttlUs > 0n && row.eventUs < nowUs - ttlUs;
    return { eventTime: timeText(row.eventUs), expired, values: readRow(row.value, wanted) };
  });
  const eventTimes = decoded.map((row) => row?.eventTime ?? EPOCH);
  return new Map(
    view.features.map(({ column }, place) => {
      const values: FeatureValue[] = [];
      const statuses: FieldStatus[] = [];
      let isWhole = true;
      for (const row of decoded) {
        const value = row?.values[place];
        if (row === undefined || value === undefined) {
          isWhole = false;
          values.push(null);
          statuses.push("NOT_FOUND");
        } else if (row.expired) {
          values.push(null);
          statuses.push("OUTSIDE_MAX_AGE");
        } else {
          values.push(value);
          statuses.push("PRESENT");
        }
      }
      const times = isWhole
        ? eventTimes
        : eventTimes.map((time, row) => (statuses[row] === "NOT_FOUND" ? EPOCH : time));
      return [column, { values, statuses, eventTimes: times }];
    }),
  );
}

function computedValues(
  { view, inputs }: PlannedOnDemand,
  { field }: PlannedFeature,
  columns: ReadonlyMap<string, Cells>,
  request: ReadonlyMap<string, readonly FeatureValue[]>,
  rowCount: number,
): FeatureValue[] {
  const expression = view.expressions[field.name];
  if (expression === undefined) {
    throw new WaybillError("internal", `On demand feature "${field.name}" has no expression.`);
  }
  const valuesOf = (input: string) =>
    request.get(input) ?? columns.get(inputs.get(input) ?? input)?.values ?? [];
  return Array.from({ length: rowCount }, (_, row) =>
    expressionValue(field, expression, (input) => valuesOf(input)[row] ?? null),
  );
}

/** Cells of keys and computed features: no time of their own, and a null is a value like others. */
function presentCells(values: readonly FeatureValue[]): Cells {
  return {
    values,
    statuses: values.map(() => "PRESENT"),
    eventTimes: values.map(() => EPOCH),
  };
}

function vectorOf(type: ValueType, cells: Cells, options: OnlineOptions): FeatureVector {
  const compatible = options.feastCompatible === true;
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

const EPOCH = "1970-01-01T00:00:00Z";

/** RFC 3339 as protobuf's JSON writes it: no fraction, or three or six digits of it. */
function timeText(us: bigint): string {
  const seconds = floorSeconds(us);
  const fraction = String(us - seconds * 1_000_000n).padStart(6, "0");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  if (fraction === "000000") return `${whole}Z`;
  return `${whole}.${fraction.endsWith("000") ? fraction.slice(0, 3) : fraction}Z`;
}
