import { isUtf8 } from "node:buffer";
import { create } from "@bufbuild/protobuf";
import {
  type CommonStatistics,
  CommonStatisticsSchema,
  type DatasetFeatureStatistics,
  DatasetFeatureStatisticsSchema,
  type FeatureNameStatistics,
  FeatureNameStatisticsSchema,
  type NumericStatistics,
  NumericStatisticsSchema,
  type StringStatistics,
  StringStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { lengthsHistogram, medianOf, quantilesHistogram, standardHistogram } from "./histograms.ts";
import type { NumericPartial } from "./numeric.ts";
import type { Sizes } from "./options.ts";
import {
  type DatasetPartial,
  type FeaturePartial,
  type StringPartial,
  typeOfKind,
} from "./partial.ts";

/** What TFDV prints for a value that is not UTF-8. */
const NOT_UTF8 = "__BYTES_VALUE__";

/** The statistics of a dataset from its counts, features in the order of the data. */
export function finishDataset(partial: DatasetPartial, sizes: Sizes): DatasetFeatureStatistics {
  return create(DatasetFeatureStatisticsSchema, {
    name: partial.name,
    numExamples: BigInt(partial.examples),
    features: partial.features.map((feature) => finishFeature(feature, partial.examples, sizes)),
  });
}

function finishFeature(
  feature: FeaturePartial,
  examples: number,
  sizes: Sizes,
): FeatureNameStatistics {
  const commonStats = finishCommon(feature, examples, sizes);
  return create(FeatureNameStatisticsSchema, {
    fieldId: { case: "path", value: { step: [...feature.path] } },
    type: typeOfKind(feature.kind),
    stats: statsOf(feature, commonStats, sizes),
    customStats:
      feature.domainInfo === undefined
        ? []
        : [{ name: "domain_info", val: { case: "str", value: feature.domainInfo } }],
  });
}

function statsOf(
  feature: FeaturePartial,
  commonStats: CommonStatistics,
  sizes: Sizes,
): FeatureNameStatistics["stats"] {
  switch (feature.kind) {
    case "int":
    case "float":
      return { case: "numStats", value: finishNumeric(feature.numeric, commonStats, sizes) };
    case "string":
    case "unknown":
      return { case: "stringStats", value: finishStrings(feature.strings, commonStats, sizes) };
    default:
      return { case: undefined };
  }
}

function finishCommon(feature: FeaturePartial, examples: number, sizes: Sizes): CommonStatistics {
  const { present, lengths } = feature;
  const common = create(CommonStatisticsSchema, {
    numNonMissing: BigInt(present),
    numMissing: BigInt(examples - present),
  });
  if (present === 0) return common;
  let total = 0;
  for (const [length, count] of lengths) total += length * count;
  common.minNumValues = BigInt(Math.min(...lengths.keys()));
  common.maxNumValues = BigInt(Math.max(...lengths.keys()));
  common.totNumValues = BigInt(total);
  common.avgNumValues = Math.fround(total / present);
  common.numValuesHistogram = lengthsHistogram(lengths, sizes.valueCountBuckets);
  return common;
}

function finishNumeric(
  numeric: NumericPartial | undefined,
  commonStats: CommonStatistics,
  sizes: Sizes,
): NumericStatistics {
  const statistics = create(NumericStatisticsSchema, { commonStats });
  if (numeric === undefined || (commonStats.totNumValues === 0n && numeric.nan === 0)) {
    return statistics;
  }
  statistics.histograms = [
    standardHistogram(numeric, sizes.standardBuckets),
    quantilesHistogram(numeric, sizes.quantileBuckets),
  ];
  const infinities = numeric.positiveInfinity + numeric.negativeInfinity;
  if (numeric.count + infinities === 0) return statistics;
  statistics.numZeros = BigInt(numeric.zeros);
  statistics.median = medianOf(numeric);
  statistics.min = numeric.negativeInfinity > 0 ? Number.NEGATIVE_INFINITY : numeric.min;
  statistics.max = numeric.positiveInfinity > 0 ? Number.POSITIVE_INFINITY : numeric.max;
  // With an infinity TFDV has no mean and leaves the deviation out.
  statistics.mean = infinities > 0 ? Number.NaN : numeric.mean;
  if (infinities === 0) statistics.stdDev = Math.sqrt(Math.max(0, numeric.m2 / numeric.count));
  return statistics;
}

function finishStrings(
  strings: StringPartial | undefined,
  commonStats: CommonStatistics,
  sizes: Sizes,
): StringStatistics {
  const statistics = create(StringStatisticsSchema, { commonStats });
  if (strings === undefined || strings.count === 0) return statistics;
  const ranked = strings.table
    .top(Math.max(sizes.topValues, sizes.rankBuckets))
    .filter(({ count }) => count >= sizes.frequencyThreshold)
    .map(({ bytes, count }) => ({ label: labelOf(bytes), count }));
  statistics.unique = BigInt(strings.unique);
  statistics.avgLength = Math.fround(strings.totalBytes / strings.count);
  statistics.invalidUtf8Count = BigInt(strings.invalidUtf8);
  const filled = create(StringStatisticsSchema, {
    topValues: ranked
      .slice(0, sizes.topValues)
      .map(({ label, count }) => ({ value: label, frequency: count })),
    rankHistogram: {
      buckets: ranked.slice(0, sizes.rankBuckets).map(({ label, count }, rank) => ({
        lowRank: BigInt(rank),
        highRank: BigInt(rank),
        label,
        sampleCount: count,
      })),
    },
  });
  statistics.topValues = filled.topValues;
  if (filled.rankHistogram !== undefined) statistics.rankHistogram = filled.rankHistogram;
  return statistics;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function labelOf(bytes: Uint8Array): string {
  return isUtf8(bytes) ? decoder.decode(bytes) : NOT_UTF8;
}
