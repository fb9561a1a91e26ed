import { FeatureType } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type {
  CommonStatistics,
  CustomStatistic,
  DatasetFeatureStatistics,
  DatasetFeatureStatisticsList,
  FeatureNameStatistics,
  Histogram,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import {
  FeatureNameStatistics_Type,
  type Histogram_HistogramType,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { compareBytes, comparePaths, type FeaturePath, pathKey, serializePath } from "./path.ts";

/** The name of the dataset that holds every example when statistics are sliced. */
export const DEFAULT_SLICE = "All Examples";

/**
 * The dataset that schema and validation speak of: the only one, or the slice of all examples.
 * @throws WaybillError `invalid_argument` when there are several slices and none of all examples;
 *   `data_loss` for a binary schema or anomalies that were read as statistics
 */
export function defaultDataset(statistics: DatasetFeatureStatisticsList): DatasetFeatureStatistics {
  if (isOfAnotherKind(statistics)) {
    throw new WaybillError(
      "data_loss",
      "What was given as statistics is a message of another kind.",
      {
        hint: "Is it a schema or anomalies? Check that the files are not mixed up.",
      },
    );
  }
  const [only, ...others] = statistics.datasets;
  if (only !== undefined && others.length === 0) return only;
  const whole = statistics.datasets.find((dataset) => dataset.name === DEFAULT_SLICE);
  if (whole !== undefined) return whole;
  if (only === undefined) {
    throw new WaybillError("invalid_argument", "The statistics hold no dataset.", {
      hint: "Is this a file of statistics? An empty file is one of no datasets.",
    });
  }
  const names = statistics.datasets.slice(0, 5).map((dataset) => `"${dataset.name}"`);
  throw new WaybillError(
    "invalid_argument",
    `The statistics hold ${statistics.datasets.length} datasets (${names.join(", ")}) and none is "${DEFAULT_SLICE}".`,
    { hint: "Give statistics of one dataset, or sliced ones with the slice of all examples." },
  );
}

/** Fields that anomalies have beside their baseline, and statistics never had. */
const FOREIGN_FIELDS: ReadonlySet<number> = new Set([2, 3, 7]);

/** Fields that a feature of a schema has, and a dataset never had: type, domains, environments, stage. */
const FOREIGN_DATASET_FIELDS: ReadonlySet<number> = new Set([6, 7, 13, 14, 19, 20, 22, 23]);

/** A binary schema parses as statistics, since both begin with a list of named things. */
function isOfAnotherKind({ $unknown, datasets }: DatasetFeatureStatisticsList): boolean {
  return (
    ($unknown?.some(({ no }) => FOREIGN_FIELDS.has(no)) ?? false) ||
    datasets.some((dataset) => dataset.$unknown?.some(({ no }) => FOREIGN_DATASET_FIELDS.has(no)))
  );
}

/** What a view is made with beside the statistics. */
export interface ViewOptions {
  /** Count by weight or by example. By default by weight when every feature has weighted counts. */
  readonly byWeight?: boolean;
  readonly environment?: string | undefined;
  /** Control datasets: the span before, what is served, the version before. */
  readonly previousSpan?: DatasetView | undefined;
  readonly serving?: DatasetView | undefined;
  readonly previousVersion?: DatasetView | undefined;
}

/** Statistics of one dataset, read the way schema rules speak: paths, parents, counts by weight. */
export class DatasetView {
  readonly byWeight: boolean;
  readonly environment: string | undefined;
  readonly previousSpan: DatasetView | undefined;
  readonly serving: DatasetView | undefined;
  readonly previousVersion: DatasetView | undefined;
  /** Every feature that has statistics, in the order of the file. */
  readonly features: readonly FeatureView[];
  readonly #byPath: ReadonlyMap<string, FeatureView>;
  readonly #statistics: DatasetFeatureStatistics;

  /**
   * @throws WaybillError `invalid_argument` when features are given both by name and by path, or twice
   */
  constructor(statistics: DatasetFeatureStatistics, options: ViewOptions = {}) {
    this.#statistics = statistics;
    this.environment = options.environment;
    this.previousSpan = options.previousSpan;
    this.serving = options.serving;
    this.previousVersion = options.previousVersion;
    this.features = viewsOf(statistics, this);
    this.#byPath = linkParents(this.features);
    this.byWeight = options.byWeight ?? this.#isWeighted();
  }

  /** Examples, or the sum of their weights when counted by weight. */
  get numExamples(): number {
    return this.byWeight ? this.#statistics.weightedNumExamples : this.exampleCount;
  }

  /** Examples, whatever their weight. */
  get exampleCount(): number {
    return Number(this.#statistics.numExamples);
  }

  /** Features that are no member of another. */
  get roots(): readonly FeatureView[] {
    return this.features.filter((feature) => feature.parent === undefined);
  }

  byPath(path: FeaturePath): FeatureView | undefined {
    return this.#byPath.get(pathKey(path));
  }

  #isWeighted(): boolean {
    if (this.#statistics.weightedNumExamples === 0) return false;
    return this.features.every(({ common }) => {
      if (common?.weightedCommonStats === undefined) return false;
      return (
        common.presenceAndValencyStats.length === common.weightedPresenceAndValencyStats.length
      );
    });
  }
}

/** Least and most values of a feature at one level of nesting. */
export interface Valency {
  readonly min: number;
  readonly max: number;
}

/** Statistics of one feature. Counts are by weight when the dataset's are. */
export class FeatureView {
  readonly path: FeaturePath;
  readonly statistics: FeatureNameStatistics;
  readonly dataset: DatasetView;
  parent: FeatureView | undefined;
  readonly children: FeatureView[] = [];
  #labelCounts: ReadonlyMap<string, number> | undefined;

  constructor(path: FeaturePath, statistics: FeatureNameStatistics, dataset: DatasetView) {
    this.path = path;
    this.statistics = statistics;
    this.dataset = dataset;
  }

  get type(): FeatureNameStatistics_Type {
    return this.statistics.type;
  }

  /** The type a schema would give this feature: STRING data is BYTES in a schema. */
  get featureType(): FeatureType {
    return SCHEMA_TYPES[this.type] ?? FeatureType.TYPE_UNKNOWN;
  }

  /** Undefined for what has no values of its own: sparse and weighted features. */
  get common(): CommonStatistics | undefined {
    return this.statistics.stats.value?.commonStats;
  }

  /** Examples that have the feature; of a member, values of its parent that have it. */
  get numPresent(): number {
    if (this.dataset.byWeight) return this.common?.weightedCommonStats?.numNonMissing ?? 0;
    return Number(this.common?.numNonMissing ?? 0);
  }

  get numMissing(): number {
    if (this.dataset.byWeight) return this.common?.weightedCommonStats?.numMissing ?? 0;
    return Number(this.common?.numMissing ?? 0);
  }

  /** Missing at each level of nesting, at least one entry. */
  get numMissingByLevel(): readonly number[] {
    const levels = this.dataset.byWeight
      ? this.common?.weightedPresenceAndValencyStats
      : this.common?.presenceAndValencyStats;
    if (levels === undefined || levels.length === 0) return [this.numMissing];
    return levels.map((level) => Number(level.numMissing));
  }

  /** Fewest and most values at each level of nesting, at least one entry. */
  get valency(): readonly Valency[] {
    const levels = this.common?.presenceAndValencyStats ?? [];
    const counts = levels.length > 0 ? levels : [this.common];
    return counts.map((level) => ({
      min: Number(level?.minNumValues ?? 0),
      max: Number(level?.maxNumValues ?? 0),
    }));
  }

  get isNested(): boolean {
    return (this.common?.presenceAndValencyStats.length ?? 0) > 1;
  }

  /** Undefined when there are no examples. Exactly 1 when none is missing, whatever the rounding. */
  get fractionPresent(): number | undefined {
    const { numExamples } = this.dataset;
    if (numExamples <= 0) return undefined;
    return this.numMissing === 0 ? 1 : this.numPresent / numExamples;
  }

  /** Values over all examples. Old files lack the total; then it is examples times their average. */
  get totalValueCount(): number {
    if (this.dataset.byWeight) return this.common?.weightedCommonStats?.totNumValues ?? 0;
    const total = Number(this.common?.totNumValues ?? 0);
    if (total !== 0) return total;
    return Number(this.common?.numNonMissing ?? 0) * (this.common?.avgNumValues ?? 0);
  }

  /** How often each label of the rank histogram was seen, labels in the order of their bytes. */
  get labelCounts(): ReadonlyMap<string, number> {
    this.#labelCounts ??= this.#countLabels();
    return this.#labelCounts;
  }

  get hasInvalidUtf8(): boolean {
    const { stats } = this.statistics;
    return stats.case === "stringStats" && stats.value.invalidUtf8Count > 0n;
  }

  /** Distinct values; undefined when they were not counted. */
  get numUnique(): number | undefined {
    const { stats } = this.statistics;
    return stats.case === "stringStats" ? Number(stats.value.unique) : undefined;
  }

  /** The histogram of a kind, or undefined for what has none. */
  histogram(kind: Histogram_HistogramType): Histogram | undefined {
    const { stats } = this.statistics;
    if (stats.case !== "numStats") return undefined;
    const histograms = this.dataset.byWeight
      ? (stats.value.weightedNumericStats?.histograms ?? [])
      : stats.value.histograms;
    return histograms.find((histogram) => histogram.type === kind);
  }

  customStatistic(name: string): CustomStatistic | undefined {
    return this.statistics.customStats.find((statistic) => statistic.name === name);
  }

  #countLabels(): ReadonlyMap<string, number> {
    const { stats } = this.statistics;
    if (stats.case !== "stringStats") return new Map();
    const histogram = this.dataset.byWeight
      ? stats.value.weightedStringStats?.rankHistogram
      : stats.value.rankHistogram;
    const counts = new Map<string, number>();
    for (const bucket of histogram?.buckets ?? []) {
      if (!counts.has(bucket.label)) counts.set(bucket.label, bucket.sampleCount);
    }
    return new Map([...counts].sort(([a], [b]) => compareBytes(a, b)));
  }
}

const SCHEMA_TYPES: Readonly<Record<number, FeatureType>> = {
  [FeatureNameStatistics_Type.INT]: FeatureType.INT,
  [FeatureNameStatistics_Type.FLOAT]: FeatureType.FLOAT,
  [FeatureNameStatistics_Type.STRING]: FeatureType.BYTES,
  [FeatureNameStatistics_Type.BYTES]: FeatureType.BYTES,
  [FeatureNameStatistics_Type.STRUCT]: FeatureType.STRUCT,
};

/** Views of the features that hold anything; a placeholder without statistics is left out. */
function viewsOf(statistics: DatasetFeatureStatistics, dataset: DatasetView): FeatureView[] {
  const byPath = statistics.features.filter((feature) => feature.fieldId.case === "path");
  if (byPath.length > 0 && byPath.length < statistics.features.length) {
    throw new WaybillError(
      "invalid_argument",
      "Some features of the statistics have a name and others a path.",
      { hint: "Write all of them with `path`." },
    );
  }
  const present = statistics.features.filter(
    (feature) => feature.stats.case !== undefined || feature.customStats.length > 0,
  );
  if (byPath.length > 0) {
    return present.map((feature) => {
      const steps = feature.fieldId.case === "path" ? feature.fieldId.value.step : [];
      return new FeatureView(steps, feature, dataset);
    });
  }
  const paths = pathsOfNames(present);
  return present.map(
    (feature) => new FeatureView(paths.get(nameOf(feature)) ?? [], feature, dataset),
  );
}

function nameOf(feature: FeatureNameStatistics): string {
  return feature.fieldId.case === "name" ? feature.fieldId.value : "";
}

/**
 * Old statistics give names instead of paths: a feature whose name begins with that of a STRUCT is its
 * member, and one more character separates the two.
 */
function pathsOfNames(features: readonly FeatureNameStatistics[]): Map<string, FeaturePath> {
  const ordered = [...features].sort((a, b) => compareBytes(nameOf(a), nameOf(b)));
  const paths = new Map<string, FeaturePath>();
  const ancestors: string[] = [];
  for (const feature of ordered) {
    const name = nameOf(feature);
    while (ancestors.length > 0 && !isMemberOf(name, ancestors.at(-1) ?? "")) ancestors.pop();
    const parent = ancestors.at(-1);
    const step = parent === undefined ? name : name.slice(parent.length + 1);
    paths.set(name, [...(parent === undefined ? [] : (paths.get(parent) ?? [])), step]);
    if (feature.type === FeatureNameStatistics_Type.STRUCT) ancestors.push(name);
  }
  return paths;
}

function isMemberOf(name: string, ancestor: string): boolean {
  return name.length > ancestor.length && name.startsWith(ancestor);
}

function linkParents(features: readonly FeatureView[]): ReadonlyMap<string, FeatureView> {
  const byPath = new Map<string, FeatureView>();
  for (const feature of features) {
    const key = pathKey(feature.path);
    if (byPath.has(key)) {
      throw new WaybillError(
        "invalid_argument",
        `The statistics hold the feature "${serializePath(feature.path)}" twice.`,
        { hint: "Rename one of the columns, or make the statistics again." },
      );
    }
    byPath.set(key, feature);
  }
  for (const feature of [...features].sort((a, b) => comparePaths(a.path, b.path))) {
    const parent =
      feature.path.length > 1 ? byPath.get(pathKey(feature.path.slice(0, -1))) : undefined;
    if (parent === undefined) continue;
    feature.parent = parent;
    parent.children.push(feature);
  }
  return byPath;
}
