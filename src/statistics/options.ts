import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";

/** How statistics are computed: TFDV's StatsOptions, spelled as TypeScript does. */
export interface StatisticsOptions {
  /** Values in `top_values`. */
  readonly numTopValues?: number;
  /** Values that come less often are left out of `top_values` and `rank_histogram`. */
  readonly frequencyThreshold?: number;
  /** The same for weighted values. */
  readonly weightedFrequencyThreshold?: number;
  readonly numRankHistogramBuckets?: number;
  /** At least 2. */
  readonly numValuesHistogramBuckets?: number;
  readonly numHistogramBuckets?: number;
  readonly numQuantilesHistogramBuckets?: number;
  /** Only these features; all when left out. */
  readonly featureAllowlist?: readonly string[];
  /** Says which numbers stand for categories, what is bytes, and sparse and weighted features. */
  readonly schema?: Schema;
  /** Takes the types of delimited text from the schema, and only the columns that it has. */
  readonly inferTypeFromSchema?: boolean;
  /** The feature whose one number weighs each example. */
  readonly weightFeature?: string;
  /** Another weight for some features, by their name. */
  readonly perFeatureWeight?: Readonly<Record<string, string>>;
  /**
   * Slices beside the whole: for each member one dataset for every value, or every named value, of its
   * features, and for each combination of several features.
   */
  readonly sliceFeatures?: readonly SliceFeatures[];
  /** The part of the examples to count, in (0, 1]; which ones depends on their places alone. */
  readonly sampleRate?: number;
  /** Looks for images, natural language and times among values. */
  readonly enableSemanticDomainStats?: boolean;
}

/** Values to slice by, by feature; null is every value. */
export type SliceFeatures = Readonly<Record<string, readonly (string | number)[] | null>>;

/** The sizes of what is written, all set. */
export interface Sizes {
  readonly topValues: number;
  readonly frequencyThreshold: number;
  readonly weightedFrequencyThreshold: number;
  readonly rankBuckets: number;
  readonly valueCountBuckets: number;
  readonly standardBuckets: number;
  readonly quantileBuckets: number;
  readonly semanticDomains: boolean;
}

/**
 * The sizes that the options ask for, TFDV's defaults where they do not say.
 * @throws WaybillError `invalid_argument` for a number out of its range
 */
export function sizesOf(options: StatisticsOptions): Sizes {
  return {
    topValues: atLeast(1, "numTopValues", options.numTopValues ?? 20),
    frequencyThreshold: options.frequencyThreshold ?? 1,
    weightedFrequencyThreshold: options.weightedFrequencyThreshold ?? 1,
    rankBuckets: atLeast(1, "numRankHistogramBuckets", options.numRankHistogramBuckets ?? 1_000),
    valueCountBuckets: atLeast(
      2,
      "numValuesHistogramBuckets",
      options.numValuesHistogramBuckets ?? 10,
    ),
    standardBuckets: atLeast(1, "numHistogramBuckets", options.numHistogramBuckets ?? 10),
    quantileBuckets: atLeast(
      1,
      "numQuantilesHistogramBuckets",
      options.numQuantilesHistogramBuckets ?? 10,
    ),
    semanticDomains: options.enableSemanticDomainStats ?? false,
  };
}

function atLeast(least: number, name: string, value: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new WaybillError("invalid_argument", `${name} is ${value}; it is at least ${least}.`, {
    hint: "Leave it out for the default.",
  });
}

type Shape = "number" | "boolean" | "text" | "names" | "weights" | "slices";

/** TFDV's names of the options and what values they take; without a name of ours, it changes nothing. */
const JSON_OPTIONS: Readonly<Record<string, readonly [Shape, (keyof StatisticsOptions)?]>> = {
  num_top_values: ["number", "numTopValues"],
  frequency_threshold: ["number", "frequencyThreshold"],
  weighted_frequency_threshold: ["number", "weightedFrequencyThreshold"],
  num_rank_histogram_buckets: ["number", "numRankHistogramBuckets"],
  num_values_histogram_buckets: ["number", "numValuesHistogramBuckets"],
  num_histogram_buckets: ["number", "numHistogramBuckets"],
  num_quantiles_histogram_buckets: ["number", "numQuantilesHistogramBuckets"],
  feature_allowlist: ["names", "featureAllowlist"],
  infer_type_from_schema: ["boolean", "inferTypeFromSchema"],
  weight_feature: ["text", "weightFeature"],
  per_feature_weight: ["weights", "perFeatureWeight"],
  slice_features: ["slices", "sliceFeatures"],
  sample_rate: ["number", "sampleRate"],
  enable_semantic_domain_stats: ["boolean", "enableSemanticDomainStats"],
  // Counts are exact here where TFDV would use sketches, and nothing is batched.
  epsilon: ["number"],
  use_sketch_based_topk_uniques: ["boolean"],
  experimental_use_sketch_based_topk_uniques: ["boolean"],
  desired_batch_size: ["number"],
  experimental_num_feature_partitions: ["number"],
  experimental_result_partitions: ["number"],
  experimental_filter_read_paths: ["boolean"],
  add_default_generators: ["boolean"],
};

/**
 * Options from JSON with TFDV's names, as StatsOptions has them; null is the default.
 * @throws WaybillError `invalid_argument` for a name or a value that means nothing here
 */
export function parseStatisticsOptions(json: unknown): StatisticsOptions {
  if (!isRecord(json)) {
    throw new WaybillError("invalid_argument", "Statistics options are a JSON object.", {
      hint: 'For example {"num_top_values": 50}.',
    });
  }
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    const known = JSON_OPTIONS[key];
    if (known === undefined) {
      throw new WaybillError("invalid_argument", `There is no statistics option "${key}".`, {
        hint: `Options are: ${Object.keys(JSON_OPTIONS).join(", ")}.`,
      });
    }
    if (value === null) continue;
    const [shape, name] = known;
    if (!SHAPES[shape].fits(value)) {
      throw new WaybillError(
        "invalid_argument",
        `The statistics option "${key}" is ${JSON.stringify(value)}.`,
        { hint: `It takes ${SHAPES[shape].words}.` },
      );
    }
    if (name !== undefined) options[name] = value;
  }
  // Every member was checked against the table above.
  return options as StatisticsOptions;
}

const SHAPES: Readonly<
  Record<Shape, { readonly words: string; readonly fits: (value: unknown) => boolean }>
> = {
  number: { words: "a number", fits: (value) => typeof value === "number" },
  boolean: { words: "true or false", fits: (value) => typeof value === "boolean" },
  text: { words: "the name of a feature", fits: (value) => typeof value === "string" },
  names: { words: "a list of features", fits: (value) => isListOf(value, ["string"]) },
  weights: {
    words: "an object: the weight feature of each feature",
    fits: (value) => isRecord(value) && isListOf(Object.values(value), ["string"]),
  },
  slices: {
    words: "a list of objects: the values of each feature, or null for all",
    fits: (value) =>
      Array.isArray(value) &&
      value.every(
        (slice) =>
          isRecord(slice) &&
          Object.values(slice).every(
            (values) => values === null || isListOf(values, ["string", "number"]),
          ),
      ),
  },
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, types: readonly string[]): boolean {
  return Array.isArray(value) && value.every((item) => types.includes(typeof item));
}
