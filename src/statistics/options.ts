import { WaybillError } from "../foundation/index.ts";

/** How statistics are computed: TFDV's StatsOptions, spelled as TypeScript does. */
export interface StatisticsOptions {
  /** Values in `top_values`. */
  readonly numTopValues?: number;
  /** Values that come less often are left out of `top_values` and `rank_histogram`. */
  readonly frequencyThreshold?: number;
  readonly numRankHistogramBuckets?: number;
  /** At least 2. */
  readonly numValuesHistogramBuckets?: number;
  readonly numHistogramBuckets?: number;
  readonly numQuantilesHistogramBuckets?: number;
  /** Only these features; all when left out. */
  readonly featureAllowlist?: readonly string[];
}

/** The sizes of what is written, all set. */
export interface Sizes {
  readonly topValues: number;
  readonly frequencyThreshold: number;
  readonly rankBuckets: number;
  readonly valueCountBuckets: number;
  readonly standardBuckets: number;
  readonly quantileBuckets: number;
}

/** The sizes that the options ask for, TFDV's defaults where they do not say. */
export function sizesOf(options: StatisticsOptions): Sizes {
  return {
    topValues: options.numTopValues ?? 20,
    frequencyThreshold: options.frequencyThreshold ?? 1,
    rankBuckets: options.numRankHistogramBuckets ?? 1_000,
    valueCountBuckets: options.numValuesHistogramBuckets ?? 10,
    standardBuckets: options.numHistogramBuckets ?? 10,
    quantileBuckets: options.numQuantilesHistogramBuckets ?? 10,
  };
}

type OptionName = keyof StatisticsOptions;

/** TFDV's names of the options and what values they take. */
const JSON_OPTIONS: Readonly<Record<string, readonly [OptionName, "number" | "names"]>> = {
  num_top_values: ["numTopValues", "number"],
  frequency_threshold: ["frequencyThreshold", "number"],
  num_rank_histogram_buckets: ["numRankHistogramBuckets", "number"],
  num_values_histogram_buckets: ["numValuesHistogramBuckets", "number"],
  num_histogram_buckets: ["numHistogramBuckets", "number"],
  num_quantiles_histogram_buckets: ["numQuantilesHistogramBuckets", "number"],
  feature_allowlist: ["featureAllowlist", "names"],
};

/**
 * Options from JSON with TFDV's names, as `StatsOptions.to_json` spells them; null is the default.
 * @throws WaybillError `invalid_argument` for a name or a value that means nothing here
 */
export function parseStatisticsOptions(json: unknown): StatisticsOptions {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
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
    const [name, kind] = known;
    const fits =
      kind === "number"
        ? typeof value === "number"
        : Array.isArray(value) && value.every((item) => typeof item === "string");
    if (!fits) {
      throw new WaybillError(
        "invalid_argument",
        `The statistics option "${key}" is ${JSON.stringify(value)}; it takes ${kind === "number" ? "a number" : "a list of names"}.`,
      );
    }
    options[name] = value;
  }
  // Every member was checked against the table above.
  return options as StatisticsOptions;
}
