import { create } from "@bufbuild/protobuf";
import { PathSchema } from "../../../gen/tensorflow_metadata/proto/v0/path_pb.ts";
import {
  type Feature,
  FeatureType,
  type Schema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  BytesStatisticsSchema,
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
  PresenceAndValencyStatisticsSchema,
  RankHistogram_BucketSchema,
  RankHistogramSchema,
  StringStatisticsSchema,
  StructStatisticsSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../../foundation/index.ts";
import { type FeaturePath, isCategorical, membersOf } from "../../schema/index.ts";

/** One value of an example. Booleans are integers 0 and 1, bytes are texts or opaque. */
export type ExampleScalar = string | number | bigint | boolean | Uint8Array;

/** What an example holds under a name: nothing, one value, several, nested lists, or a struct. */
export type ExampleValue =
  | ExampleScalar
  | null
  | undefined
  | readonly ExampleValue[]
  | { readonly [name: string]: ExampleValue };

/** One example: a row, a request to a model. A feature that is null or undefined is absent. */
export type Example = { readonly [name: string]: ExampleValue };

/** The statistics that a dataset of this one example has, of types that the schema helps to tell. */
export function statisticsOfExample(
  example: Example,
  schema: Schema,
): DatasetFeatureStatisticsList {
  const features = [...describeMembers(example, schema.feature, [])];
  return create(DatasetFeatureStatisticsListSchema, {
    datasets: [create(DatasetFeatureStatisticsSchema, { numExamples: 1n, features })],
  });
}

/** Whether a value is a struct, and not a list or bytes. */
export function isStruct(value: ExampleValue): value is { readonly [name: string]: ExampleValue } {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}

function* describeMembers(
  members: Example,
  features: readonly Feature[],
  parent: FeaturePath,
): Generator<FeatureNameStatistics> {
  for (const [name, value] of Object.entries(members)) {
    if (value === null || value === undefined) continue;
    const feature = features.find((candidate) => candidate.name === name);
    yield* describe([...parent, name], value, feature);
  }
}

function* describe(
  path: FeaturePath,
  value: ExampleValue,
  feature: Feature | undefined,
): Generator<FeatureNameStatistics> {
  const { leaves, levels } = flatten(value);
  const common = commonOf(levels);
  const fieldId = { case: "path" as const, value: create(PathSchema, { step: [...path] }) };
  const structs = leaves.filter(isStruct);
  if (structs.length > 0) {
    checkUniform(path, structs.length === leaves.length);
    yield create(FeatureNameStatisticsSchema, {
      fieldId,
      type: FeatureNameStatistics_Type.STRUCT,
      stats: {
        case: "structStats",
        value: create(StructStatisticsSchema, { commonStats: common }),
      },
    });
    // Members of several structs are described by the first that has them.
    const members: Record<string, ExampleValue> = {};
    for (const struct of structs) {
      for (const [name, member] of Object.entries(struct)) members[name] ??= member;
    }
    yield* describeMembers(members, feature === undefined ? [] : membersOf(feature), path);
    return;
  }
  // No struct is left, and flattening leaves neither lists nor nothing.
  const scalars = leaves as readonly ExampleScalar[];
  const stats = scalarStatistics(path, scalars, feature, common);
  yield create(FeatureNameStatisticsSchema, { fieldId, ...stats });
}

function scalarStatistics(
  path: FeaturePath,
  values: readonly ExampleScalar[],
  feature: Feature | undefined,
  common: CommonStatistics,
): Pick<FeatureNameStatistics, "type" | "stats"> {
  const areText = values.filter(
    (value) => typeof value === "string" || value instanceof Uint8Array,
  );
  const isText = values.length === 0 ? feature?.type === FeatureType.BYTES : areText.length > 0;
  if (isText) {
    checkUniform(path, areText.length === values.length);
    if (feature?.domainInfo.case === "imageDomain") return bytesStatistics(values, common);
    return { type: FeatureNameStatistics_Type.STRING, ...textStatistics(values, common) };
  }
  const numbers = values.map(Number);
  const isInteger =
    feature?.type === FeatureType.FLOAT && !values.some((value) => typeof value === "bigint")
      ? false
      : numbers.every((number) => Number.isInteger(number));
  const type = isInteger ? FeatureNameStatistics_Type.INT : FeatureNameStatistics_Type.FLOAT;
  const isCounted = feature?.domainInfo.case === "intDomain" && isCategorical(feature) && isInteger;
  if (isCounted) {
    // Texts went another way above, so these are whole numbers or booleans.
    const labels = values.map((value) => String(BigInt(value as number | bigint | boolean)));
    return { type, ...textStatistics(labels, common) };
  }
  return { type, ...numberStatistics(numbers, common) };
}

function numberStatistics(
  values: readonly number[],
  commonStats: CommonStatistics,
): Pick<FeatureNameStatistics, "stats"> {
  const known = values.filter((value) => !Number.isNaN(value));
  const [first, ...others] = known;
  const value = create(NumericStatisticsSchema, { commonStats });
  if (first !== undefined) {
    value.min = others.reduce((least, number) => Math.min(least, number), first);
    value.max = others.reduce((most, number) => Math.max(most, number), first);
  }
  value.histograms = [
    create(HistogramSchema, {
      type: Histogram_HistogramType.QUANTILES,
      numNan: BigInt(values.length - known.length),
      buckets: known.map((number) =>
        create(Histogram_BucketSchema, { lowValue: number, highValue: number, sampleCount: 1 }),
      ),
    }),
  ];
  return { stats: { case: "numStats", value } };
}

function textStatistics(
  values: readonly ExampleScalar[],
  commonStats: CommonStatistics,
): Pick<FeatureNameStatistics, "stats"> {
  const counts = new Map<string, number>();
  let invalidUtf8Count = 0n;
  for (const value of values) {
    const text = textOf(value);
    if (text === undefined) invalidUtf8Count += 1n;
    else counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const buckets = [...counts].map(([label, sampleCount]) =>
    create(RankHistogram_BucketSchema, { label, sampleCount }),
  );
  const value = create(StringStatisticsSchema, {
    commonStats,
    unique: BigInt(counts.size),
    invalidUtf8Count,
    rankHistogram: create(RankHistogramSchema, { buckets }),
  });
  return { stats: { case: "stringStats", value } };
}

function bytesStatistics(
  values: readonly ExampleScalar[],
  commonStats: CommonStatistics,
): Pick<FeatureNameStatistics, "type" | "stats"> {
  const sizes = values.map((value) =>
    value instanceof Uint8Array ? value.length : Buffer.byteLength(String(value)),
  );
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  return {
    type: FeatureNameStatistics_Type.BYTES,
    stats: {
      case: "bytesStats",
      value: create(BytesStatisticsSchema, { commonStats, maxNumBytesInt: BigInt(largest) }),
    },
  };
}

/** The text of a value; undefined for bytes that are no UTF-8. */
function textOf(value: ExampleScalar): string | undefined {
  if (!(value instanceof Uint8Array)) return String(value);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    return undefined;
  }
}

/** Lengths of the lists at one level of nesting. */
type Level = readonly number[];

/** The values inside nested lists, and how long the lists are at each level. */
function flatten(value: ExampleValue): { leaves: ExampleValue[]; levels: Level[] } {
  let items: readonly ExampleValue[] = Array.isArray(value) ? value : [value];
  const levels: Level[] = [[items.length]];
  while (items.some((item) => Array.isArray(item))) {
    const lists = items.flatMap((item): (readonly ExampleValue[])[] =>
      Array.isArray(item) ? [item] : item === null || item === undefined ? [] : [[item]],
    );
    levels.push(lists.map((list) => list.length));
    items = lists.flat();
  }
  return { leaves: items.filter((item) => item !== null && item !== undefined), levels };
}

function commonOf(levels: readonly Level[]): CommonStatistics {
  const innermost = levels.at(-1) ?? [];
  const total = innermost.reduce((sum, length) => sum + length, 0);
  return create(CommonStatisticsSchema, {
    numNonMissing: 1n,
    minNumValues: BigInt(total),
    maxNumValues: BigInt(total),
    avgNumValues: total,
    totNumValues: BigInt(total),
    presenceAndValencyStats:
      levels.length < 2
        ? []
        : levels.map((lengths) =>
            create(PresenceAndValencyStatisticsSchema, {
              numNonMissing: BigInt(lengths.length),
              minNumValues: BigInt(
                lengths.reduce((least, one) => Math.min(least, one), lengths[0] ?? 0),
              ),
              maxNumValues: BigInt(lengths.reduce((most, one) => Math.max(most, one), 0)),
              totNumValues: BigInt(lengths.reduce((sum, one) => sum + one, 0)),
            }),
          ),
  });
}

function checkUniform(path: FeaturePath, isUniform: boolean): void {
  if (isUniform) return;
  throw new WaybillError(
    "invalid_argument",
    `The example mixes kinds of values in "${path.join(".")}".`,
    { hint: "A feature holds texts, numbers or structs, not several of them." },
  );
}
