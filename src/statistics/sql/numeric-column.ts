import type { Engine, Row } from "../../engine/index.ts";

/** A numeric column of a relation, as an expression that gives numbers. */
export interface NumericColumn {
  readonly name: string;
  readonly expression: string;
  /** Whether values are whole numbers, so that there is no NaN or infinity to look for. */
  readonly isInteger: boolean;
}

/** A relation of an engine, and how to stop counting it. */
export interface Query {
  readonly engine: Engine;
  readonly relation: string;
  readonly signal: AbortSignal | undefined;
}

/** Integers whose extremes are nearer than this are counted value by value. */
const MAX_COUNTED_RANGE = 65_536;

/** Aggregates of one statement: planning more costs more than another scan. */
export const AGGREGATES_PER_STATEMENT = 4_000;

/** What one statement tells of a column. */
export interface Summary {
  readonly present: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  readonly min: number;
  readonly max: number;
}

/** Whether a column's values are few enough to count one by one. */
export function hasSmallRange(column: NumericColumn, { min, max }: Summary): boolean {
  return column.isInteger && max - min < MAX_COUNTED_RANGE;
}

/** Values that are neither NaN nor infinite. */
export function finiteCount(summary: Summary): number {
  return summary.present - summary.nan - summary.positiveInfinity - summary.negativeInfinity;
}

/** The options of a statement. */
export function optionsOf({ signal }: Query): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** A small result. */
export function rowsOf(query: Query, sql: string): Promise<Row[]> {
  return query.engine.rows(sql, optionsOf(query));
}

/** A number of a small result; NULL (a column without values) is zero, sums of any size are rounded. */
export function numberIn(row: Row, name: string): number {
  return Number(row[name] ?? 0);
}
