import { isUtf8 } from "node:buffer";
import { create } from "@bufbuild/protobuf";
import {
  type BytesStatistics,
  BytesStatisticsSchema,
  type CommonStatistics,
  CommonStatisticsSchema,
  type CustomStatistic,
  CustomStatisticSchema,
  type DatasetFeatureStatistics,
  DatasetFeatureStatisticsSchema,
  type FeatureNameStatistics,
  FeatureNameStatistics_Type,
  FeatureNameStatisticsSchema,
  type Histogram,
  type NumericStatistics,
  NumericStatisticsSchema,
  PresenceAndValencyStatisticsSchema,
  type StringStatistics,
  StringStatisticsSchema,
  StructStatisticsSchema,
  type WeightedCommonStatistics,
  WeightedCommonStatisticsSchema,
  WeightedNumericStatisticsSchema,
  type WeightedStringStatistics,
  WeightedStringStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import {
  interpolatedHistogram,
  medianOf,
  quantilesHistogram,
  type Spread,
  spreadOfLengths,
  standardHistogram,
} from "./histograms.ts";
import { linkedStatistics } from "./linked.ts";
import type { Sizes } from "./options.ts";
import type { DatasetPartial, FeatureKind, FeaturePartial, LevelPartial } from "./partial.ts";
import { domainInfo, semanticStatistics } from "./semantic.ts";
import type { StringPartial } from "./string-partial.ts";
import type { StringTable } from "./string-table.ts";

/** What TFDV prints for a value that is not UTF-8. */
const NOT_UTF8 = "__BYTES_VALUE__";

/** The statistics of a dataset from its counts, features in the order of the data. */
export function finishDataset(partial: DatasetPartial, sizes: Sizes): DatasetFeatureStatistics {
  return create(DatasetFeatureStatisticsSchema, {
    name: partial.name,
    numExamples: BigInt(partial.examples),
    weightedNumExamples: partial.weightedExamples ?? 0,
    features: [
      ...partial.features.map((feature) => finishFeature(feature, partial, sizes)),
      ...(partial.linked ?? []).map(linkedStatistics),
    ],
  });
}

function finishFeature(
  feature: FeaturePartial,
  dataset: DatasetPartial,
  sizes: Sizes,
): FeatureNameStatistics {
  const commonStats = finishCommon(feature, dataset, sizes);
  return create(FeatureNameStatisticsSchema, {
    fieldId: { case: "path", value: { step: [...feature.path] } },
    type: typeOfKind(feature.kind),
    stats: statsOf(feature, commonStats, sizes),
    customStats: [
      ...levelStatistics(feature, sizes),
      ...(feature.domainInfo === undefined
        ? sizes.semanticDomains
          ? semanticStatistics(feature)
          : []
        : [domainInfo(feature.domainInfo)]),
    ],
  });
}

/** TFMD's type of a kind; a feature without values is STRING, as TFDV has it. */
function typeOfKind(kind: FeatureKind): FeatureNameStatistics_Type {
  switch (kind) {
    case "int":
      return FeatureNameStatistics_Type.INT;
    case "float":
      return FeatureNameStatistics_Type.FLOAT;
    case "bytes":
      return FeatureNameStatistics_Type.BYTES;
    case "struct":
      return FeatureNameStatistics_Type.STRUCT;
    case "string":
    case "unknown":
      return FeatureNameStatistics_Type.STRING;
    default:
      return kind satisfies never;
  }
}

function statsOf(
  feature: FeaturePartial,
  commonStats: CommonStatistics,
  sizes: Sizes,
): FeatureNameStatistics["stats"] {
  switch (feature.kind) {
    case "int":
    case "float":
      // Numbers that stand for categories have the statistics of their text.
      return feature.strings === undefined
        ? { case: "numStats", value: finishNumeric(feature, commonStats, sizes) }
        : { case: "stringStats", value: finishStrings(feature, commonStats, sizes) };
    case "string":
    case "unknown":
      return { case: "stringStats", value: finishStrings(feature, commonStats, sizes) };
    case "bytes":
      return { case: "bytesStats", value: finishBytes(feature.strings, commonStats) };
    case "struct":
      return { case: "structStats", value: create(StructStatisticsSchema, { commonStats }) };
    default:
      return feature.kind satisfies never;
  }
}

function finishCommon(
  feature: FeaturePartial,
  dataset: DatasetPartial,
  sizes: Sizes,
): CommonStatistics {
  const { present, lengths, rows, levels, weighted } = feature;
  const common = create(CommonStatisticsSchema, {
    numNonMissing: BigInt(present),
    numMissing: BigInt((rows?.count ?? dataset.examples) - present),
  });
  if (present > 0) {
    const total = valuesIn(lengths);
    const spread = spreadOfLengths(lengths);
    common.minNumValues = BigInt(spread.min);
    common.maxNumValues = BigInt(spread.max);
    common.totNumValues = BigInt(total);
    common.avgNumValues = Math.fround(total / present);
    common.numValuesHistogram = quantilesHistogram(spread, sizes.valueCountBuckets);
  }
  if (levels !== undefined) addLevels(common, levels, rows?.count ?? dataset.examples);
  if (weighted !== undefined) {
    const rowsWeight = rows?.weight ?? dataset.weightedExamples ?? 0;
    common.weightedCommonStats = weightedCommon(weighted.present, weighted.total, rowsWeight);
    if (levels !== undefined) addWeightedLevels(common, levels, rowsWeight);
  }
  return common;
}

/** How many values the rows have in all. */
function valuesIn(lengths: ReadonlyMap<number, number>): number {
  let total = 0;
  for (const [length, count] of lengths) total += length * count;
  return total;
}

/** Lists of one level are the rows of the next. */
function addLevels(common: CommonStatistics, levels: readonly LevelPartial[], rows: number): void {
  let above = rows;
  for (const { present, lengths } of levels) {
    const { min, max } = spreadOfLengths(lengths);
    const total = valuesIn(lengths);
    common.presenceAndValencyStats.push(
      create(PresenceAndValencyStatisticsSchema, {
        numNonMissing: BigInt(present),
        numMissing: BigInt(above - present),
        ...(present === 0
          ? {}
          : {
              minNumValues: BigInt(min),
              maxNumValues: BigInt(max),
              totNumValues: BigInt(total),
            }),
      }),
    );
    above = total;
  }
}

function addWeightedLevels(
  common: CommonStatistics,
  levels: readonly LevelPartial[],
  rowsWeight: number,
): void {
  let above = rowsWeight;
  for (const { weightedPresent, weightedTotal } of levels) {
    common.weightedPresenceAndValencyStats.push(
      weightedCommon(weightedPresent, weightedTotal, above),
    );
    above = weightedTotal;
  }
}

function weightedCommon(
  present: number,
  total: number,
  rowsWeight: number,
): WeightedCommonStatistics {
  return create(WeightedCommonStatisticsSchema, {
    numNonMissing: present,
    numMissing: rowsWeight - present,
    totNumValues: total,
    avgNumValues: present === 0 ? 0 : total / present,
  });
}

/** The lengths of lists below the first level, which `num_values_histogram` does not show. */
function levelStatistics({ levels = [] }: FeaturePartial, sizes: Sizes): CustomStatistic[] {
  return levels.slice(1).flatMap(({ lengths }, index) => {
    const quantiles = quantilesHistogram(spreadOfLengths(lengths), sizes.standardBuckets);
    const name = `level_${index + 2}_value_list_length`;
    return [
      customHistogram(`${name}_quantiles`, quantiles),
      customHistogram(`${name}_standard`, interpolatedHistogram(quantiles, sizes.standardBuckets)),
    ];
  });
}

function customHistogram(name: string, value: Histogram): CustomStatistic {
  return create(CustomStatisticSchema, { name, val: { case: "histogram", value } });
}

function finishNumeric(
  { numeric, weighted }: FeaturePartial,
  commonStats: CommonStatistics,
  sizes: Sizes,
): NumericStatistics {
  const statistics = create(NumericStatisticsSchema, { commonStats });
  if (numeric === undefined || commonStats.totNumValues === 0n) return statistics;
  statistics.histograms = histogramsOf(numeric, sizes);
  const infinities = numeric.positiveInfinity + numeric.negativeInfinity;
  if (numeric.count + infinities === 0) return statistics;
  statistics.numZeros = BigInt(numeric.zeros);
  statistics.median = medianOf(numeric);
  statistics.min = numeric.negativeInfinity > 0 ? Number.NEGATIVE_INFINITY : numeric.min;
  statistics.max = numeric.positiveInfinity > 0 ? Number.POSITIVE_INFINITY : numeric.max;
  // With an infinity TFDV has no mean and leaves the deviation out.
  statistics.mean = infinities > 0 ? Number.NaN : numeric.mean;
  if (infinities === 0) statistics.stdDev = Math.sqrt(Math.max(0, numeric.m2 / numeric.count));
  if (weighted?.numeric === undefined) return statistics;
  const { weight, mean, m2 } = weighted.numeric;
  const { min, max, nan } = numeric;
  const spread: Spread = { ...weighted.numeric, min, max, nan };
  statistics.weightedNumericStats = create(WeightedNumericStatisticsSchema, {
    mean: infinities > 0 ? Number.NaN : mean,
    stdDev: infinities > 0 || weight === 0 ? 0 : Math.sqrt(Math.max(0, m2 / weight)),
    median: medianOf(spread),
    histograms: histogramsOf(spread, sizes),
  });
  return statistics;
}

function histogramsOf(spread: Spread, sizes: Sizes): Histogram[] {
  return [
    standardHistogram(spread, sizes.standardBuckets),
    quantilesHistogram(spread, sizes.quantileBuckets),
  ];
}

function finishStrings(
  { strings, weighted }: FeaturePartial,
  commonStats: CommonStatistics,
  sizes: Sizes,
): StringStatistics {
  const statistics = create(StringStatisticsSchema, { commonStats });
  if (strings === undefined || strings.count === 0) return statistics;
  statistics.unique = BigInt(strings.unique);
  statistics.avgLength = Math.fround(strings.totalBytes / strings.count);
  statistics.invalidUtf8Count = BigInt(strings.invalidUtf8);
  const ranked = rank(strings.table, sizes, sizes.frequencyThreshold);
  statistics.topValues = ranked.topValues;
  if (ranked.rankHistogram) statistics.rankHistogram = ranked.rankHistogram;
  if (weighted?.strings !== undefined) {
    statistics.weightedStringStats = rank(
      weighted.strings,
      sizes,
      sizes.weightedFrequencyThreshold,
    );
  }
  return statistics;
}

/** The most frequent values, twice: as the few at the top and as the histogram of ranks. */
function rank(table: StringTable, sizes: Sizes, threshold: number): WeightedStringStatistics {
  const ranked = table
    .top(Math.max(sizes.topValues, sizes.rankBuckets))
    .filter(({ count }) => count >= threshold)
    .map(({ bytes, count }) => ({ label: labelOf(bytes), count }));
  return create(WeightedStringStatisticsSchema, {
    topValues: ranked
      .slice(0, sizes.topValues)
      .map(({ label, count }) => ({ value: label, frequency: count })),
    rankHistogram: {
      buckets: ranked.slice(0, sizes.rankBuckets).map(({ label, count }, index) => ({
        lowRank: BigInt(index),
        highRank: BigInt(index),
        label,
        sampleCount: count,
      })),
    },
  });
}

function finishBytes(
  strings: StringPartial | undefined,
  commonStats: CommonStatistics,
): BytesStatistics {
  const statistics = create(BytesStatisticsSchema, { commonStats });
  if (strings === undefined || strings.count === 0) return statistics;
  statistics.avgNumBytes = Math.fround(strings.totalBytes / strings.count);
  statistics.minNumBytes = Math.fround(strings.minBytes ?? 0);
  statistics.maxNumBytes = Math.fround(strings.maxBytes ?? 0);
  statistics.maxNumBytesInt = BigInt(strings.maxBytes ?? 0);
  return statistics;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function labelOf(bytes: Uint8Array): string {
  return isUtf8(bytes) ? decoder.decode(bytes) : NOT_UTF8;
}
