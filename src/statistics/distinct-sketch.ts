import { hash } from "node:crypto";

/** Hashes of a sketch; the standard error of its estimate is 1 / sqrt(SKETCH_HASHES - 2). */
export const SKETCH_HASHES = 4_096;

/** Hexadecimal digits of MD5 that make a hash: 52 bits, exact in a double, the same in SQL. */
export const HASH_DIGITS = 13;
const HASH_RANGE = 16 ** HASH_DIGITS;

/**
 * Estimates how many distinct values there are from the smallest of their hashes (k minimum values).
 * A sketch of a union is the smallest hashes of the sketches.
 */
export class DistinctSketch {
  #hashes = new Set<number>();
  #greatest = Number.POSITIVE_INFINITY;

  /** Adds a value, new or not. */
  add(bytes: Uint8Array): void {
    this.#addHash(Number.parseInt(hash("md5", bytes, "hex").slice(0, HASH_DIGITS), 16));
  }

  /** Adds the hashes of another sketch. */
  addHashes(hashes: Float64Array): void {
    for (const value of hashes) this.#addHash(value);
  }

  /** The smallest hashes, ascending. */
  finish(): Float64Array {
    return Float64Array.from(this.#hashes).sort().slice(0, SKETCH_HASHES);
  }

  #addHash(value: number): void {
    if (value >= this.#greatest) return;
    this.#hashes.add(value);
    if (this.#hashes.size < 2 * SKETCH_HASHES) return;
    const smallest = this.finish();
    this.#hashes = new Set(smallest);
    this.#greatest = smallest.at(-1)!;
  }
}

/** How many distinct values a finished sketch stands for; exact below {@link SKETCH_HASHES}. */
export function estimateOf(hashes: Float64Array): number {
  if (hashes.length < SKETCH_HASHES) return hashes.length;
  return Math.round((SKETCH_HASHES - 1) / (hashes[SKETCH_HASHES - 1]! / HASH_RANGE));
}
