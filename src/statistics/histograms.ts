import { create } from "@bufbuild/protobuf";
import {
  type Histogram,
  Histogram_HistogramType,
  HistogramSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type Distribution, DistributionReader } from "./distribution.ts";
import type { NumericPartial } from "./numeric.ts";

interface Bucket {
  lowValue: number;
  highValue: number;
  sampleCount: number;
}

/**
 * Buckets of equal width over the finite values: (low, high], the first also its low end; infinities
 * have a bucket of their own at each end. One bucket when all values are equal.
 * Source: TFDV, Histogram.STANDARD.
 */
export function standardHistogram(numeric: NumericPartial, bucketCount: number): Histogram {
  const { min, max, count } = numeric;
  const buckets: Bucket[] = [];
  if (numeric.negativeInfinity > 0) {
    buckets.push(pointBucket(Number.NEGATIVE_INFINITY, numeric.negativeInfinity));
  }
  if (count > 0 && min === max) buckets.push(pointBucket(min, massOf(numeric)));
  else if (count > 0) buckets.push(...equalWidths(numeric, bucketCount));
  if (numeric.positiveInfinity > 0) {
    buckets.push(pointBucket(Number.POSITIVE_INFINITY, numeric.positiveInfinity));
  }
  return create(HistogramSchema, {
    numNan: BigInt(numeric.nan),
    buckets,
    type: Histogram_HistogramType.STANDARD,
  });
}

function equalWidths(numeric: NumericPartial, bucketCount: number): Bucket[] {
  const { min, max } = numeric;
  const reader = new DistributionReader(numeric.distribution);
  // In halves: the range of doubles is wider than the widest double.
  const width = max / bucketCount - min / bucketCount;
  const buckets: Bucket[] = [];
  let below = 0;
  for (let index = 0; index < bucketCount; index++) {
    const lowValue = min + width * index;
    const isLast = index === bucketCount - 1;
    const highValue = isLast ? max : min + width * (index + 1);
    const upTo = isLast ? reader.total : reader.massUpTo(highValue);
    buckets.push({ lowValue, highValue, sampleCount: upTo - below });
    below = upTo;
  }
  return buckets;
}

/**
 * Buckets of about equal mass. Buckets with the same high end share the mass up to it evenly; the mass
 * at the minimum is in the first. Source: TFDV, Histogram.QUANTILES.
 */
export function quantilesHistogram(numeric: NumericPartial, bucketCount: number): Histogram {
  return create(HistogramSchema, {
    numNan: BigInt(numeric.nan),
    buckets: quantileBuckets(withInfinities(numeric), bucketCount),
    type: Histogram_HistogramType.QUANTILES,
  });
}

/** The quantiles histogram of numbers of values: `lengths` counts examples by their number of values. */
export function lengthsHistogram(
  lengths: ReadonlyMap<number, number>,
  bucketCount: number,
): Histogram {
  const values = [...lengths.keys()].sort((a, b) => a - b);
  const distribution = {
    isExact: true,
    values: Float64Array.from(values),
    weights: Float64Array.from(values, (value) => lengths.get(value) ?? 0),
  };
  return create(HistogramSchema, {
    buckets: quantileBuckets(distribution, bucketCount),
    type: Histogram_HistogramType.QUANTILES,
  });
}

/** The middle value, infinities counted. */
export function medianOf(numeric: NumericPartial): number {
  return new DistributionReader(withInfinities(numeric)).quantile(1, 2);
}

function quantileBuckets(distribution: Distribution, bucketCount: number): Bucket[] {
  const { values } = distribution;
  if (values.length === 0) return [];
  const reader = new DistributionReader(distribution);
  const buckets: Bucket[] = [];
  let lowValue = values[0]!;
  let below = 0;
  for (let first = 0; first < bucketCount; ) {
    const highValue = reader.quantile(first + 1, bucketCount);
    const upTo = reader.massUpToQuantile(first + 1, bucketCount);
    let last = first + 1;
    while (last < bucketCount && reader.quantile(last + 1, bucketCount) === highValue) last++;
    const sampleCount = (upTo - below) / (last - first);
    for (let index = first; index < last; index++) {
      buckets.push({ lowValue: index === first ? lowValue : highValue, highValue, sampleCount });
    }
    lowValue = highValue;
    below = upTo;
    first = last;
  }
  return buckets;
}

function withInfinities(numeric: NumericPartial): Distribution {
  const { positiveInfinity, negativeInfinity } = numeric;
  const { values, weights, isExact } = numeric.distribution;
  if (positiveInfinity + negativeInfinity === 0) return numeric.distribution;
  const low = negativeInfinity > 0 ? [Number.NEGATIVE_INFINITY] : [];
  const high = positiveInfinity > 0 ? [Number.POSITIVE_INFINITY] : [];
  return {
    isExact,
    values: Float64Array.of(...low, ...values, ...high),
    weights: Float64Array.of(
      ...low.map(() => negativeInfinity),
      ...weights,
      ...high.map(() => positiveInfinity),
    ),
  };
}

function massOf(numeric: NumericPartial): number {
  return numeric.distribution.weights.reduce((sum, weight) => sum + weight, 0);
}

function pointBucket(value: number, sampleCount: number): Bucket {
  return { lowValue: value, highValue: value, sampleCount };
}
