import {
  type Distribution,
  distributionOfPoints,
  EMPTY_DISTRIBUTION,
  MAX_MARKS,
  mergeDistributions,
} from "../distribution.ts";
import type { WeightedNumericPartial } from "../partial.ts";

/** Sums weights of numbers, value by value, in bounded memory and in the order given. */
export class WeightedNumbers {
  #weight = 0;
  #mean = 0;
  #m2 = 0;
  #positiveInfinity = 0;
  #negativeInfinity = 0;
  #pending = new Map<number, number>();
  #distribution: Distribution = EMPTY_DISTRIBUTION;

  /** NaN and values of no weight change nothing. */
  add(value: number, weight: number): void {
    if (Number.isNaN(value) || weight === 0) return;
    if (value === Number.POSITIVE_INFINITY) this.#positiveInfinity += weight;
    else if (value === Number.NEGATIVE_INFINITY) this.#negativeInfinity += weight;
    else this.#addFinite(value, weight);
  }

  finish(): WeightedNumericPartial {
    this.#compact();
    return {
      weight: this.#weight,
      mean: this.#mean,
      m2: this.#m2,
      positiveInfinity: this.#positiveInfinity,
      negativeInfinity: this.#negativeInfinity,
      distribution: this.#distribution,
    };
  }

  #addFinite(value: number, weight: number): void {
    this.#weight += weight;
    const difference = value - this.#mean;
    this.#mean += (difference * weight) / this.#weight;
    this.#m2 += difference * (value - this.#mean) * weight;
    this.#pending.set(value, (this.#pending.get(value) ?? 0) + weight);
    if (this.#pending.size >= MAX_MARKS) this.#compact();
  }

  #compact(): void {
    if (this.#pending.size === 0) return;
    const values = Float64Array.from(this.#pending.keys());
    const weights = Float64Array.from(this.#pending.values());
    this.#pending = new Map();
    this.#distribution = mergeDistributions([
      this.#distribution,
      distributionOfPoints(values, weights),
    ]);
  }
}
