import { create } from "@bufbuild/protobuf";
import { PathSchema } from "../../gen/tensorflow_metadata/proto/v0/path_pb.ts";
import {
  type CommonStatistics,
  CommonStatisticsSchema,
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
  DatasetFeatureStatisticsSchema,
  type FeatureNameStatistics,
  FeatureNameStatistics_Type,
  FeatureNameStatisticsSchema,
  Histogram_BucketSchema,
  Histogram_HistogramType,
  HistogramSchema,
  NumericStatisticsSchema,
  RankHistogram_BucketSchema,
  RankHistogramSchema,
  StringStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";

/** The values of a column: texts, or numbers (bigint for integers), null where one is missing. */
export type ColumnValues = readonly (string | number | bigint | null)[];

/** True statistics of small columns, counted here so that tests can say what data they mean. */
export function statisticsOf(
  columns: Readonly<Record<string, ColumnValues>>,
  options: { readonly numExamples?: number; readonly dataset?: string } = {},
): DatasetFeatureStatisticsList {
  const length = Math.max(0, ...Object.values(columns).map((values) => values.length));
  return create(DatasetFeatureStatisticsListSchema, {
    datasets: [
      create(DatasetFeatureStatisticsSchema, {
        name: options.dataset ?? "",
        numExamples: BigInt(options.numExamples ?? length),
        features: Object.entries(columns).map(([name, values]) => featureOf(name, values)),
      }),
    ],
  });
}

function featureOf(name: string, values: ColumnValues): FeatureNameStatistics {
  const present = values.filter((value) => value !== null);
  const common = commonOf(present.length, values.length);
  const isText = present.length === 0 || present.some((value) => typeof value === "string");
  const isInt = !isText && present.every((value) => typeof value === "bigint");
  const path = create(PathSchema, { step: [name] });
  return create(FeatureNameStatisticsSchema, {
    fieldId: { case: "path", value: path },
    type: isText
      ? FeatureNameStatistics_Type.STRING
      : isInt
        ? FeatureNameStatistics_Type.INT
        : FeatureNameStatistics_Type.FLOAT,
    stats: isText
      ? textStatistics(present.map(String), common)
      : numbers(present.map(Number), common),
  });
}

function commonOf(presentCount: number, count: number): CommonStatistics {
  const each = presentCount === 0 ? 0n : 1n;
  return create(CommonStatisticsSchema, {
    numNonMissing: BigInt(presentCount),
    numMissing: BigInt(count - presentCount),
    minNumValues: each,
    maxNumValues: each,
    avgNumValues: Number(each),
    totNumValues: BigInt(presentCount),
  });
}

function textStatistics(
  texts: readonly string[],
  commonStats: CommonStatistics,
): FeatureNameStatistics["stats"] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const buckets = [...counts].map(([label, sampleCount], rank) =>
    create(RankHistogram_BucketSchema, {
      label,
      sampleCount,
      lowRank: BigInt(rank),
      highRank: BigInt(rank),
    }),
  );
  const value = create(StringStatisticsSchema, {
    commonStats,
    unique: BigInt(counts.size),
    rankHistogram: create(RankHistogramSchema, { buckets }),
  });
  return { case: "stringStats", value };
}

function numbers(
  values: readonly number[],
  commonStats: CommonStatistics,
): FeatureNameStatistics["stats"] {
  const finite = values.filter((value) => !Number.isNaN(value));
  const min = Math.min(...finite);
  const max = Math.max(...finite);
  const value = create(NumericStatisticsSchema, {
    commonStats,
    min,
    max,
    histograms: [
      create(HistogramSchema, {
        type: Histogram_HistogramType.STANDARD,
        numNan: BigInt(values.length - finite.length),
        buckets: bucketsOf(finite, min, max),
      }),
    ],
  });
  return { case: "numStats", value };
}

function bucketsOf(values: readonly number[], min: number, max: number) {
  const bucketCount = min === max ? 1 : 10;
  const width = (max - min) / bucketCount;
  return Array.from({ length: bucketCount }, (_, index) => {
    const lowValue = min + index * width;
    const highValue = index === bucketCount - 1 ? max : min + (index + 1) * width;
    const isInside = (value: number): boolean =>
      (value > lowValue || (index === 0 && value === lowValue)) && value <= highValue;
    return create(Histogram_BucketSchema, {
      lowValue,
      highValue,
      sampleCount: values.filter(isInside).length,
    });
  });
}
