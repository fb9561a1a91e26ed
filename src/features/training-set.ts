import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Column, Dialect, Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { expressionSql } from "./on-demand.ts";
import { type JoinedView, LABEL_ROW, type Labels, pointInTimeSql } from "./point-in-time.ts";
import type { Registry } from "./registry.ts";
import {
  type FeatureSelection,
  type JoinKey,
  type PlannedFeature,
  plannedFeatures,
  planRetrieval,
  type RetrievalPlan,
} from "./retrieval-plan.ts";
import { suggestion } from "./suggest.ts";
import { castTo, isReadableAs } from "./value-type.ts";
import { openViewRows, type SourceResolver, timeColumnsOf, type ViewRows } from "./view-rows.ts";

/** The rows to complete with features: keys, a time, and whatever else, labels as a rule. */
interface LabelRelation {
  /** What stands after FROM: a table name, a table function or a query in brackets. */
  readonly relation: string;
  /**
   * The column of each label's time. By default `event_timestamp`, else the only column of times.
   * Times without a zone are UTC.
   */
  readonly timestampField?: string;
  /** Where the labels come from, recorded as inputs. */
  readonly inputs?: readonly Artifact[];
}

/** Event times from `start` to `end`, both included. */
interface TimeRange {
  readonly start: Date;
  readonly end: Date;
}

/** What a training set is asked to hold. */
export interface TrainingSetQuery extends FeatureSelection {
  readonly registry: Registry;
  readonly resolve: SourceResolver;
  /** The labels; or a range of time, which gives the keys seen in it as they were at its end. */
  readonly labels: LabelRelation | TimeRange;
  /**
   * Leaves out rows that were written (created) after the label's time. Off by default, as in Feast:
   * then a value that arrived late is used although nobody could have known it.
   */
  readonly filterByCreatedTimestamp?: boolean;
  /** The form of the join; by default the fastest that the engine has. */
  readonly form?: "asof" | "union";
}

/** A training set that was checked and can be computed. */
export interface PlannedTrainingSet {
  /** A query of `columns`, in the order of the labels. */
  readonly sql: string;
  /** The columns of the labels, then those of `features`. */
  readonly columns: readonly string[];
  readonly features: readonly PlannedFeature[];
  readonly timeColumn: string;
  /** What is read: labels and sources, each once. */
  readonly labelInputs: readonly Artifact[];
  readonly sourceInputs: readonly Artifact[];
}

/**
 * Resolves features, opens their sources, checks labels and sources, and writes the query. Nothing but
 * column types is read.
 * @throws what `historicalFeatures` throws for names, labels and sources
 */
export async function planTrainingSet(
  engine: Pick<Engine, "dialect" | "columns">,
  query: TrainingSetQuery,
  options: { readonly signal?: AbortSignal } = {},
): Promise<PlannedTrainingSet> {
  const plan = planRetrieval(query.registry, query);
  const rows = await Promise.all(
    plan.views.map((view) => openViewRows(engine, query.registry, query.resolve, view, options)),
  );
  checkCreated(query, plan, rows);
  const given = labelsOf(engine.dialect, plan, rows, query.labels);
  const columns = await engine.columns(given.relation, options);
  const labels: Labels = { relation: given.relation, timeColumn: timeColumnOf(given, columns) };
  checkLabels(plan, columns);
  const features = plannedFeatures(plan);
  return {
    sql: trainingSetSql(engine.dialect, plan, rows, labels, columns, query),
    columns: [...columns.map(({ name }) => name), ...features.map(({ column }) => column)],
    features,
    timeColumn: labels.timeColumn,
    labelInputs: distinct(given.inputs ?? []),
    sourceInputs: distinct(rows.flatMap(({ inputs }) => inputs)),
  };
}

function distinct(artifacts: readonly Artifact[]): Artifact[] {
  return [...new Map(artifacts.map((artifact) => [artifact.id, artifact])).values()];
}

function trainingSetSql(
  dialect: Dialect,
  plan: RetrievalPlan,
  rows: readonly ViewRows[],
  labels: Labels,
  columns: readonly Column[],
  options: TrainingSetQuery,
): string {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const joined = plan.views.map((view, index): JoinedView => {
    // There are rows for each view of the plan: they were opened from it.
    const viewRows = rows[index] as ViewRows;
    return {
      rows: viewRows,
      labelKeys:
        view.joinKeys.length === 0
          ? ["0"]
          : view.joinKeys.map((key) => labelKey(dialect, key, types.get(key.column) ?? "")),
      columns: view.features.map(({ column }) => column),
    };
  });
  const quote = (name: string) => dialect.quoteIdentifier(name);
  const own = columns.map(({ name }) =>
    name === labels.timeColumn
      ? `${castTo(dialect, quote(name), "UNIX_TIMESTAMP")} AS ${quote(name)}`
      : quote(name),
  );
  const stored = plan.views.flatMap(({ features }) => features.map(({ column }) => quote(column)));
  const computed = plan.onDemand.flatMap(({ view, features, inputs }) =>
    features.map(({ field, column }) => {
      // A registry has an expression for each feature of an on demand view.
      const expression = view.expressions[field.name] as NonNullable<
        (typeof view.expressions)[string]
      >;
      const sql = expressionSql(dialect, field, expression, (input) =>
        requestOrFeature(dialect, plan, input, inputs.get(input) ?? input),
      );
      return `${sql} AS ${quote(column)}`;
    }),
  );
  return `SELECT ${[...own, ...stored, ...computed].join(", ")}
FROM (${pointInTimeSql(dialect, labels, joined, options)}) joined
ORDER BY ${quote(LABEL_ROW)}`;
}

/** A request field is read as its declared type; a feature already has its own. */
function requestOrFeature(
  dialect: Dialect,
  plan: RetrievalPlan,
  input: string,
  column: string,
): string {
  const field = plan.requestFields.find(({ name }) => name === input && name === column);
  const quoted = dialect.quoteIdentifier(column);
  return field === undefined ? quoted : castTo(dialect, quoted, field.dtype);
}

/** A key column of the labels as the entity's type; a fractional number is no whole key. */
function labelKey(dialect: Dialect, key: JoinKey, columnType: string): string {
  const column = dialect.quoteIdentifier(key.column);
  const cast = castTo(dialect, column, key.type);
  return isReadableAs(columnType, key.type)
    ? cast
    : `CASE WHEN ${column} = floor(${column}) THEN ${cast} END`;
}

function labelsOf(
  dialect: Dialect,
  plan: RetrievalPlan,
  rows: readonly ViewRows[],
  labels: LabelRelation | TimeRange,
): LabelRelation {
  if ("relation" in labels) return labels;
  const [first] = plan.views;
  const [firstRows] = rows;
  if (first === undefined || firstRows === undefined) {
    throw new WaybillError("invalid_argument", "A range of time needs a feature view.");
  }
  const names = first.joinKeys.map(({ column }) => column);
  for (const { view, joinKeys } of plan.views) {
    if (joinKeys.length === names.length && joinKeys.every((key) => names.includes(key.column))) {
      continue;
    }
    throw new WaybillError(
      "invalid_argument",
      `Feature views "${first.view.name}" and "${view.name}" have different keys, so a range of time ` +
        "does not say which rows to make.",
      { hint: "Give labels with the keys of both." },
    );
  }
  const [startUs, endUs] = [labels.start, labels.end].map((time) => BigInt(time.getTime()) * 1000n);
  const time = castTo(dialect, dialect.timestampFromUs(String(endUs)), "UNIX_TIMESTAMP");
  const keys = names.map(
    (name, index) => `${firstRows.keys[index]} AS ${dialect.quoteIdentifier(name)}`,
  );
  const conditions = [
    ...firstRows.keys.map((key) => `${key} IS NOT NULL`),
    `${firstRows.eventUs} BETWEEN ${startUs} AND ${endUs}`,
  ];
  return {
    relation: `(SELECT DISTINCT ${[`${time} AS event_timestamp`, ...keys].join(", ")}
FROM ${firstRows.relation}
WHERE ${conditions.join(" AND ")}
ORDER BY ALL)`,
    timestampField: "event_timestamp",
  };
}

function timeColumnOf(labels: LabelRelation, columns: readonly Column[]): string {
  const wanted = labels.timestampField;
  const times = timeColumnsOf(columns);
  if (wanted !== undefined || columns.some(({ name }) => name === "event_timestamp")) {
    const name = wanted ?? "event_timestamp";
    const column = columns.find((candidate) => candidate.name === name);
    if (column === undefined) {
      throw new WaybillError("invalid_argument", `The labels have no column "${name}".`, {
        hint: suggestion(
          name,
          columns.map((candidate) => candidate.name),
        ),
      });
    }
    if (times.includes(name)) return name;
    throw new WaybillError(
      "invalid_argument",
      `Column "${name}" of the labels is ${column.type}, not a time.`,
      { hint: "Give a column of dates or timestamps; times without a zone are UTC." },
    );
  }
  const [only, ...more] = times;
  if (only !== undefined && more.length === 0) return only;
  throw new WaybillError(
    "invalid_argument",
    only === undefined
      ? "The labels have no column of times."
      : `The labels have ${times.length} columns of times and none is named "event_timestamp".`,
    {
      hint:
        only === undefined
          ? "Each label needs the time at which its features are taken."
          : `Say which of ${times.map((name) => `"${name}"`).join(", ")} is the time of the label.`,
    },
  );
}

function checkLabels(plan: RetrievalPlan, columns: readonly Column[]): void {
  const byName = new Map(columns.map((column) => [column.name, column]));
  for (const { view, joinKeys } of plan.views) {
    for (const key of joinKeys) {
      const column = byName.get(key.column);
      if (column === undefined) {
        throw new WaybillError(
          "invalid_argument",
          `The labels have no column "${key.column}", the join key of feature view "${view.name}".`,
          { hint: suggestion(key.column, byName.keys()) },
        );
      }
      const isWholeDecimal = key.type.startsWith("INT") && isReadableAs(column.type, "DOUBLE");
      if (isReadableAs(column.type, key.type) || isWholeDecimal) continue;
      throw new WaybillError(
        "invalid_argument",
        `Column "${key.column}" of the labels is ${column.type}, but the join key of feature view ` +
          `"${view.name}" is ${key.type}.`,
        { hint: "Convert the column, or give the entity the type that its keys have." },
      );
    }
  }
  for (const { name, dtype } of plan.requestFields) {
    const column = byName.get(name);
    if (column !== undefined && isReadableAs(column.type, dtype)) continue;
    throw new WaybillError(
      "invalid_argument",
      column === undefined
        ? `The labels have no column "${name}", which an on demand feature view reads.`
        : `Column "${name}" of the labels is ${column.type}, not ${dtype}.`,
      { hint: column === undefined ? suggestion(name, byName.keys()) : undefined },
    );
  }
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  for (const { column } of plannedFeatures(plan)) {
    if (!taken.has(column.toLowerCase())) continue;
    throw new WaybillError("invalid_argument", `The labels already have a column "${column}".`, {
      hint: "Ask for full feature names, or rename the column of the labels.",
    });
  }
}

function checkCreated(
  options: TrainingSetQuery,
  plan: RetrievalPlan,
  rows: readonly ViewRows[],
): void {
  if (options.filterByCreatedTimestamp !== true) return;
  for (const [index, { createdUs }] of rows.entries()) {
    if (createdUs !== undefined) continue;
    throw new WaybillError(
      "failed_precondition",
      `The source of feature view "${plan.views[index]?.view.name}" has no created timestamp column, ` +
        "so what was known at a time cannot be told.",
      { hint: "Set createdTimestampColumn on the source, or do not filter by it." },
    );
  }
}
