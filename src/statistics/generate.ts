import { create } from "@bufbuild/protobuf";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { Engine } from "../engine/index.ts";
import { digestOf, writeFileAtomically } from "../foundation/index.ts";
import type { Properties, RefMove, Step } from "../metadata/index.ts";
import { type ComputeOptions, countDatasets } from "./count.ts";
import { finishDataset } from "./finish.ts";
import type { StatisticsInput } from "./input.ts";
import { type StatisticsOptions, sizesOf } from "./options.ts";
import { type DatasetPartial, mergePartials } from "./partial.ts";
import { writePartials } from "./partial-file.ts";
import { encodeMessage } from "./proto-file.ts";
import { KEPT_VALUES } from "./string-partial.ts";

/** Statistics, and the mergeable counts that they were made from, one per dataset or slice. */
export interface ComputedStatistics {
  readonly statistics: DatasetFeatureStatisticsList;
  readonly partials: readonly DatasetPartial[];
  /** What is not exact of the whole, first dataset. */
  readonly approximations: readonly Approximation[];
}

/** A feature that has some statistics within an error and not exactly. */
export interface Approximation {
  readonly path: readonly string[];
  /** `quantiles`: median and histograms; `values`: uniques and the counts of top values. */
  readonly of: "quantiles" | "values";
}

/** What to count and where the statistics go. */
export interface GenerateOptions {
  readonly input: StatisticsInput;
  /** The file, `.pbtxt`, `.pb` or `.tfrecord`. */
  readonly output: string;
  readonly options?: StatisticsOptions;
  /** Where the mergeable counts go, when they are to be kept: usually beside the output. */
  readonly partials?: string;
  /** What the record says of where it is; by default the path. TFX records the folder of the file. */
  readonly uri?: string;
  /** Unique among statistics when given. */
  readonly name?: string;
  readonly ref?: RefMove;
  /** The split that the data is, `default` when left out. */
  readonly split?: string;
  /** Further facts to record on the artifact. */
  readonly facts?: Properties;
}

/** Statistics and the artifact that records them. */
export interface GeneratedStatistics extends ComputedStatistics {
  readonly artifact: Artifact;
}

/**
 * Computes statistics, writes them atomically, and declares them as the step's output `statistics`, an
 * artifact of type ExampleStatistics with the digest of its bytes: the verb behind StatisticsGen. Equal
 * data and options give equal bytes.
 * @throws WaybillError as {@link computeStatistics}; `invalid_argument` when the name of the output does
 * not tell how to encode it
 */
export async function generateStatistics(
  step: Step,
  engine: Engine,
  request: GenerateOptions,
): Promise<GeneratedStatistics> {
  const { signal, progress } = step;
  const { split = "default" } = request;
  // Before the work: a name that cannot be written should not cost a scan.
  encodeMessage(
    DatasetFeatureStatisticsListSchema,
    create(DatasetFeatureStatisticsListSchema),
    request.output,
  );
  const counted = await computeStatistics(engine, request.input, {
    ...request.options,
    ...(request.partials === undefined ? {} : { keptValues: KEPT_VALUES }),
    signal,
    progress,
  });
  const bytes = encodeMessage(
    DatasetFeatureStatisticsListSchema,
    counted.statistics,
    request.output,
  );
  if (request.partials !== undefined) await writePartials(request.partials, counted.partials);
  await writeFileAtomically(request.output, bytes);
  const [dataset] = counted.statistics.datasets;
  const examples = dataset?.numExamples ?? 0n;
  const features = dataset?.features.length ?? 0;
  const artifact = step.output("statistics", "ExampleStatistics", {
    uri: request.uri ?? request.output,
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(request.ref === undefined ? {} : { ref: request.ref }),
    properties: { split_names: JSON.stringify([split]) },
    customProperties: {
      ...request.facts,
      sha256: digestOf("sha256", bytes),
      num_examples: examples,
      feature_count: BigInt(features),
      approximate: counted.approximations.map(({ path, of }) => `${of} of ${path.join(".")}`),
      ...(request.partials === undefined ? {} : { partials_uri: request.partials }),
    },
  });
  step.note("num_examples", examples);
  step.log.log("info", `statistics ${request.output}: ${examples} examples, ${features} features`);
  return { ...counted, artifact };
}

/**
 * Computes TFDV's statistics of a dataset in one scan where it can. Delimited text is counted in
 * TypeScript, Parquet and relations by the engine; tf.Examples, JSON lines, nested values, weights, slices
 * and samples are counted example by example. With slices, the whole is the dataset "All Examples". Counts, extremes, moments and
 * the buckets of exact distributions are exact; quantiles of more than 16,384 distinct numbers are off
 * by at most 0.002 of the mass where values are counted on a grid, and within 0.01 where they are sampled.
 * @throws WaybillError `not_found`, `invalid_argument` (a folder, no rows, duplicate columns, a missing
 * weight), `data_loss` (ragged, cut or empty files, values of several kinds), `cancelled`
 */
export async function computeStatistics(
  engine: Engine,
  input: StatisticsInput,
  options: ComputeOptions = {},
): Promise<ComputedStatistics> {
  // Before the work: a size that is out of range should not cost a scan.
  sizesOf(options);
  const partials = await countDatasets(engine, input, options);
  return computed(partials, options);
}

/**
 * Merges the counts of disjoint shards (days, files) of one dataset, slice by slice, in the order given.
 * Counts, extremes, moments, zeros and grid counts add up exactly (moments but for rounding); uniques, top
 * values and quantiles come from what was kept.
 * @throws WaybillError `failed_precondition` when a feature is text in one shard and numbers in another
 */
export function mergeStatistics(
  shards: readonly (readonly DatasetPartial[])[],
  options: StatisticsOptions = {},
): ComputedStatistics {
  const slices = Map.groupBy(shards.flat(), ({ name }) => name);
  return computed([...slices.values()].map(mergePartials), options);
}

function computed(
  partials: readonly DatasetPartial[],
  options: StatisticsOptions,
): ComputedStatistics {
  const approximations = (partials[0]?.features ?? []).flatMap(
    ({ path, numeric, strings }): Approximation[] => [
      ...(numeric?.distribution.isExact === false ? [{ path, of: "quantiles" as const }] : []),
      ...(strings?.sketch !== undefined ? [{ path, of: "values" as const }] : []),
    ],
  );
  return { statistics: finishStatistics(partials, options), partials, approximations };
}

/** The statistics of partials that were computed or merged before. */
export function finishStatistics(
  partials: readonly DatasetPartial[],
  options: StatisticsOptions = {},
): DatasetFeatureStatisticsList {
  const sizes = sizesOf(options);
  return create(DatasetFeatureStatisticsListSchema, {
    datasets: partials.map((partial) => finishDataset(partial, sizes)),
  });
}
