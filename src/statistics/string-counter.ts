import { DistinctSketch, estimateOf } from "./distinct-sketch.ts";
import { KEPT_VALUES, type StringPartial } from "./string-partial.ts";
import { StringTable } from "./string-table.ts";

/** Memory of the distinct values of all features of a scan together. */
export const BUDGET_BYTES = 256 << 20;

/**
 * Shares memory among the features of a scan: when their distinct values outgrow it, the feature that takes
 * most goes over to keeping its most frequent values and a sketch. What such features hold is bounded, and
 * no longer counted here.
 */
export class StringBudget {
  readonly #limitBytes: number;
  readonly #unlimited = new Set<StringCounter>();
  #usedBytes = 0;

  constructor(limitBytes = BUDGET_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** Takes note that an unlimited counter grew. */
  charge(counter: StringCounter, bytes: number): void {
    this.#unlimited.add(counter);
    this.#usedBytes += bytes;
    while (this.#usedBytes > this.#limitBytes) {
      let largest = counter;
      for (const other of this.#unlimited) {
        if (other.chargedBytes > largest.chargedBytes) largest = other;
      }
      this.#usedBytes -= largest.chargedBytes;
      this.#unlimited.delete(largest);
      largest.limit();
    }
  }
}

/**
 * Counts the values of one feature of strings. Whoever counts adds to `table` and, for a value that was
 * new there, calls {@link StringCounter.added}.
 */
export class StringCounter {
  readonly #budget: StringBudget;
  #table = new StringTable();
  #charged = 0;
  #sketch: DistinctSketch | undefined;
  #droppedInvalidUtf8 = 0;

  constructor(budget: StringBudget) {
    this.#budget = budget;
  }

  /** Valid until a call of {@link added}. */
  get table(): StringTable {
    return this.#table;
  }

  /** Memory that the budget knows of. */
  get chargedBytes(): number {
    return this.#charged;
  }

  /** Takes note of a value that was new to the table. */
  added(bytes: Uint8Array, start: number, end: number): void {
    if (this.#sketch !== undefined) {
      this.#sketch.add(bytes.subarray(start, end));
      if (this.#table.size >= 2 * KEPT_VALUES) this.#drop();
      return;
    }
    const growth = this.#table.memoryBytes - this.#charged;
    if (growth === 0) return;
    this.#charged += growth;
    this.#budget.charge(this, growth);
  }

  /** From here on keeps the most frequent values, and estimates how many there are. */
  limit(): void {
    const sketch = new DistinctSketch();
    for (const { bytes } of this.#table.entries()) sketch.add(bytes);
    this.#sketch = sketch;
    this.#drop();
  }

  /** @param sums values in all and their bytes, which the caller adds up */
  finish(sums: Pick<StringPartial, "count" | "totalBytes">): StringPartial {
    const table = this.#table;
    const base = {
      ...sums,
      invalidUtf8: this.#droppedInvalidUtf8 + table.invalidUtf8Count(),
      table,
    };
    if (this.#sketch === undefined) return { ...base, unique: table.size, isComplete: true };
    const sketch = this.#sketch.finish();
    const unique = Math.max(table.size, estimateOf(sketch));
    return { ...base, unique, isComplete: false, sketch };
  }

  /** Keeps the most frequent values; the counts of the others are given up. */
  #drop(): void {
    const before = this.#table;
    if (before.size <= KEPT_VALUES) return;
    const kept = new StringTable();
    for (const { bytes, count } of before.top(KEPT_VALUES)) {
      kept.add(bytes, 0, bytes.length, count);
    }
    this.#droppedInvalidUtf8 += before.invalidUtf8Count() - kept.invalidUtf8Count();
    this.#table = kept;
  }
}
