import type { BatchColumn } from "../../engine/index.ts";

/** A value of a numeric column of a batch. */
export function cellNumber(column: BatchColumn, row: number): number {
  return column.kind === "object" ? Number(column.get(row)) : Number(column.values[row]);
}

/** A whole number of any size: engines give sums of integers as 128-bit integers or decimals. */
export function cellWhole(column: BatchColumn, row: number): bigint {
  const value = column.kind === "object" ? column.get(row) : column.values[row];
  if (typeof value === "bigint") return value;
  return BigInt(String(value).replace(/\.0*$/, ""));
}
