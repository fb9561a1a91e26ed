import type {
  Histogram,
  Histogram_Bucket,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { compareBytes } from "../schema/index.ts";

/** Counts by label. */
export type Counts = ReadonlyMap<string, number>;

/** The largest difference over labels, and the label it is found at. */
export interface LabelDistance {
  readonly label: string;
  readonly distance: number;
}

/**
 * The largest difference of two distributions over labels: `max |a/sum(a) - b/sum(b)|`. Of labels that
 * differ equally the last in byte order is given. Without labels the distance is 0.
 */
export function lInfinityDistance(a: Counts, b: Counts): LabelDistance {
  return largestDifference(a, total(a), b, total(b));
}

/** As {@link lInfinityDistance} with both counts divided by the sum of all: `max |a - b| / (sum(a) + sum(b))`. */
export function normalizedAbsoluteDifference(a: Counts, b: Counts): LabelDistance {
  const sum = total(a) + total(b);
  return largestDifference(a, sum, b, sum);
}

/**
 * Jensen-Shannon divergence in bits (0 to 1) of two distributions over labels.
 * @returns undefined when either has no labels or a count that is not positive
 */
export function labelDivergence(a: Counts, b: Counts): number | undefined {
  if (a.size === 0 || b.size === 0) return undefined;
  if ([...a.values(), ...b.values()].some((count) => count <= 0)) return undefined;
  const labels = sortedLabels(a, b);
  return divergence(
    labels.map((label) => a.get(label) ?? 0),
    labels.map((label) => b.get(label) ?? 0),
  );
}

/**
 * Jensen-Shannon divergence in bits (0 to 1) of two histograms of one kind. Buckets are cut at the
 * union of their boundaries, mass spread evenly inside a bucket. Buckets of one value are matched by
 * the value; mass at infinity never agrees with anything of the other side, and neither does NaN, which
 * counts only where the boundaries of both are the same.
 * @returns undefined when either histogram is empty
 */
export function histogramDivergence(a: Histogram, b: Histogram): number | undefined {
  const left = sortMass(a);
  const right = sortMass(b);
  const boundaries = boundariesOf([...left.buckets, ...right.buckets]);
  const isAligned =
    sameBoundaries(left.buckets, boundaries) && sameBoundaries(right.buckets, boundaries);
  const points = [...new Set([...left.points.keys(), ...right.points.keys()])].sort(
    (x, y) => x - y,
  );
  const massOf = (side: Mass): number[] => [
    ...(isAligned
      ? side.buckets.map(({ sampleCount }) => sampleCount)
      : recut(side.buckets, boundaries)),
    ...points.map((point) => side.points.get(point) ?? 0),
  ];
  // TFDV loses count of NaN where it cuts buckets anew; so that measures agree, so do we.
  const nan = isAligned ? { left: left.nan, right: right.nan } : { left: 0, right: 0 };
  return divergence(
    [...massOf(left), left.infinite, 0, nan.left, 0],
    [...massOf(right), 0, right.infinite, 0, nan.right],
  );
}

function largestDifference(a: Counts, sumA: number, b: Counts, sumB: number): LabelDistance {
  let largest: LabelDistance = { label: "", distance: 0 };
  for (const label of sortedLabels(a, b)) {
    const distance = Math.abs(share(a, label, sumA) - share(b, label, sumB));
    if (distance >= largest.distance) largest = { label, distance };
  }
  return largest;
}

function share(counts: Counts, label: string, sum: number): number {
  const count = counts.get(label) ?? 0;
  return sum === 0 ? count : count / sum;
}

function sortedLabels(a: Counts, b: Counts): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort(compareBytes);
}

function total(counts: Counts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** Divergence of two lists of mass that mean the same thing at each place. */
function divergence(a: readonly number[], b: readonly number[]): number | undefined {
  const sumA = a.reduce((sum, mass) => sum + mass, 0);
  const sumB = b.reduce((sum, mass) => sum + mass, 0);
  if (sumA === 0 || sumB === 0) return undefined;
  let fromA = 0;
  let fromB = 0;
  for (const [index, massA] of a.entries()) {
    const p = massA / sumA;
    const q = (b[index] ?? 0) / sumB;
    const middle = (p + q) / 2;
    if (p > 0) fromA += p * Math.log2(p / middle);
    if (q > 0) fromB += q * Math.log2(q / middle);
  }
  // Rounding may carry the sum a little over the bound.
  return Math.min((fromA + fromB) / 2, 1);
}

interface Mass {
  /** Buckets of finite, positive width. */
  readonly buckets: readonly Histogram_Bucket[];
  readonly points: ReadonlyMap<number, number>;
  readonly infinite: number;
  readonly nan: number;
}

function sortMass(histogram: Histogram): Mass {
  const buckets: Histogram_Bucket[] = [];
  const points = new Map<number, number>();
  let infinite = 0;
  for (const bucket of histogram.buckets) {
    const { lowValue, highValue, sampleCount } = bucket;
    if (!Number.isFinite(lowValue) || !Number.isFinite(highValue)) infinite += sampleCount;
    else if (lowValue === highValue)
      points.set(lowValue, (points.get(lowValue) ?? 0) + sampleCount);
    else buckets.push(bucket);
  }
  return { buckets, points, infinite, nan: Number(histogram.numNan) };
}

function boundariesOf(buckets: readonly Histogram_Bucket[]): readonly number[] {
  const boundaries = new Set<number>();
  for (const { lowValue, highValue } of buckets) boundaries.add(lowValue).add(highValue);
  return [...boundaries].sort((a, b) => a - b);
}

function sameBoundaries(buckets: readonly Histogram_Bucket[], all: readonly number[]): boolean {
  const own = boundariesOf(buckets);
  return own.length === all.length && own.every((boundary, index) => boundary === all[index]);
}

/** Mass between each two neighbouring boundaries, every bucket spread evenly over what it covers. */
function recut(buckets: readonly Histogram_Bucket[], boundaries: readonly number[]): number[] {
  const mass = new Array<number>(Math.max(0, boundaries.length - 1)).fill(0);
  for (const { lowValue, highValue, sampleCount } of buckets) {
    let index = boundaries.indexOf(lowValue);
    for (; index >= 0 && index < mass.length; index++) {
      const low = boundaries[index] ?? 0;
      const high = boundaries[index + 1] ?? 0;
      if (low >= highValue) break;
      mass[index] = (mass[index] ?? 0) + ((high - low) / (highValue - lowValue)) * sampleCount;
    }
  }
  return mass;
}
