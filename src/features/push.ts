import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { Source } from "./definitions.ts";
import { collectionOf, keyWriterOf, wholeView } from "./materialize.ts";
import type { OnlineRow, OnlineStore, WriteCounts } from "./online/port.ts";
import { featureViewOf, type Registry, sourceOf } from "./registry.ts";
import type { PlannedView } from "./retrieval-plan.ts";
import { featureId, RowWriter } from "./row-codec.ts";
import { suggestion } from "./suggest.ts";
import { type FeatureValue, featureValueOf, type ValueType } from "./value-type.ts";

/** Rows as columns of equal length. */
export type PushedColumns = Readonly<Record<string, readonly unknown[]>>;

/** What {@link pushFeatures} is asked. */
interface PushOptions {
  readonly registry: Registry;
  /** Name of a feature view. */
  readonly view: string;
  /**
   * Rows to write, a batch at a time. Each has the view's join keys, its features, the timestamp column and,
   * if the source has one, the created timestamp column, by the names of the view or of the source. When the next batch is asked for, the one before is
   * durable.
   */
  readonly batches: Iterable<PushedColumns> | AsyncIterable<PushedColumns>;
}

/** What a push wrote. */
export interface Pushed extends WriteCounts {
  /** Recorded as `FeatureViewMaterialization`, when the step closes; undefined when there were no rows. */
  readonly artifact: Artifact | undefined;
  readonly rowCount: number;
}

/**
 * Writes rows of a view straight to the online store, without a source in between. One call is one record,
 * whatever the number of batches: a stream is cut into windows by whoever opens the step. A row that is
 * older than what is stored changes nothing.
 * @throws `not_found` for an unknown view; `invalid_argument` for a column that is missing, for columns of
 * different length, for a value that is not of its type, and for a null key or time; the batch is then not
 * written, those before it are
 */
export async function pushFeatures(
  step: Step,
  store: OnlineStore,
  { registry, view: name, batches }: PushOptions,
): Promise<Pushed> {
  const view = featureViewOf(registry, name);
  const planned = wholeView(registry, view);
  const encode = pushEncoder(planned, sourceOf(registry, view));
  if (registry.artifact !== undefined) step.input("registry", registry.artifact);
  step.note("feature_view", view.name);
  const collection = collectionOf(registry, view.name);
  const counts = { rows: 0, written: 0, superseded: 0, unchanged: 0 };
  let first: bigint | undefined;
  let last: bigint | undefined;
  for await (const columns of batches) {
    step.signal.throwIfAborted();
    const rows = encode(columns);
    const { written, superseded, unchanged } = await store.write(collection, rows);
    counts.rows += rows.length;
    counts.written += written;
    counts.superseded += superseded;
    counts.unchanged += unchanged;
    for (const { eventUs } of rows) {
      if (first === undefined || eventUs < first) first = eventUs;
      if (last === undefined || eventUs > last) last = eventUs;
    }
    step.progress.report(`push ${view.name}`, counts.rows, undefined, "rows");
  }
  const artifact =
    first === undefined || last === undefined
      ? undefined
      : step.output("materialization", "FeatureViewMaterialization", {
          uri: `${store.url}#${collection}`,
          properties: {
            project: registry.project,
            feature_view: view.name,
            start: isoTime(first),
            end: isoTime(last),
            row_count: BigInt(counts.rows),
            written_count: BigInt(counts.written),
            superseded_count: BigInt(counts.superseded),
            unchanged_count: BigInt(counts.unchanged),
            features: view.schema.map((feature) => feature.name),
          },
        });
  const { rows: rowCount, ...written } = counts;
  return { artifact, rowCount, ...written };
}

/** Makes rows of the online store from columns. */
function pushEncoder(
  planned: PlannedView,
  source: Source,
): (columns: PushedColumns) => OnlineRow[] {
  const keys = keyWriterOf(planned);
  const writer = new RowWriter();
  const { timestampField, createdTimestampColumn, fieldMapping } = source;
  const original = new Map(Object.entries(fieldMapping).map(([column, name]) => [name, column]));
  return (columns) => {
    const rowCount = lengthOf(columns);
    const read = (name: string, type: ValueType): FeatureValue[] => {
      const column = columns[name] ?? columns[original.get(name) ?? name];
      if (column === undefined) {
        throw new WaybillError(
          "invalid_argument",
          `The rows for feature view "${planned.view.name}" have no column "${name}".`,
          { hint: suggestion(name, Object.keys(columns)) },
        );
      }
      return column.map((value, row) => featureValueOf(type, value, `Value ${row} of "${name}"`));
    };
    const keyColumns = planned.joinKeys.map(({ name, type }) => ({
      name,
      values: read(name, type),
    }));
    const events = read(timestampField, "UNIX_TIMESTAMP");
    const created =
      createdTimestampColumn === undefined || columns[createdTimestampColumn] === undefined
        ? []
        : read(createdTimestampColumn, "UNIX_TIMESTAMP");
    const features = planned.features.map(({ field: { name, dtype } }) => ({
      id: featureId(name),
      type: dtype,
      values: read(name, dtype),
    }));
    return Array.from({ length: rowCount }, (_, row): OnlineRow => {
      writer.start();
      for (const { id, type, values } of features) writer.cell(id, type, values[row] ?? null);
      return {
        key: keys.key(
          planned.joinKeys.length === 0
            ? [""]
            : keyColumns.map(({ name, values }) => present(values[row], name, row)),
        ),
        eventUs: timeOf(present(events[row], timestampField, row)),
        createdUs: timeOf(created[row] ?? NO_CREATED_TIME),
        value: writer.finish(),
      };
    });
  };
}

/** What `latestRowsSql` gives where there is no created time. */
const NO_CREATED_TIME = -(2n ** 63n);

function lengthOf(columns: PushedColumns): number {
  const lengths = new Set(Object.values(columns).map((column) => column.length));
  const [length = 0, ...others] = lengths;
  if (others.length === 0) return length;
  throw new WaybillError("invalid_argument", "The columns of the rows differ in length.");
}

function present(value: FeatureValue | undefined, name: string, row: number): FeatureValue {
  if (value !== undefined && value !== null) return value;
  throw new WaybillError("invalid_argument", `Value ${row} of "${name}" is null.`, {
    hint: "A row needs its keys and its time.",
  });
}

function timeOf(value: FeatureValue): bigint {
  if (typeof value === "bigint") return value;
  throw new WaybillError("internal", "A time was not read as one.");
}

function isoTime(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString();
}
