import { create } from "@bufbuild/protobuf";
import {
  type Histogram,
  Histogram_HistogramType,
  HistogramSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type Distribution, DistributionReader } from "./distribution.ts";

/** What histograms of numbers are drawn from: counts, or sums of weights. */
export interface Spread {
  /** Of the finite values, by number and not by weight. */
  readonly min: number;
  readonly max: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  /** Of the finite values. */
  readonly distribution: Distribution;
}

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
export function standardHistogram(spread: Spread, bucketCount: number, name = ""): Histogram {
  const { min, max, positiveInfinity, negativeInfinity } = spread;
  const buckets: Bucket[] = [];
  if (negativeInfinity > 0) buckets.push(pointBucket(Number.NEGATIVE_INFINITY, negativeInfinity));
  if (min <= max) buckets.push(...equalWidths(spread, bucketCount));
  if (positiveInfinity > 0) buckets.push(pointBucket(Number.POSITIVE_INFINITY, positiveInfinity));
  return create(HistogramSchema, {
    numNan: BigInt(spread.nan),
    buckets,
    type: Histogram_HistogramType.STANDARD,
    name,
  });
}

function equalWidths({ min, max, distribution }: Spread, bucketCount: number): Bucket[] {
  const reader = new DistributionReader(distribution);
  if (min === max) return [pointBucket(min, reader.total)];
  // Divided first: the range of doubles is wider than the widest double.
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
export function quantilesHistogram(spread: Spread, bucketCount: number): Histogram {
  return create(HistogramSchema, {
    numNan: BigInt(spread.nan),
    buckets: quantileBuckets(withInfinities(spread), bucketCount),
    type: Histogram_HistogramType.QUANTILES,
  });
}

/**
 * The STANDARD histogram that a QUANTILES one suggests, its mass taken as even between boundaries: how
 * TFDV draws the lengths of inner lists. Source: TFDV, generate_equi_width_histogram.
 */
export function interpolatedHistogram(quantiles: Histogram, bucketCount: number): Histogram {
  const min = quantiles.buckets[0]?.lowValue ?? 0;
  const max = quantiles.buckets.at(-1)?.highValue ?? 0;
  const count = min === max ? 1 : bucketCount;
  const width = (max - min) / count;
  const buckets: Bucket[] = [];
  for (let index = 0; index < count; index++) {
    const lowValue = min + width * index;
    const highValue = index === count - 1 ? max : min + width * (index + 1);
    let sampleCount = 0;
    for (const bucket of quantiles.buckets) {
      sampleCount += bucket.sampleCount * overlap(bucket, lowValue, highValue, index === 0);
    }
    buckets.push({ lowValue, highValue, sampleCount });
  }
  return create(HistogramSchema, { buckets, type: Histogram_HistogramType.STANDARD });
}

/** The part of a bucket that lies in (low, high], the low end included for the first. */
function overlap(bucket: Bucket, low: number, high: number, isFirst: boolean): number {
  if (bucket.lowValue === bucket.highValue) {
    const value = bucket.lowValue;
    return (value > low || (isFirst && value === low)) && value <= high ? 1 : 0;
  }
  const shared = Math.min(bucket.highValue, high) - Math.max(bucket.lowValue, low);
  return Math.max(0, shared) / (bucket.highValue - bucket.lowValue);
}

/** Numbers of values as what histograms are drawn from: `lengths` counts rows by number of values. */
export function spreadOfLengths(lengths: ReadonlyMap<number, number>): Spread {
  const values = [...lengths.keys()].sort((a, b) => a - b);
  return {
    min: values[0] ?? Number.POSITIVE_INFINITY,
    max: values.at(-1) ?? Number.NEGATIVE_INFINITY,
    nan: 0,
    positiveInfinity: 0,
    negativeInfinity: 0,
    distribution: {
      isExact: true,
      values: Float64Array.from(values),
      weights: Float64Array.from(values, (value) => lengths.get(value) ?? 0),
    },
  };
}

/** The middle value, infinities counted. */
export function medianOf(spread: Spread): number {
  return new DistributionReader(withInfinities(spread)).quantile(1, 2);
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

function withInfinities(spread: Spread): Distribution {
  const { positiveInfinity, negativeInfinity } = spread;
  const { values, weights, isExact } = spread.distribution;
  if (positiveInfinity + negativeInfinity === 0) return spread.distribution;
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

function pointBucket(value: number, sampleCount: number): Bucket {
  return { lowValue: value, highValue: value, sampleCount };
}
