import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import type { EntityKeyWriter } from "./entity-key.ts";
import { collectionOf, keyWriterOf } from "./materialize.ts";
import { expressionValue } from "./on-demand.ts";
import type { OnlineStore, StoredRow } from "./online/port.ts";
import {
  type Cells,
  EPOCH,
  type FeatureVector,
  type FieldStatus,
  type OnlineFeatures,
  presentCells,
  timeText,
  vectorOf,
} from "./online-answer.ts";
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
import { type FeatureValue, featureValueOf, type ValueType } from "./value-type.ts";

/** A request for features that were chosen before. */
export interface OnlineRequest {
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

/** Reads one selection of features, any number of times. */
export interface OnlineReader {
  /**
   * The latest features of some entities, in the shape of Feast's answer. One read of the store for each
   * view, keys deduplicated.
   * @throws `invalid_argument` when a join key or request field is missing, when columns differ in length or
   * are empty, or when a key is not of its type
   */
  read(request: OnlineRequest): Promise<OnlineFeatures>;
}

/**
 * Resolves a selection once, for a server that reads it often. A registry that changes needs a new reader.
 * @throws `not_found` for an unknown view, feature or service
 */
export function onlineReader(
  store: OnlineStore,
  registry: Registry,
  selection: FeatureSelection,
): OnlineReader {
  const plan = planRetrieval(registry, selection);
  const views = plan.views.map(
    (planned): CompiledView => ({
      planned,
      collection: collectionOf(registry, planned.view.name),
      keys: keyWriterOf(planned),
      places: new Map(planned.features.map(({ field }, place) => [featureId(field.name), place])),
    }),
  );
  return { read: (request) => readFeatures(store, plan, views, request) };
}

/**
 * The latest features of some entities from the online store: an {@link OnlineReader} that is used once.
 * @throws what {@link onlineReader} and its `read` throw
 */
export async function onlineFeatures(
  store: OnlineStore,
  options: FeatureSelection & OnlineRequest & { readonly registry: Registry },
): Promise<OnlineFeatures> {
  return onlineReader(store, options.registry, options).read(options);
}

interface CompiledView {
  readonly planned: PlannedView;
  readonly collection: string;
  readonly keys: EntityKeyWriter;
  /** Feature id -> its place among the planned features. */
  readonly places: ReadonlyMap<number, number>;
}

interface KeyColumn {
  readonly type: ValueType;
  readonly values: readonly FeatureValue[];
}

async function readFeatures(
  store: OnlineStore,
  plan: RetrievalPlan,
  views: readonly CompiledView[],
  request: OnlineRequest,
): Promise<OnlineFeatures> {
  const { entities, feastCompatible = false } = request;
  const rowCount = checkEntities(plan, entities);
  const keyColumns = keyColumnsOf(plan, entities, rowCount);
  const columns = new Map<string, Cells>();
  for (const view of views) {
    const rows = await storedRows(store, view, keyColumns, rowCount);
    const found = cellsOf(view, rows, request);
    for (const [place, { column }] of view.planned.features.entries()) {
      const cells = found[place];
      if (cells !== undefined) columns.set(column, cells);
    }
  }
  const fields = requestColumns(plan, entities, rowCount);
  const results: FeatureVector[] = [];
  const names: string[] = [];
  for (const [name, { type, values }] of keyColumns) {
    names.push(name);
    results.push(vectorOf(type, presentCells(values), feastCompatible));
  }
  for (const { features } of plan.views) {
    for (const { field, column, isRequested } of features) {
      const cells = columns.get(column);
      if (!isRequested || cells === undefined) continue;
      names.push(column);
      results.push(vectorOf(field.dtype, cells, feastCompatible));
    }
  }
  for (const view of plan.onDemand) {
    for (const feature of view.features) {
      names.push(feature.column);
      const values = computedValues(view, feature, columns, fields, rowCount);
      results.push(vectorOf(feature.field.dtype, presentCells(values), feastCompatible));
    }
  }
  return { results, metadata: { feature_names: names } };
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
  { planned: { joinKeys }, collection, keys: writer }: CompiledView,
  keyColumns: ReadonlyMap<string, KeyColumn>,
  rowCount: number,
): Promise<readonly (StoredRow | undefined)[]> {
  const columns = joinKeys.map(({ column }) => keyColumns.get(column)?.values ?? []);
  const places = new Map<string, number>();
  const keys: Uint8Array[] = [];
  const placeOfRow = Array.from({ length: rowCount }, (_, row) => {
    const values = joinKeys.length === 0 ? [""] : columns.map((column) => column[row] ?? null);
    if (values.includes(null)) return undefined;
    const key = writer.key(values);
    const id = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
    const known = places.get(id);
    if (known !== undefined) return known;
    places.set(id, keys.length);
    return keys.push(key) - 1;
  });
  const rows = await store.read(collection, keys);
  return placeOfRow.map((place) => (place === undefined ? undefined : rows[place]));
}

/** The columns of a view, one for each planned feature. */
function cellsOf(
  { planned: { view, features }, places }: CompiledView,
  rows: readonly (StoredRow | undefined)[],
  { feastCompatible = false, maxAgeSeconds = view.ttlSeconds, clock = systemClock }: OnlineRequest,
): Cells[] {
  const ttlUs = BigInt(Math.round(maxAgeSeconds * 1e6));
  const nowUs = BigInt(clock.nowMs()) * 1000n;
  // Rows of one view often share their event time: one day, one hour.
  const texts = new Map<bigint, string>();
  const textOf = (us: bigint): string => {
    const known = texts.get(us) ?? timeText(us);
    texts.set(us, known);
    return known;
  };
  const decoded = rows.map((row) => {
    if (row === undefined) return undefined;
    const expired = !feastCompatible && ttlUs > 0n && row.eventUs < nowUs - ttlUs;
    return { eventTime: textOf(row.eventUs), expired, values: readRow(row.value, places) };
  });
  const eventTimes = decoded.map((row) => row?.eventTime ?? EPOCH);
  return features.map((_, place) => {
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
    return { values, statuses, eventTimes: times };
  });
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
