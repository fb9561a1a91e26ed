import type { BatchColumn } from "../../engine/index.ts";

/** A value of a numeric column of a batch. */
export function cellNumber(column: BatchColumn, row: number): number {
  return column.kind === "object" ? Number(column.get(row)) : Number(column.values[row]);
}
