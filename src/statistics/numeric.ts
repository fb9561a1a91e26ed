import {
  cellOf,
  type Distribution,
  distributionOfPoints,
  EMPTY_DISTRIBUTION,
  GRID_CELLS,
  gridExponent,
  MAX_MARKS,
  mergeDistributions,
  sortPoints,
} from "./distribution.ts";

/** The mergeable counts of a numeric feature. Moments, extremes and zeros are of the finite values. */
export interface NumericPartial {
  /** Finite values. */
  readonly count: number;
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly m2: number;
  /** Infinity and -Infinity when there is no finite value. */
  readonly min: number;
  readonly max: number;
  readonly zeros: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly distribution: Distribution;
}

/** Merges the counts of disjoint shards, in the order given (moments round, so the order counts). */
export function mergeNumeric(parts: readonly NumericPartial[]): NumericPartial {
  let merged = parts[0]!;
  if (parts.length === 1) return merged;
  for (const part of parts.slice(1)) merged = { ...mergeMoments(merged, part) };
  return { ...merged, distribution: mergeDistributions(parts.map((part) => part.distribution)) };
}

function mergeMoments(a: NumericPartial, b: NumericPartial): NumericPartial {
  const count = a.count + b.count;
  const difference = b.mean - a.mean;
  const share = count === 0 ? 0 : b.count / count;
  return {
    count,
    mean: a.count === 0 ? b.mean : a.mean + difference * share,
    m2: a.m2 + b.m2 + difference * difference * a.count * share,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    zeros: a.zeros + b.zeros,
    nan: a.nan + b.nan,
    positiveInfinity: a.positiveInfinity + b.positiveInfinity,
    negativeInfinity: a.negativeInfinity + b.negativeInfinity,
    distribution: EMPTY_DISTRIBUTION,
  };
}

/** The exact partial of values with integer counts, in any order. */
export function numericOfCounts(
  values: Float64Array,
  counts: Float64Array,
  others: Pick<NumericPartial, "nan" | "positiveInfinity" | "negativeInfinity">,
): NumericPartial {
  const order = sortPoints(values, counts);
  const distribution = distributionOfPoints(order.values, order.weights);
  let count = 0;
  let sum = 0;
  let zeros = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const [index, value] of order.values.entries()) {
    const weight = order.weights[index]!;
    count += weight;
    sum += value * weight;
    if (value === 0) zeros += weight;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = count === 0 ? 0 : sum / count;
  let m2 = 0;
  for (const [index, value] of order.values.entries()) {
    m2 += (value - mean) ** 2 * order.weights[index]!;
  }
  return { count, mean, m2, min, max, zeros, ...others, distribution };
}

const BATCH = 1_024;
const FIRST_BATCH = 16;

/**
 * Counts numbers one by one in bounded memory. The result depends on the values and their order alone.
 * Up to {@link MAX_MARKS} values all are kept. Beyond, exact grid counts are kept, and beside them a
 * systematic sample; the marks are the sample with the grid's masses (post-stratified). Integers that
 * span less than {@link GRID_CELLS} have a cell each and stay exact.
 */
export class NumericAccumulator {
  /** Small at first: there may be 100,000 features. */
  #batch = new Float64Array(FIRST_BATCH);
  #batchSize = 0;
  #isInteger: boolean;
  #count = 0;
  #mean = 0;
  #m2 = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #zeros = 0;
  #nan = 0;
  #positiveInfinity = 0;
  #negativeInfinity = 0;
  #sample = new Float64Array(0);
  #sampleSize = 0;
  /** One value of each `stride` is kept; the next is the one at position `#next` of the stream. */
  #stride = 1;
  #next = 0;
  #random = RANDOM_SEED;
  #grid: Float64Array | undefined;
  #exponent = 0;
  #base = 0;

  /** @param isInteger whether every value will be an integer */
  constructor(isInteger: boolean) {
    this.#isInteger = isInteger;
  }

  /** Largest absolute finite value so far. */
  get magnitude(): number {
    this.#flush();
    return this.#count === 0 ? 0 : Math.max(Math.abs(this.#min), Math.abs(this.#max));
  }

  /** Says that fractions will follow. */
  becomeFloat(): void {
    this.#flush();
    this.#isInteger = false;
  }

  add(value: number): void {
    if (value - value !== 0) this.#addSpecial(value);
    else this.addFinite(value);
  }

  /** As {@link add}, when the caller knows that the value is finite. */
  addFinite(value: number): void {
    if (this.#batchSize === this.#batch.length) this.#makeRoom();
    this.#batch[this.#batchSize++] = value;
  }

  finish(): NumericPartial {
    this.#flush();
    return {
      count: this.#count,
      mean: this.#mean,
      m2: this.#m2,
      min: this.#min,
      max: this.#max,
      zeros: this.#zeros,
      nan: this.#nan,
      positiveInfinity: this.#positiveInfinity,
      negativeInfinity: this.#negativeInfinity,
      distribution: this.#distribution(),
    };
  }

  #makeRoom(): void {
    if (this.#batch.length === BATCH) this.#flush();
    else this.#batch = enlarged(this.#batch, this.#batch.length * 4);
  }

  #addSpecial(value: number): void {
    if (Number.isNaN(value)) this.#nan++;
    else if (value > 0) this.#positiveInfinity++;
    else this.#negativeInfinity++;
  }

  #flush(): void {
    const size = this.#batchSize;
    if (size === 0) return;
    this.#batchSize = 0;
    const batch = this.#batch;
    let sum = 0;
    let min = this.#min;
    let max = this.#max;
    let zeros = 0;
    for (let index = 0; index < size; index++) {
      const value = batch[index]!;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
      if (value === 0) zeros++;
    }
    const mean = sum / size;
    let m2 = 0;
    for (let index = 0; index < size; index++) {
      const difference = batch[index]! - mean;
      m2 += difference * difference;
    }
    const before = this.#count;
    const difference = mean - this.#mean;
    this.#count = before + size;
    this.#m2 += m2 + (difference * difference * before * size) / this.#count;
    this.#mean = before === 0 ? mean : this.#mean + (difference * size) / this.#count;
    this.#min = min;
    this.#max = max;
    this.#zeros += zeros;
    if (this.#grid === undefined && before + size <= MAX_MARKS) this.#keepAll(size);
    else this.#countAndSample(before, size);
  }

  #keepAll(size: number): void {
    if (this.#sampleSize + size > this.#sample.length) {
      const needed = Math.max(this.#sampleSize + size, this.#sample.length * 4);
      this.#sample = enlarged(this.#sample, Math.min(MAX_MARKS, needed));
    }
    this.#sample.set(this.#batch.subarray(0, size), this.#sampleSize);
    this.#sampleSize += size;
  }

  #countAndSample(before: number, size: number): void {
    if (this.#grid === undefined) {
      // So far the sample is all of the values.
      this.#resizeGrid();
      this.#countOnGrid(this.#sample, this.#sampleSize);
      this.#next = before;
      this.#sample = enlarged(this.#sample, MAX_MARKS);
    }
    const low = cellOf(this.#min, this.#exponent) - this.#base;
    const high = cellOf(this.#max, this.#exponent) - this.#base;
    if (low < 0 || high >= GRID_CELLS) this.#resizeGrid();
    this.#countOnGrid(this.#batch, size);
    let at = this.#next - before;
    while (at < size) {
      if (this.#sampleSize === MAX_MARKS) this.#halveSample();
      this.#sample[this.#sampleSize++] = this.#batch[at]!;
      const stride = this.#stride;
      const start = (Math.floor((before + at) / stride) + 1) * stride;
      this.#next = start + (stride === 1 ? 0 : this.#draw(stride));
      at = this.#next - before;
    }
  }

  #halveSample(): void {
    const sample = this.#sample;
    const half = this.#sampleSize / 2;
    for (let index = 0; index < half; index++) sample[index] = sample[2 * index + this.#draw(2)]!;
    this.#sampleSize = half;
    this.#stride *= 2;
  }

  #countOnGrid(values: Float64Array, size: number): void {
    const grid = this.#grid!;
    const scale = 2 ** -this.#exponent;
    const base = this.#base;
    for (let index = 0; index < size; index++) {
      grid[Math.ceil(values[index]! * scale) - base]!++;
    }
  }

  /** Lays the grid around the present extremes, coarser where needed; counts move to their new cells. */
  #resizeGrid(): void {
    const old = this.#grid;
    let exponent = gridExponent(this.#min, this.#max);
    if (this.#isInteger) exponent = Math.max(0, exponent);
    if (old !== undefined) exponent = Math.max(this.#exponent, exponent);
    const low = cellOf(this.#min, exponent);
    const room = GRID_CELLS - (cellOf(this.#max, exponent) - low) - 1;
    const base = low - Math.floor(room / 2);
    const grid = new Float64Array(GRID_CELLS);
    if (old !== undefined) {
      const step = 2 ** (exponent - this.#exponent);
      for (let index = 0; index < GRID_CELLS; index++) {
        const count = old[index]!;
        if (count > 0) grid[Math.ceil((this.#base + index) / step) - base]! += count;
      }
    }
    this.#grid = grid;
    this.#exponent = exponent;
    this.#base = base;
  }

  /** xorshift32: the same sequence for every feature of every run. */
  #draw(below: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % below;
  }

  #distribution(): Distribution {
    const sample = this.#sample.slice(0, this.#sampleSize).sort();
    const counts = this.#grid;
    if (counts === undefined)
      return distributionOfPoints(sample, new Float64Array(sample.length).fill(1));
    if (this.#isInteger && this.#exponent === 0) return this.#cellsAsPoints(counts);
    return {
      isExact: false,
      ...this.#stratify(sample, counts),
      grid: { exponent: this.#exponent, base: this.#base, counts },
    };
  }

  /** Each cell of width one holds one integer. */
  #cellsAsPoints(counts: Float64Array): Distribution {
    const values: number[] = [];
    const weights: number[] = [];
    for (let index = 0; index < GRID_CELLS; index++) {
      if (counts[index]! === 0) continue;
      values.push(this.#base + index);
      weights.push(counts[index]!);
    }
    return distributionOfPoints(Float64Array.from(values), Float64Array.from(weights));
  }

  /** The points of the sample in a cell share the cell's count; a cell without points is a mark itself. */
  #stratify(
    sample: Float64Array,
    counts: Float64Array,
  ): { values: Float64Array; weights: Float64Array } {
    const values: number[] = [];
    const weights: number[] = [];
    const width = 2 ** this.#exponent;
    let at = 0;
    for (let index = 0; index < GRID_CELLS; index++) {
      const count = counts[index]!;
      if (count === 0) continue;
      const high = (this.#base + index) * width;
      const first = at;
      while (at < sample.length && sample[at]! <= high) at++;
      if (first === at) {
        push(Math.min(high, this.#max), count);
        continue;
      }
      for (let point = first; point < at; point++) push(sample[point]!, count / (at - first));
    }
    // The extremes are known whether or not the sample has them.
    values[values.length - 1] = this.#max;
    if (values[0]! > this.#min && weights[0]! > 1) {
      values.unshift(this.#min);
      weights.unshift(1);
      weights[1]! -= 1;
    } else values[0] = this.#min;
    return { values: Float64Array.from(values), weights: Float64Array.from(weights) };

    function push(value: number, weight: number): void {
      if (values.at(-1) === value) weights[weights.length - 1]! += weight;
      else {
        values.push(value + 0);
        weights.push(weight);
      }
    }
  }
}

function enlarged(values: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}

/** Any odd constant does; it is fixed so that equal data gives equal statistics. */
const RANDOM_SEED = 0x9e3779b9 | 0;
