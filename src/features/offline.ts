import { pathToFileURL } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Engine } from "../engine/index.ts";
import { digestFile, publishFile } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { PlannedFeature } from "./retrieval-plan.ts";
import { type PlannedTrainingSet, planTrainingSet, type TrainingSetQuery } from "./training-set.ts";

/** What {@link historicalFeatures} is asked. */
export interface HistoricalOptions extends TrainingSetQuery {
  /** The Parquet file to write. It appears whole, or not at all. */
  readonly path: string;
}

/** How complete a feature of a training set is. */
interface FeatureFill {
  readonly column: string;
  /** Rows in which it is not null. */
  readonly valueCount: number;
}

/** A training set on disk. */
export interface TrainingSet {
  /** Recorded as `Examples`, when the step closes. */
  readonly artifact: Artifact;
  readonly path: string;
  /** One for each label. */
  readonly rowCount: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Columns in order: those of the labels, then the features. */
  readonly columns: readonly string[];
  readonly features: readonly FeatureFill[];
}

/**
 * Makes a training set: each label completed with the feature values as they were at its time, written as
 * one Parquet file in the order of the labels. The join is done in the engine; no row passes through
 * JavaScript. The columns are those of the labels (their time in UTC), then the features; the stored inputs
 * of on demand features are among them, as Feast leaves them there.
 *
 * The rules of the join are those of `pointInTimeSql`: event time not after the label's time, not older
 * than the view's ttl, newest event first, then newest created; a label that finds nothing keeps nulls.
 * @throws `not_found` for a view, feature or service that does not exist, with the nearest name;
 * `invalid_argument` for labels without a key or time column, or with one of the wrong type;
 * `failed_precondition` for a source that does not have the columns its views need
 * Source: Feast 0.67 `get_historical_features`, where its engines agree with a row-by-row computation.
 */
export async function historicalFeatures(
  step: Step,
  engine: Engine,
  options: HistoricalOptions,
): Promise<TrainingSet> {
  const { path } = options;
  const { signal } = step;
  const planned = await planTrainingSet(engine, options, { signal });
  const { columns, features } = planned;
  step.progress.report("training set", 0, undefined, "rows");
  const rowCount = await publishFile(path, async (_, temporaryPath) => {
    const fields = columns.map((name, index) => ({ id: index + 1, name, type: "" }));
    const copy = engine.dialect.copyToParquet(planned.sql, temporaryPath, fields);
    const [written] = await engine.rows(copy, { signal });
    return Number(written?.["count"] ?? 0);
  });
  step.progress.report("training set", rowCount, rowCount, "rows");

  const { digest, sizeBytes } = await digestFile("sha256", path, { signal });
  const fills = await fillsOf(engine, path, features, signal);
  record(step, options, planned);
  const artifact = step.output("training_set", "Examples", {
    uri: pathToFileURL(path).href,
    customProperties: {
      sha256: digest,
      size_bytes: BigInt(sizeBytes),
      row_count: BigInt(rowCount),
      label_timestamp: planned.timeColumn,
      features: features.map(({ column }) => column),
      ...(options.service === undefined ? {} : { feature_service: options.service }),
    },
  });
  return { artifact, path, rowCount, sizeBytes, sha256: digest, columns, features: fills };
}

function record(step: Step, options: HistoricalOptions, planned: PlannedTrainingSet): void {
  const { artifact } = options.registry;
  if (artifact !== undefined) step.input("registry", artifact);
  for (const input of planned.labelInputs) step.input("labels", input);
  for (const input of planned.sourceInputs) step.input("sources", input);
  if (options.features !== undefined) step.note("features", [...options.features]);
  if (options.service !== undefined) step.note("feature_service", options.service);
  step.note("full_feature_names", options.fullFeatureNames === true);
  step.note("filter_by_created_timestamp", options.filterByCreatedTimestamp === true);
}

async function fillsOf(
  engine: Engine,
  path: string,
  features: readonly PlannedFeature[],
  signal: AbortSignal,
): Promise<FeatureFill[]> {
  const counts = features.map(
    ({ column }, index) => `count(${engine.dialect.quoteIdentifier(column)}) AS n${index}`,
  );
  const [row] = await engine.rows(
    `SELECT ${counts.join(", ")} FROM ${engine.dialect.parquet([path])}`,
    { signal },
  );
  return features.map(({ column }, index) => ({
    column,
    valueCount: Number(row?.[`n${index}`] ?? 0),
  }));
}
