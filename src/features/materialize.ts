import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Batch, BatchColumn, Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { RefMove, Step } from "../metadata/index.ts";
import type { FeatureView } from "./definitions.ts";
import { EntityKeyWriter, NO_ENTITY_KEY } from "./entity-key.ts";
import type { OnlineRow, OnlineStore } from "./online/port.ts";
import { latestRowsSql } from "./point-in-time.ts";
import { featureViewOf, type Registry } from "./registry.ts";
import { type PlannedView, planRetrieval } from "./retrieval-plan.ts";
import { featureId, RowWriter } from "./row-codec.ts";
import { type FeatureValue, featureValueOf, type ValueType } from "./value-type.ts";
import { openViewRows, type SourceResolver } from "./view-rows.ts";

/** What {@link materialize} is asked. */
export interface MaterializeOptions {
  readonly registry: Registry;
  readonly resolve: SourceResolver;
  /** Name of a feature view. */
  readonly view: string;
  /** The event times to take, both ends included. */
  readonly start: Date;
  readonly end: Date;
  /** Rows of one durable write; more are fewer and larger writes. */
  readonly batchRows?: number;
  /** Moves a head to the record of this materialization; {@link materializationRef} names it. */
  readonly ref?: RefMove;
}

/** What a materialization did. */
export interface Materialization {
  /** Recorded as `FeatureViewMaterialization`, when the step closes. */
  readonly artifact: Artifact;
  readonly view: string;
  readonly start: Date;
  readonly end: Date;
  /** Keys with a row in the interval. */
  readonly keyCount: number;
  /** Of these, how many took the place of nothing or of an older row. */
  readonly writtenCount: number;
  /** Of these, how many the store already had newer. */
  readonly supersededCount: number;
  /** Of these, how many the store already had. */
  readonly unchangedCount: number;
}

/**
 * Rows of one write to the online store. Keys come in no order, so that each write touches most of the
 * store: few and large ones write less in all. 65,536 rows of ten doubles are about 15 MB.
 */
const WRITE_ROWS = 65_536;

/** Bytes of keys and values after which a write is made even if it has fewer rows. */
const WRITE_BYTES = 32 << 20;

/** Feast's look back when a view without ttl is materialized for the first time. */
const FIRST_LOOK_BACK_MS = 52 * 7 * 86_400_000;

/**
 * Brings the latest row of each key in [start, end] to the online store: greatest event time, then greatest
 * created time, both chosen in the engine. Rows stream in batches. A newer row in the store stays. After a
 * kill in the middle some keys are new and the others as before; running it again finishes the work, and
 * running it twice changes nothing.
 * @throws `not_found` for an unknown view; `failed_precondition` for one that is not online or whose source
 * lacks a column; `invalid_argument` when start is after end
 */
export async function materialize(
  step: Step,
  engine: Engine,
  store: OnlineStore,
  options: MaterializeOptions,
): Promise<Materialization> {
  const { registry, start, end, batchRows = WRITE_ROWS } = options;
  const view = featureViewOf(registry, options.view);
  checkInterval(view, start, end);
  const planned = wholeView(registry, view);
  const rows = await openViewRows(engine, registry, options.resolve, planned, {
    signal: step.signal,
  });
  if (registry.artifact !== undefined) step.input("registry", registry.artifact);
  for (const input of rows.inputs) step.input("sources", input);
  step.note("feature_view", view.name);
  step.note("start", start.toISOString());
  step.note("end", end.toISOString());

  const collection = collectionOf(registry, view.name);
  const sql = latestRowsSql(engine.dialect, rows, start, end);
  const batches = engine.query(sql, { signal: step.signal });
  const counts = { keys: 0, written: 0, superseded: 0, unchanged: 0 };
  for await (const chunk of writes(encodeBatches(batches, planned), batchRows)) {
    const { written, superseded, unchanged } = await store.write(collection, chunk);
    counts.keys += chunk.length;
    counts.written += written;
    counts.superseded += superseded;
    counts.unchanged += unchanged;
    step.progress.report(`materialize ${view.name}`, counts.keys, undefined, "keys");
  }

  const artifact = step.output("materialization", "FeatureViewMaterialization", {
    uri: `${store.url}#${collection}`,
    properties: {
      project: registry.project,
      feature_view: view.name,
      start: start.toISOString(),
      end: end.toISOString(),
      key_count: BigInt(counts.keys),
      written_count: BigInt(counts.written),
      superseded_count: BigInt(counts.superseded),
      unchanged_count: BigInt(counts.unchanged),
      features: view.schema.map(({ name }) => name),
    },
    ...(options.ref === undefined ? {} : { ref: options.ref }),
  });
  return {
    artifact,
    view: view.name,
    start,
    end,
    keyCount: counts.keys,
    writtenCount: counts.written,
    supersededCount: counts.superseded,
    unchangedCount: counts.unchanged,
  };
}

/** The name of the head that points at the last materialization of a view. */
export function materializationRef(project: string, view: string): string {
  return `features:materialization:${project}/${view}`;
}

/**
 * Where an incremental materialization starts: at the end of the last one, else the view's ttl ago, else
 * (without a ttl) 52 weeks ago, as Feast does. Rows that arrive later with older event times are not in it.
 * @param last what the head of {@link materializationRef} points at
 */
export function incrementalStart(view: FeatureView, last: Artifact | undefined, now: Date): Date {
  const end = last?.properties["end"]?.value;
  if (end?.case === "stringValue") {
    const time = new Date(end.value);
    if (!Number.isNaN(time.getTime())) return time;
  }
  const lookBackMs = view.ttlSeconds > 0 ? view.ttlSeconds * 1000 : FIRST_LOOK_BACK_MS;
  return new Date(now.getTime() - lookBackMs);
}

/** The collection of an online store that holds a view. */
export function collectionOf(registry: Registry, view: string): string {
  return `${registry.project}/${view}`;
}

/** The key writer of a planned view. */
export function keyWriterOf({ joinKeys }: PlannedView): EntityKeyWriter {
  return new EntityKeyWriter(joinKeys.length === 0 ? [NO_ENTITY_KEY] : joinKeys);
}

/** A plan for all features of a view. */
export function wholeView(registry: Registry, view: FeatureView): PlannedView {
  const features = view.schema.map(({ name }) => `${view.name}:${name}`);
  const [planned] = planRetrieval(registry, { features }).views;
  if (planned !== undefined) return planned;
  throw new WaybillError("internal", `Feature view "${view.name}" could not be planned.`);
}

function checkInterval(view: FeatureView, start: Date, end: Date): void {
  if (!view.online) {
    throw new WaybillError("failed_precondition", `Feature view "${view.name}" is not online.`, {
      hint: "Set online: true in its definition and apply it.",
    });
  }
  const [from, to] = [start.getTime(), end.getTime()];
  if (Number.isNaN(from) || Number.isNaN(to)) {
    throw new WaybillError("invalid_argument", "The interval to materialize is not of times.");
  }
  if (from > to) {
    throw new WaybillError(
      "invalid_argument",
      `The interval to materialize ends (${end.toISOString()}) before it starts (${start.toISOString()}).`,
    );
  }
}

/** Rows of {@link latestRowsSql} as the online store takes them. */
async function* encodeBatches(
  batches: AsyncIterable<Batch>,
  planned: PlannedView,
): AsyncIterable<OnlineRow[]> {
  const keys = keyWriterOf(planned);
  const writer = new RowWriter();
  const features = planned.features.map(({ field }) => ({
    id: featureId(field.name),
    type: field.dtype,
  }));
  const keyCount = Math.max(1, planned.joinKeys.length);
  for await (const { rowCount, columns } of batches) {
    const keyOf = keyReaders(planned, columns.slice(0, keyCount));
    const [events, created, ...rest] = columns.slice(keyCount).map(bigintReader);
    const values = columns
      .slice(keyCount + 2)
      .map((column, index) => reader(column, features[index]?.type ?? "BYTES"));
    if (events === undefined || created === undefined || rest.length !== features.length) {
      throw new WaybillError("internal", "The engine gave other columns than were asked for.");
    }
    const rows: OnlineRow[] = [];
    for (let row = 0; row < rowCount; row++) {
      writer.start();
      for (const [index, { id, type }] of features.entries()) {
        writer.cell(id, type, values[index]?.(row) ?? null);
      }
      rows.push({
        key: keys.key(keyOf.map((read) => read(row))),
        eventUs: events(row),
        createdUs: created(row),
        value: writer.finish(),
      });
    }
    yield rows;
  }
}

type Reader = (row: number) => FeatureValue;

function keyReaders({ joinKeys }: PlannedView, columns: readonly BatchColumn[]): Reader[] {
  if (joinKeys.length === 0) return [() => ""];
  return joinKeys.flatMap(({ type }, index) => {
    const column = columns[index];
    return column === undefined ? [] : [reader(column, type)];
  });
}

function bigintReader(column: BatchColumn): (row: number) => bigint {
  if (column.kind === "bigint") return (row) => column.values[row] ?? 0n;
  return () => {
    throw new WaybillError("internal", `Column "${column.name}" is not of 64-bit integers.`);
  };
}

/** Reads a column as a value type. The query casts scalars to it, so most need no conversion. */
function reader(column: BatchColumn, type: ValueType): Reader {
  const read = (row: number): unknown =>
    column.kind === "object" ? column.get(row) : column.values[row];
  const isExact =
    (column.kind === "number" && (type === "INT32" || type === "DOUBLE" || type === "FLOAT")) ||
    (column.kind === "bigint" && type === "INT64") ||
    (column.kind === "timestamp" && type === "UNIX_TIMESTAMP") ||
    (column.kind === "object" && (type === "STRING" || type === "BYTES" || type === "BOOL"));
  // What `isExact` names is a FeatureValue of its type already.
  if (isExact) return (row) => (column.isNull(row) ? null : (read(row) as FeatureValue));
  return (row) =>
    column.isNull(row) ? null : featureValueOf(type, read(row), `A value of "${column.name}"`);
}

/** Gathers rows to what one write takes. */
async function* writes(
  batches: AsyncIterable<OnlineRow[]>,
  batchRows: number,
): AsyncIterable<OnlineRow[]> {
  let pending: OnlineRow[] = [];
  let sizeBytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      pending.push(row);
      sizeBytes += row.key.length + row.value.length;
    }
    if (pending.length < batchRows && sizeBytes < WRITE_BYTES) continue;
    yield pending;
    pending = [];
    sizeBytes = 0;
  }
  if (pending.length > 0) yield pending;
}
