import { DistinctSketch, estimateOf } from "./distinct-sketch.ts";
import { StringTable } from "./string-table.ts";

/** Distinct values and lengths of a feature of strings, bytes or categories. */
export interface StringPartial {
  /** Values in all. */
  readonly count: number;
  /** Their bytes in all. */
  readonly totalBytes: number;
  /** Shortest and longest value in bytes; only of features of bytes. */
  readonly minBytes?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** Exact when the table is complete, else estimated where shards were merged. */
  readonly unique: number;
  readonly invalidUtf8: number;
  /** Every distinct value, or the most frequent ones when `isComplete` is false. */
  readonly table: StringTable;
  readonly isComplete: boolean;
  /**
   * The smallest hashes of all distinct values, ascending: what the number of distinct values of a merge
   * is estimated from (k minimum values). Only when the table is not complete, and kept to be merged.
   */
  readonly sketch?: Float64Array | undefined;
}

/** Distinct values kept to be merged. Beyond, the most frequent are kept and uniques are estimated. */
export const KEPT_VALUES = 65_536;

/**
 * Merges the values of disjoint shards. Sums are exact. Distinct values and their counts are exact as
 * long as they are at most {@link KEPT_VALUES}; beyond, uniques are estimated, and the counts of values that
 * are rare in a shard are too low.
 * @returns undefined when a shard was kept neither whole nor with a sketch
 */
export function mergeStrings(parts: readonly StringPartial[]): StringPartial | undefined {
  if (parts.length === 1) return parts[0];
  if (parts.some(({ isComplete, sketch }) => !isComplete && sketch === undefined)) return undefined;
  const table = new StringTable();
  for (const part of parts) table.addAll(part.table);
  const sums = {
    count: sumOf(parts, ({ count }) => count),
    totalBytes: sumOf(parts, ({ totalBytes }) => totalBytes),
    ...extremes(parts),
    invalidUtf8: sumOf(parts, ({ invalidUtf8 }) => invalidUtf8),
  };
  if (parts.every(({ isComplete }) => isComplete)) {
    return { ...sums, unique: table.size, table, isComplete: true };
  }
  const union = new DistinctSketch();
  for (const part of parts) union.addHashes(part.sketch ?? sketchOf(part.table));
  const sketch = union.finish();
  const unique = Math.max(table.size, estimateOf(sketch));
  return { ...sums, unique, table: mostFrequent(table), isComplete: false, sketch };
}

/** The partial as it is kept to be merged: at most {@link KEPT_VALUES} values, and a sketch beyond. */
export function keptStrings(part: StringPartial): StringPartial {
  if (part.table.size <= KEPT_VALUES) return part;
  return {
    ...part,
    table: mostFrequent(part.table),
    isComplete: false,
    sketch: part.sketch ?? sketchOf(part.table),
  };
}

function mostFrequent(table: StringTable): StringTable {
  if (table.size <= KEPT_VALUES) return table;
  const kept = new StringTable();
  for (const { bytes, count } of table.top(KEPT_VALUES)) kept.add(bytes, 0, bytes.length, count);
  return kept;
}

/** The smallest hashes of the values of a table. */
function sketchOf(table: StringTable): Float64Array {
  const sketch = new DistinctSketch();
  for (const { bytes } of table.entries()) sketch.add(bytes);
  return sketch.finish();
}

function extremes(parts: readonly StringPartial[]): { minBytes?: number; maxBytes?: number } {
  const mins = parts.flatMap(({ minBytes }) => (minBytes === undefined ? [] : [minBytes]));
  const maxes = parts.flatMap(({ maxBytes }) => (maxBytes === undefined ? [] : [maxBytes]));
  if (mins.length === 0) return {};
  return { minBytes: Math.min(...mins), maxBytes: Math.max(...maxes) };
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
