import type {
  CommonStatistics,
  DatasetFeatureStatisticsList,
  FeatureNameStatistics,
  Histogram,
  NumericStatistics,
  RankHistogram,
  StringStatistics,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { Histogram_HistogramType } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";

/** How much of a histogram's mass a rank may be off: TFDV's own sketches promise 0.01. */
const RANK_TOLERANCE = 0.05;

/**
 * What differs between statistics of TFDV and ours, one line each. Counts, extremes and orders of
 * values must be equal; moments within 1e-6; medians and histograms by rank.
 */
export function compareStatistics(
  want: DatasetFeatureStatisticsList,
  got: DatasetFeatureStatisticsList,
): string[] {
  const differences: string[] = [];
  const say = (path: string, expected: unknown, actual: unknown) =>
    differences.push(`${path}: expected ${show(expected)}, got ${show(actual)}`);
  const wanted = new Map(want.datasets.map((dataset) => [dataset.name, dataset]));
  const names = got.datasets.map(({ name }) => name);
  if (names.toSorted().join() !== [...wanted.keys()].toSorted().join()) {
    say("datasets", [...wanted.keys()], names);
    return differences;
  }
  for (const dataset of got.datasets) {
    const expected = wanted.get(dataset.name)!;
    const where = `{${dataset.name}}`;
    if (dataset.numExamples !== expected.numExamples) {
      say(`${where}.num_examples`, expected.numExamples, dataset.numExamples);
    }
    if (!near(dataset.weightedNumExamples, expected.weightedNumExamples)) {
      say(
        `${where}.weighted_num_examples`,
        expected.weightedNumExamples,
        dataset.weightedNumExamples,
      );
    }
    const features = new Map(expected.features.map((feature) => [pathOf(feature), feature]));
    const paths = dataset.features.map(pathOf);
    if (paths.toSorted().join() !== [...features.keys()].toSorted().join()) {
      say(`${where}.features`, [...features.keys()], paths);
      continue;
    }
    for (const feature of dataset.features) {
      compareFeature(features.get(pathOf(feature))!, feature, `${where}${pathOf(feature)}`, say);
    }
  }
  return differences;
}

type Say = (path: string, expected: unknown, actual: unknown) => void;

function pathOf(feature: FeatureNameStatistics): string {
  return feature.fieldId.case === "path" ? feature.fieldId.value.step.join(".") : "";
}

function compareFeature(
  want: FeatureNameStatistics,
  got: FeatureNameStatistics,
  where: string,
  say: Say,
): void {
  if (want.type !== got.type) say(`${where}.type`, want.type, got.type);
  if (want.stats.case !== got.stats.case) {
    say(`${where}.stats`, want.stats.case, got.stats.case);
    return;
  }
  compareCommon(want.stats.value?.commonStats, got.stats.value?.commonStats, where, say);
  if (want.stats.case === "numStats" && got.stats.case === "numStats") {
    compareNumeric(want.stats.value, got.stats.value, where, say);
  }
  if (want.stats.case === "stringStats" && got.stats.case === "stringStats") {
    compareStrings(want.stats.value, got.stats.value, where, say);
  }
  if (want.stats.case === "bytesStats" && got.stats.case === "bytesStats") {
    compareFields(want.stats.value, got.stats.value, where, say);
  }
  const custom = new Map(want.customStats.map((statistic) => [statistic.name, statistic.val]));
  if (custom.size !== got.customStats.length) {
    say(
      `${where}.custom_stats`,
      [...custom.keys()],
      got.customStats.map(({ name }) => name),
    );
  }
  for (const { name, val } of got.customStats) {
    const expected = custom.get(name);
    if (val.case === "rankHistogram" && expected?.case === "rankHistogram") {
      compareRanks(labelsOf(expected.value), labelsOf(val.value), `${where}.${name}`, say);
    } else if (val.case === "histogram" && expected?.case === "histogram") {
      compareHistogram(expected.value, val.value, `${where}.${name}`, say);
    } else if (val.case !== expected?.case || !equalValues(val.value, expected?.value)) {
      say(`${where}.${name}`, expected?.value, val.value);
    }
  }
}

function compareCommon(
  want: CommonStatistics | undefined,
  got: CommonStatistics | undefined,
  where: string,
  say: Say,
): void {
  if (want === undefined || got === undefined) {
    if (want !== got) say(`${where}.common_stats`, want, got);
    return;
  }
  compareFields(want, got, where, say);
  compareHistogram(want.numValuesHistogram, got.numValuesHistogram, `${where}.num_values`, say);
  compareFields(want.weightedCommonStats, got.weightedCommonStats, `${where}.weighted`, say);
  compareLists(want.presenceAndValencyStats, got.presenceAndValencyStats, `${where}.levels`, say);
  compareLists(
    want.weightedPresenceAndValencyStats,
    got.weightedPresenceAndValencyStats,
    `${where}.weighted_levels`,
    say,
  );
}

function compareLists(want: readonly object[], got: readonly object[], where: string, say: Say) {
  if (want.length !== got.length) say(`${where}.length`, want.length, got.length);
  for (const [index, item] of want.entries()) {
    compareFields(item, got[index] ?? {}, `${where}[${index}]`, say);
  }
}

function compareNumeric(
  want: NumericStatistics,
  got: NumericStatistics,
  where: string,
  say: Say,
): void {
  compareFields({ ...want, median: 0 }, { ...got, median: 0 }, where, say);
  compareMedian(want, got, where, say);
  compareHistograms(want.histograms, got.histograms, where, say);
  const [expected, actual] = [want.weightedNumericStats, got.weightedNumericStats];
  if (expected === undefined || actual === undefined) {
    if (expected !== actual) say(`${where}.weighted_numeric_stats`, expected, actual);
    return;
  }
  compareFields({ ...expected, median: 0 }, { ...actual, median: 0 }, `${where}.weighted`, say);
  compareMedian(expected, actual, `${where}.weighted`, say);
  compareHistograms(expected.histograms, actual.histograms, `${where}.weighted`, say);
}

function compareMedian(
  want: { readonly median: number; readonly histograms: readonly Histogram[] },
  got: { readonly median: number },
  where: string,
  say: Say,
): void {
  const histogram = want.histograms.at(-1);
  if (near(want.median, got.median) || histogram === undefined) return;
  const total = totalOf(histogram);
  const [low, high] = bandAt(histogram, got.median);
  const tolerance = RANK_TOLERANCE + 1 / total;
  if (low - tolerance > 0.5 || high + tolerance < 0.5)
    say(`${where}.median`, want.median, got.median);
}

function compareHistograms(
  want: readonly Histogram[],
  got: readonly Histogram[],
  where: string,
  say: Say,
): void {
  if (want.length !== got.length) say(`${where}.histograms`, want.length, got.length);
  for (const [index, histogram] of want.entries()) {
    compareHistogram(histogram, got[index], `${where}.histograms[${index}]`, say);
  }
}

function compareHistogram(
  want: Histogram | undefined,
  got: Histogram | undefined,
  where: string,
  say: Say,
): void {
  if (want === undefined || got === undefined) {
    if (want !== got) say(where, want, got);
    return;
  }
  if (want.type !== got.type || want.numNan !== got.numNan || want.name !== got.name) {
    say(where, [want.type, want.numNan, want.name], [got.type, got.numNan, got.name]);
  }
  if (want.buckets.length !== got.buckets.length) {
    say(`${where}.buckets`, want.buckets.length, got.buckets.length);
    return;
  }
  const isStandard = want.type === Histogram_HistogramType.STANDARD;
  for (const [index, bucket] of want.buckets.entries()) {
    const actual = got.buckets[index]!;
    const isLast = index === want.buckets.length - 1;
    if ((isStandard || index === 0) && !near(bucket.lowValue, actual.lowValue, 1e-5)) {
      say(`${where}[${index}].low_value`, bucket.lowValue, actual.lowValue);
    }
    if ((isStandard || isLast) && !near(bucket.highValue, actual.highValue, 1e-5)) {
      say(`${where}[${index}].high_value`, bucket.highValue, actual.highValue);
    }
  }
  const total = totalOf(want);
  if (!near(total, totalOf(got), 1e-4)) {
    say(`${where}.total`, total, totalOf(got));
    return;
  }
  if (total <= 0) return;
  for (const { lowValue, highValue } of [...want.buckets, ...got.buckets]) {
    for (const edge of [lowValue, highValue]) {
      if (!Number.isFinite(edge)) continue;
      const a = bandAt(want, edge);
      const b = bandAt(got, edge);
      if (Math.max(a[0] - b[1], b[0] - a[1]) > RANK_TOLERANCE + 1 / total) {
        say(`${where} mass up to ${edge}`, a, b);
        return;
      }
    }
  }
}

function totalOf(histogram: Histogram): number {
  return histogram.buckets.reduce((sum, bucket) => sum + bucket.sampleCount, 0);
}

/**
 * Between which fractions of the mass `x` lies: strictly below it, and not above it. Inside a bucket
 * the mass is taken as even, give or take half of it.
 */
function bandAt(histogram: Histogram, x: number): [number, number] {
  let low = 0;
  let high = 0;
  for (const { lowValue, highValue, sampleCount } of histogram.buckets) {
    if (highValue < x) {
      low += sampleCount;
      high += sampleCount;
    } else if (lowValue < x && x < highValue) {
      const share = (x - lowValue) / (highValue - lowValue);
      const even = Number.isFinite(share) ? share : 0.5;
      low += sampleCount * Math.max(0, even - 0.5);
      high += sampleCount * Math.min(1, even + 0.5);
    } else if (highValue === x) high += sampleCount;
  }
  const total = totalOf(histogram);
  return [low / total, high / total];
}

function compareStrings(
  want: StringStatistics,
  got: StringStatistics,
  where: string,
  say: Say,
): void {
  compareFields(want, got, where, say);
  compareRanks(valuesOf(want.topValues), valuesOf(got.topValues), `${where}.top_values`, say);
  compareRanks(labelsOf(want.rankHistogram), labelsOf(got.rankHistogram), `${where}.ranks`, say);
  const [expected, actual] = [want.weightedStringStats, got.weightedStringStats];
  if ((expected === undefined) !== (actual === undefined)) {
    say(`${where}.weighted_string_stats`, expected, actual);
  }
  compareRanks(
    valuesOf(expected?.topValues ?? []),
    valuesOf(actual?.topValues ?? []),
    `${where}.weighted.top_values`,
    say,
  );
  compareRanks(
    labelsOf(expected?.rankHistogram),
    labelsOf(actual?.rankHistogram),
    `${where}.weighted.ranks`,
    say,
  );
}

type Ranked = readonly (readonly [label: string, count: number])[];

function valuesOf(values: StringStatistics["topValues"]): Ranked {
  return values.map(({ value, frequency }) => [value, frequency]);
}

function labelsOf(histogram: RankHistogram | undefined): Ranked {
  return (histogram?.buckets ?? []).map(({ label, sampleCount }) => [label, sampleCount]);
}

/** Counts must be equal in order; labels of one count in any order, at the cut-off any of the tied. */
function compareRanks(want: Ranked, got: Ranked, where: string, say: Say): void {
  if (want.length !== got.length || want.some(([, count], i) => !near(count, got[i]![1]))) {
    say(where, want.slice(0, 5), got.slice(0, 5));
    return;
  }
  const last = want.at(-1)?.[1];
  for (const count of new Set(want.map((entry) => entry[1]))) {
    if (near(count, last ?? 0)) continue;
    const labels = (list: Ranked) =>
      list
        .flatMap(([label, n]) => (near(n, count) ? [label] : []))
        .sort()
        .join("\n");
    if (labels(want) !== labels(got)) say(`${where} of count ${count}`, labels(want), labels(got));
  }
}

/** Compares the plain numbers of two messages: integers exactly, others within 1e-6. */
function compareFields(
  want: object | undefined,
  got: object | undefined,
  where: string,
  say: Say,
): void {
  if (want === undefined || got === undefined) {
    if (want !== got) say(where, want, got);
    return;
  }
  const actual = new Map<string, unknown>(Object.entries(got));
  for (const [name, value] of Object.entries(want)) {
    if (typeof value !== "number" && typeof value !== "bigint") continue;
    if (!equalValues(value, actual.get(name))) say(`${where}.${name}`, value, actual.get(name));
  }
}

function equalValues(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") return near(a, b);
  return a === b;
}

function near(a: number, b: number, relative = 1e-6): boolean {
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= Math.max(1e-9, relative * Math.max(Math.abs(a), Math.abs(b)));
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}` : item));
  return (text ?? "nothing").slice(0, 200);
}
