/**
 * How the finite values of a feature are spread, in a form that merges. Marks are values with the mass
 * in (previous mark, mark]; below {@link MAX_MARKS} distinct values they are the distinct values
 * themselves and everything read from them is exact. Beyond, counts on a dyadic grid stay exact and the
 * marks say how the mass lies inside the cells of the grid.
 */
export interface Distribution {
  readonly isExact: boolean;
  /** Ascending, distinct. */
  readonly values: Float64Array;
  /** One per value; integers, or sums of weights. */
  readonly weights: Float64Array;
  /** Absent when exact. */
  readonly grid?: Grid | undefined;
}

/**
 * Counts on cells of width 2^exponent: cell i holds the mass in ((base + i - 1) * width, (base + i) *
 * width]. Widths are powers of two so that any two grids merge exactly on the coarser one.
 */
export interface Grid {
  readonly exponent: number;
  readonly base: number;
  readonly counts: Float64Array;
}

/** Distinct values up to which a distribution is exact, and marks kept beyond. */
export const MAX_MARKS = 16_384;

/** Cells of a grid. Ranks read from a grid are off by at most the mass of one cell. */
export const GRID_CELLS = 2_048;

/** A distribution of nothing. */
export const EMPTY_DISTRIBUTION: Distribution = {
  isExact: true,
  values: new Float64Array(0),
  weights: new Float64Array(0),
};

/** The grid exponents whose scale factor 2^-e is a normal double. */
const MIN_EXPONENT = -1000;
const MAX_EXPONENT = 1020;

/** The finest exponent at which [min, max] fits in `cells` cells. */
export function gridExponent(min: number, max: number, cells = GRID_CELLS): number {
  const span = max / cells - min / cells;
  let exponent = span > 0 ? Math.max(MIN_EXPONENT, Math.floor(Math.log2(span)) - 1) : MIN_EXPONENT;
  // A lone value: cells as fine as its neighbours in a double, give or take.
  if (span === 0) exponent = exponentOf(max) - 40;
  exponent = Math.max(MIN_EXPONENT, exponent);
  while (exponent < MAX_EXPONENT && cellOf(max, exponent) - cellOf(min, exponent) >= cells) {
    exponent++;
  }
  return exponent;
}

function exponentOf(value: number): number {
  return value === 0 ? -100 : Math.floor(Math.log2(Math.abs(value)));
}

/** The cell of a finite value: the smallest multiple of the width that is not below it. */
export function cellOf(value: number, exponent: number): number {
  return Math.ceil(value * 2 ** -exponent);
}

/** The exact distribution of values with their weights, in any order, repeats allowed. */
export function distributionOfPoints(values: Float64Array, weights: Float64Array): Distribution {
  const points = sortPoints(values, weights);
  return points.values.length <= MAX_MARKS
    ? { isExact: true, ...points }
    : approximate(points.values, points.weights);
}

function approximate(values: Float64Array, weights: Float64Array): Distribution {
  const grid = gridOfPoints(values, weights, gridExponent(values[0]!, values.at(-1)!));
  return { isExact: false, ...thinMarks(values, weights), grid };
}

/** Merges the distributions of disjoint shards. Grids merge exactly; marks are thinned when many. */
export function mergeDistributions(parts: readonly Distribution[]): Distribution {
  const full = parts.filter((part) => part.values.length > 0);
  if (full.length === 0) return EMPTY_DISTRIBUTION;
  if (full.length === 1) return full[0]!;
  const total = full.reduce((sum, { weights }) => sum + sumOf(weights), 0);
  const isExact = full.every((part) => part.isExact);
  // Many shards hold many marks: each brings those that its part of the mass deserves.
  const share = (2 * total) / MAX_MARKS;
  const points = mergeSorted(full.map((part) => (isExact ? part : thinTo(part, share))));
  if (isExact) {
    return points.values.length <= MAX_MARKS
      ? { isExact: true, ...points }
      : approximate(points.values, points.weights);
  }
  const min = points.values[0]!;
  const max = points.values.at(-1)!;
  let exponent = gridExponent(min, max);
  for (const { grid } of full) if (grid) exponent = Math.max(exponent, grid.exponent);
  const base = cellOf(min, exponent) - 1;
  const counts = new Float64Array(cellOf(max, exponent) - base + 2);
  for (const { grid, values, weights } of full) {
    const source = grid ?? gridOfPoints(values, weights, exponent);
    const step = 2 ** (exponent - source.exponent);
    for (const [index, count] of source.counts.entries()) {
      if (count === 0) continue;
      const cell = Math.ceil((source.base + index) / step);
      counts[Math.min(Math.max(0, cell - base), counts.length - 1)]! += count;
    }
  }
  return {
    isExact: false,
    ...thinMarks(points.values, points.weights),
    grid: { exponent, base, counts },
  };
}

/** Distinct values that stay exact in what is kept, and marks and cells that are kept beyond. */
const KEPT_POINTS = 4_096;
const KEPT_MARKS = 1_024;
const KEPT_CELLS = 512;

/** The distribution as it is kept to be merged: a few kilobytes, grid counts exact on a coarser grid. */
export function keptDistribution(distribution: Distribution): Distribution {
  const { values, weights, isExact } = distribution;
  if (isExact && values.length <= KEPT_POINTS) return distribution;
  const { grid } = isExact ? approximate(values, weights) : distribution;
  const marks = thinTo({ values, weights }, (2 * sumOf(weights)) / KEPT_MARKS);
  return { isExact: false, ...marks, grid: grid && coarser(trimmed(grid)) };
}

function coarser(grid: Grid): Grid {
  if (grid.counts.length <= KEPT_CELLS) return grid;
  const step = 2 ** Math.ceil(Math.log2(grid.counts.length / KEPT_CELLS));
  const base = Math.ceil(grid.base / step);
  const counts = new Float64Array(
    Math.ceil((grid.base + grid.counts.length - 1) / step) - base + 1,
  );
  for (const [index, count] of grid.counts.entries()) {
    counts[Math.ceil((grid.base + index) / step) - base]! += count;
  }
  return { exponent: grid.exponent + Math.log2(step), base, counts };
}

/** Without the empty cells at both ends. */
function trimmed({ exponent, base, counts }: Grid): Grid {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return { exponent, base: base + first, counts: counts.slice(first, last + 1) };
}

function gridOfPoints(values: Float64Array, weights: Float64Array, exponent: number): Grid {
  const base = cellOf(values[0]!, exponent);
  const counts = new Float64Array(cellOf(values.at(-1)!, exponent) - base + 1);
  for (const [index, value] of values.entries()) {
    counts[cellOf(value, exponent) - base]! += weights[index]!;
  }
  return { exponent, base, counts };
}

/** At most {@link MAX_MARKS} marks: neighbours joined into the upper one. */
export function thinMarks(values: Float64Array, weights: Float64Array): Points {
  if (values.length <= MAX_MARKS) return { values, weights };
  return thinTo({ values, weights }, (2 * sumOf(weights)) / MAX_MARKS);
}

interface Points {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** Neighbours with less than `share` of mass together are joined, so that mass up to a mark stays true. */
function thinTo({ values, weights }: Points, share: number): Points {
  const keptValues: number[] = [];
  const keptWeights: number[] = [];
  let pending = 0;
  for (const [index, value] of values.entries()) {
    const weight = weights[index]!;
    if (pending > 0 && pending + weight > share) {
      keptValues.push(values[index - 1]!);
      keptWeights.push(pending);
      pending = 0;
    }
    pending += weight;
    // The smallest value stays a mark of its own.
    if (index === 0 || index === values.length - 1) {
      keptValues.push(value);
      keptWeights.push(pending);
      pending = 0;
    }
  }
  return { values: Float64Array.from(keptValues), weights: Float64Array.from(keptWeights) };
}

/** Points in ascending order, each value once. */
export function sortPoints(values: Float64Array, weights: Float64Array): Points {
  let isSorted = true;
  for (let index = 1; index < values.length; index++) {
    if (values[index]! <= values[index - 1]!) {
      isSorted = false;
      break;
    }
  }
  if (isSorted) return { values, weights };
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]! || a - b);
  const sortedValues = new Float64Array(values.length);
  const sortedWeights = new Float64Array(values.length);
  let size = 0;
  for (const index of order) {
    if (size > 0 && sortedValues[size - 1] === values[index]) {
      sortedWeights[size - 1]! += weights[index]!;
    } else {
      // Negative zero prints as -0, and is the same value as zero.
      sortedValues[size] = values[index]! + 0;
      sortedWeights[size++] = weights[index]!;
    }
  }
  return { values: sortedValues.slice(0, size), weights: sortedWeights.slice(0, size) };
}

/**
 * Sorted points of several shards as one: neighbouring runs are merged, two by two, from one pair of arrays
 * into another and back, so that a year of days does not allocate for each.
 */
function mergeSorted(parts: readonly Points[]): Points {
  if (parts.length === 1) return parts[0]!;
  const size = parts.reduce((sum, { values }) => sum + values.length, 0);
  let from = { values: new Float64Array(size), weights: new Float64Array(size) };
  let to = { values: new Float64Array(size), weights: new Float64Array(size) };
  let ends: number[] = [];
  let used = 0;
  for (const { values, weights } of parts) {
    from.values.set(values, used);
    from.weights.set(weights, used);
    used += values.length;
    ends.push(used);
  }
  while (ends.length > 1) {
    const next: number[] = [];
    let start = 0;
    let at = 0;
    for (let run = 0; run < ends.length; run += 2) {
      const middle = ends[run]!;
      const end = ends[run + 1] ?? middle;
      at = mergeRuns(from, { start, middle, end }, to, at);
      next.push(at);
      start = end;
    }
    ends = next;
    [from, to] = [to, from];
  }
  return { values: from.values.slice(0, ends[0]), weights: from.weights.slice(0, ends[0]) };
}

/** Merges two runs into `to` from `at` on; returns where the merged run ends. */
function mergeRuns(
  from: Points,
  { start, middle, end }: { start: number; middle: number; end: number },
  to: Points,
  at: number,
): number {
  let left = start;
  let right = middle;
  let size = at;
  while (left < middle || right < end) {
    const a = left < middle ? from.values[left]! : Number.POSITIVE_INFINITY;
    const b = right < end ? from.values[right]! : Number.POSITIVE_INFINITY;
    let weight = 0;
    if (a <= b) weight += from.weights[left++]!;
    if (b <= a) weight += from.weights[right++]!;
    to.values[size] = Math.min(a, b);
    to.weights[size++] = weight;
  }
  return size;
}

function sumOf(weights: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += weights[index]!;
  return sum;
}

/** A distribution with its running sums, to read quantiles and masses from. */
export class DistributionReader {
  readonly total: number;
  readonly #distribution: Distribution;
  readonly #upTo: Float64Array;
  readonly #gridUpTo: Float64Array | undefined;

  constructor(distribution: Distribution) {
    this.#distribution = distribution;
    this.#upTo = runningSum(distribution.weights);
    this.#gridUpTo = distribution.grid && runningSum(distribution.grid.counts);
    this.total = this.#upTo.at(-1) ?? 0;
  }

  /**
   * The smallest mark whose mass up to it is more than `part` of `parts` of the whole (the value at
   * place `total * part / parts` of the sorted values), for the last part the largest mark.
   */
  quantile(part: number, parts: number): number {
    return this.#distribution.values[this.#indexOfQuantile(part, parts)] ?? 0;
  }

  /** The mass of values that are not above the quantile, true for this distribution's marks. */
  massUpToQuantile(part: number, parts: number): number {
    return this.#upTo[this.#indexOfQuantile(part, parts)] ?? 0;
  }

  /** The mass of values that are not above `x`. */
  massUpTo(x: number): number {
    const { grid, values } = this.#distribution;
    const marksUpTo = this.#upTo[countUpTo(values, x) - 1] ?? 0;
    if (grid === undefined) return marksUpTo;
    const cell = cellOf(x, grid.exponent) - grid.base;
    if (cell < 0) return 0;
    if (cell >= grid.counts.length) return this.total;
    const below = this.#gridUpTo![cell - 1] ?? 0;
    const inside = grid.counts[cell]!;
    const high = (grid.base + cell) * 2 ** grid.exponent;
    if (inside === 0 || x >= high) return below + inside;
    // Inside a cell the marks tell, when there are enough of them; else the mass is taken as even.
    const low = (grid.base + cell - 1) * 2 ** grid.exponent;
    const first = countUpTo(values, low);
    const last = countUpTo(values, high);
    const marksBelow = this.#upTo[first - 1] ?? 0;
    const marksInside = (this.#upTo[last - 1] ?? 0) - marksBelow;
    const share =
      last - first >= MIN_MARKS_IN_CELL && marksInside > 0
        ? (marksUpTo - marksBelow) / marksInside
        : (x - low) / (high - low);
    return below + inside * share;
  }

  #indexOfQuantile(part: number, parts: number): number {
    // Sums of weights carry rounding; counts do not, and compare exactly.
    const target = (part * this.total) / parts;
    const slack = Number.isInteger(this.total) ? 0 : this.total * ROUNDING;
    const upTo = this.#upTo;
    let low = 0;
    let high = Math.max(0, upTo.length - 1);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > target + slack) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const MIN_MARKS_IN_CELL = 8;

/** Relative error allowed for in sums of weights. */
const ROUNDING = 1e-12;

function runningSum(weights: Float64Array): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    sums[index] = sum;
  }
  return sums;
}

/** How many of the sorted values are not above `x`. */
function countUpTo(values: Float64Array, x: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}
