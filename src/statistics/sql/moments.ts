import type { Dialect } from "../../engine/index.ts";
import {
  AGGREGATES_PER_STATEMENT,
  finiteCount,
  hasSmallRange,
  type NumericColumn,
  numberIn,
  type Query,
  rowsOf,
  type Summary,
} from "./numeric-column.ts";

/** A mean and the sum of squared differences from it. */
export interface Moments {
  readonly mean: number;
  readonly m2: number;
}

/**
 * Means and squared differences of the columns that are not counted value by value: exact sums of whole
 * numbers. Integers are taken as differences from the middle, and all else as differences in units of the
 * range, times 2^60.
 */
export async function sumMoments(
  query: Query,
  columns: readonly NumericColumn[],
  summaries: readonly Summary[],
): Promise<ReadonlyMap<NumericColumn, Moments>> {
  const wide = columns.flatMap((column, index) => {
    const summary = summaries[index]!;
    if (finiteCount(summary) === 0 || hasSmallRange(column, summary)) return [];
    return [{ column, summary, ...frameOf(column, summary) }];
  });
  const moments = new Map<NumericColumn, Moments>();
  const perColumn = 2;
  const size = Math.floor(AGGREGATES_PER_STATEMENT / perColumn);
  for (let first = 0; first < wide.length; first += size) {
    const some = wide.slice(first, first + size);
    const aggregates = some.flatMap(({ column, summary, frame }, index) => {
      const { sum, squares } = sumsOf(query.engine.dialect, column, summary, frame);
      return [`${sum} AS s_${index}`, `${squares} AS q_${index}`];
    });
    const [row] = await rowsOf(query, `SELECT ${aggregates.join(",\n  ")}\nFROM ${query.relation}`);
    for (const [index, { column, summary, frame }] of some.entries()) {
      const { middle, unit, scale } = frame;
      const sum = numberIn(row!, `s_${index}`) / scale;
      const squares = numberIn(row!, `q_${index}`) / scale;
      const mean = sum / finiteCount(summary);
      moments.set(column, {
        mean: middle + mean * unit,
        m2: Math.max(0, squares - mean * sum) * unit * unit,
      });
    }
  }
  return moments;
}

/** The expressions of the sums of a column: of differences from the middle, and of their squares. */
function sumsOf(
  dialect: Dialect,
  column: NumericColumn,
  summary: Summary,
  { middle, unit, scale }: Frame,
): { sum: string; squares: string } {
  if (scale === 1) {
    const x = `(CAST(${column.expression} AS ${dialect.typeName("long")}) - (${middle}))`;
    return { sum: dialect.sumWhole(x), squares: dialect.sumWhole(`${x} * ${x}`) };
  }
  const v = `CAST(${column.expression} AS ${dialect.typeName("double")})`;
  const x = `((${v} - ${dialect.double(middle)}) * ${dialect.double(1 / unit)})`;
  const isWhole = finiteCount(summary) === summary.present;
  const only = (y: string) => (isWhole ? y : `CASE WHEN ${dialect.isFinite(v)} THEN ${y} END`);
  const bits = dialect.double(scale);
  return {
    sum: dialect.sumWhole(only(`${x} * ${bits}`)),
    squares: dialect.sumWhole(only(`${x} * ${x} * ${bits}`)),
  };
}

interface Frame {
  readonly middle: number;
  /** A power of two that no difference from the middle exceeds. */
  readonly unit: number;
  /** What a difference in units is multiplied by to be a whole number. */
  readonly scale: number;
}

/** The squares of differences between integers this near fit in 64 bits. */
const MAX_INTEGER_RANGE = 2 ** 31;

function frameOf(column: NumericColumn, { min, max }: Summary): { readonly frame: Frame } {
  const middle = min / 2 + max / 2;
  const isSafe = Number.isSafeInteger(min) && Number.isSafeInteger(max);
  if (column.isInteger && isSafe && max - min < MAX_INTEGER_RANGE) {
    return { frame: { middle: Math.floor(middle), unit: 1, scale: 1 } };
  }
  const reach = Math.max(max - middle, middle - min);
  const unit = reach === 0 ? 1 : 2 ** Math.min(1023, Math.ceil(Math.log2(reach)) + 1);
  return { frame: { middle, unit, scale: SCALE } };
}

/** Whole numbers of 60 bits stand for differences of up to one unit. */
const SCALE = 2 ** 60;
