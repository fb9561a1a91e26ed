import type { Dialect, Engine, Row, TypeFamily } from "../../engine/index.ts";
import {
  cellOf,
  type Distribution,
  distributionOfPoints,
  EMPTY_DISTRIBUTION,
  gridExponent,
  thinMarks,
} from "../distribution.ts";
import { type NumericPartial, numericOfCounts } from "../numeric.ts";
import { cellNumber } from "./cells.ts";

/** A numeric column of a relation, as an expression that gives numbers. */
export interface NumericColumn {
  readonly name: string;
  readonly expression: string;
  /** Whether values are whole numbers, so that there is no NaN or infinity to look for. */
  readonly isInteger: boolean;
}

interface Query {
  readonly engine: Engine;
  readonly relation: string;
  readonly signal: AbortSignal | undefined;
}

/** Integers whose extremes are nearer than this are counted value by value. */
const MAX_COUNTED_RANGE = 65_536;

/** Aggregates of one statement: planning more costs more than another scan. */
const AGGREGATES_PER_STATEMENT = 4_000;

/** Cells that values are counted on, at first and where they crowd. */
const CELLS = 8_192;
const FINER_CELLS = 4_096;

/** Where a cell has more than this part of the values, values are counted on a finer grid. */
const HEAVY_PART = 1 / 512;

/** How often that is done, and in how many places at once; heavy cells this near are one place. */
const MAX_ROUNDS = 3;
const MAX_PLACES = 4;
const NEAR_CELLS = 4;

/** The expression that makes a number of a column, or undefined for a family without numbers. */
export function numberExpression(
  column: string,
  family: TypeFamily,
  dialect: Dialect,
): { readonly expression: string; readonly isInteger: boolean } | undefined {
  switch (family) {
    case "boolean":
      return { expression: `CAST(${column} AS ${dialect.typeName("int")})`, isInteger: true };
    case "integer":
      return { expression: column, isInteger: true };
    case "double":
      return { expression: `CAST(${column} AS ${dialect.typeName("double")})`, isInteger: false };
    case "date":
      return { expression: dialect.epochDays(column), isInteger: true };
    case "time":
    case "timestamp":
      return { expression: dialect.epochUs(column), isInteger: true };
    default:
      return undefined;
  }
}

/**
 * Counts numeric columns in SQL. Every value that comes back is exact or does not depend on the order
 * in which the engine adds: integers are counted value by value where their range is small; else values
 * are counted on a dyadic grid with the greatest value of each cell, and moments are sums of whole
 * numbers that stand for scaled differences from the middle of the range.
 * @returns one partial per column, with the number of non-NULL values beside it
 */
export async function countNumericColumns(
  query: Query,
  columns: readonly NumericColumn[],
): Promise<readonly { readonly present: number; readonly numeric: NumericPartial }[]> {
  const summaries = await summarize(query, columns);
  const moments = await sumMoments(query, columns, summaries);
  const results: { present: number; numeric: NumericPartial }[] = [];
  for (const [index, column] of columns.entries()) {
    const summary = summaries[index]!;
    results.push({
      present: summary.present,
      numeric: await countColumn(query, column, summary, moments.get(column)),
    });
  }
  return results;
}

interface Summary {
  readonly present: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  readonly min: number;
  readonly max: number;
}

async function summarize(query: Query, columns: readonly NumericColumn[]): Promise<Summary[]> {
  const { dialect } = query.engine;
  const perColumn = 4;
  const size = Math.floor(AGGREGATES_PER_STATEMENT / perColumn);
  const summaries: Summary[] = [];
  for (let first = 0; first < columns.length; first += size) {
    const some = columns.slice(first, first + size);
    const aggregates = some.flatMap(({ expression: x }, index) => [
      `count(${x}) AS present_${index}`,
      `CAST(min(${x}) AS ${dialect.typeName("double")}) AS min_${index}`,
      `CAST(max(${x}) AS ${dialect.typeName("double")}) AS max_${index}`,
      `${dialect.countIf(`${x} = 0`)} AS zeros_${index}`,
    ]);
    const [row] = await rowsOf(query, `SELECT ${aggregates.join(",\n  ")}\nFROM ${query.relation}`);
    for (const [index, column] of some.entries()) {
      const summary: Summary = {
        present: numberIn(row!, `present_${index}`),
        zeros: numberIn(row!, `zeros_${index}`),
        min: numberIn(row!, `min_${index}`),
        max: numberIn(row!, `max_${index}`),
        nan: 0,
        positiveInfinity: 0,
        negativeInfinity: 0,
      };
      // NaN is greater than all, so that the extremes tell of it and of infinities.
      const areFinite = Number.isFinite(summary.min) && Number.isFinite(summary.max);
      summaries.push(areFinite ? summary : { ...summary, ...(await specials(query, column)) });
    }
  }
  return summaries;
}

/** What only columns with NaN or infinities need: how many, and the extremes of the others. */
async function specials(
  query: Query,
  { expression: x }: NumericColumn,
): Promise<Omit<Summary, "present" | "zeros">> {
  const { dialect } = query.engine;
  const finite = `(${x} IS NOT NULL AND ${dialect.isFinite(x)})`;
  const sql = `
    SELECT ${dialect.countIf(dialect.isNan(x))} AS nans,
      ${dialect.countIf(`${x} = ${dialect.double(Number.POSITIVE_INFINITY)}`)} AS above,
      ${dialect.countIf(`${x} = ${dialect.double(Number.NEGATIVE_INFINITY)}`)} AS below,
      min(CASE WHEN ${finite} THEN ${x} END) AS low,
      max(CASE WHEN ${finite} THEN ${x} END) AS high
    FROM ${query.relation}`;
  const [row] = await rowsOf(query, sql);
  return {
    nan: numberIn(row!, "nans"),
    positiveInfinity: numberIn(row!, "above"),
    negativeInfinity: numberIn(row!, "below"),
    min: numberIn(row!, "low"),
    max: numberIn(row!, "high"),
  };
}

/** Whether a column's values are few enough to count one by one. */
function hasSmallRange(column: NumericColumn, { min, max }: Summary): boolean {
  return column.isInteger && max - min < MAX_COUNTED_RANGE;
}

function finiteCount(summary: Summary): number {
  return summary.present - summary.nan - summary.positiveInfinity - summary.negativeInfinity;
}

interface Moments {
  readonly mean: number;
  readonly m2: number;
}

/**
 * Means and squared differences of the columns that are not counted value by value: exact sums of whole
 * numbers. Integers are taken as differences from the middle, and all else as differences in units of the
 * range, times 2^60.
 */
async function sumMoments(
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

async function countColumn(
  query: Query,
  column: NumericColumn,
  summary: Summary,
  moments: Moments | undefined,
): Promise<NumericPartial> {
  const { nan, positiveInfinity, negativeInfinity, min, max, zeros } = summary;
  const others = { nan, positiveInfinity, negativeInfinity };
  const count = finiteCount(summary);
  if (moments === undefined) {
    const { values, counts } =
      count === 0
        ? { values: EMPTY_DISTRIBUTION.values, counts: EMPTY_DISTRIBUTION.weights }
        : await countValues(query, column);
    return numericOfCounts(values, counts, others);
  }
  const distribution = await distributionOf(query, column, summary);
  return { count, ...moments, min, max, zeros, ...others, distribution };
}

async function countValues(
  query: Query,
  { expression: x }: NumericColumn,
): Promise<{ values: Float64Array; counts: Float64Array }> {
  const values: number[] = [];
  const counts: number[] = [];
  const double = query.engine.dialect.typeName("double");
  const sql = `
    SELECT CAST(v AS ${double}) AS v, CAST(n AS ${double}) AS n
    FROM (SELECT ${x} AS v, count(*) AS n FROM ${query.relation} GROUP BY 1) AS g
    WHERE v IS NOT NULL`;
  for await (const batch of query.engine.query(sql, optionsOf(query))) {
    const [value, count] = batch.columns;
    for (let row = 0; row < batch.rowCount; row++) {
      values.push(cellNumber(value!, row));
      counts.push(cellNumber(count!, row));
    }
  }
  return { values: Float64Array.from(values), counts: Float64Array.from(counts) };
}

/** A cell of a grid: its values lie in [low, high], both of which occur. */
interface Cell {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Counts the values of [min, max] on a grid, cells ascending. */
async function countCells(
  query: Query,
  { expression: x }: NumericColumn,
  range: {
    readonly min: number;
    readonly max: number;
    readonly exponent: number;
    /** Whether there is nothing else in the column, and so nothing to leave out. */
    readonly isWhole: boolean;
  },
): Promise<Cell[]> {
  const { dialect } = query.engine;
  const double = dialect.typeName("double");
  const where = range.isWhole
    ? ""
    : `\n    WHERE v >= ${dialect.double(range.min)} AND v <= ${dialect.double(range.max)}`;
  const sql = `
    SELECT min(v) AS low, max(v) AS high, CAST(count(*) AS ${double}) AS n
    FROM (SELECT CAST(${x} AS ${double}) AS v FROM ${query.relation}) AS t${where}
    GROUP BY ceil(v * ${dialect.double(2 ** -range.exponent)})`;
  const cells: Cell[] = [];
  for await (const batch of query.engine.query(sql, optionsOf(query))) {
    const [low, high, count] = batch.columns;
    for (let row = 0; row < batch.rowCount; row++) {
      // NULLs have a group of their own.
      if (low!.isNull(row)) continue;
      cells.push({
        low: cellNumber(low!, row),
        high: cellNumber(high!, row),
        count: cellNumber(count!, row),
      });
    }
  }
  return cells.sort((a, b) => a.high - b.high);
}

/** The grid's counts, and marks at the greatest value of each cell, finer where values crowd. */
async function distributionOf(
  query: Query,
  column: NumericColumn,
  summary: Summary,
): Promise<Distribution> {
  const { min, max } = summary;
  const exponent = gridExponent(min, max, CELLS);
  const isWhole = finiteCount(summary) === summary.present;
  const cells = await countCells(query, column, { min, max, exponent, isWhole });
  const limit = finiteCount(summary) * HEAVY_PART;
  let marks = cells;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const places = crowdedPlaces(marks, limit);
    if (places.length === 0) break;
    const finer: Cell[] = [];
    let at = 0;
    for (const { first, last } of places) {
      const range = { min: marks[first]!.low, max: marks[last]!.high };
      finer.push(...marks.slice(at, first));
      finer.push(
        ...(await countCells(query, column, {
          ...range,
          exponent: gridExponent(range.min, range.max, FINER_CELLS),
          isWhole: false,
        })),
      );
      at = last + 1;
    }
    marks = finer.concat(marks.slice(at));
  }
  const [first] = marks;
  if (first !== undefined && first.low < first.high) {
    // The smallest value is a mark of its own.
    marks = [
      { ...first, high: first.low, count: 1 },
      { ...first, count: first.count - 1 },
      ...marks.slice(1),
    ];
  }
  const values = Float64Array.from(marks, (cell) => cell.high);
  const weights = Float64Array.from(marks, (cell) => cell.count);
  if (marks.every((cell) => cell.low === cell.high)) return distributionOfPoints(values, weights);
  const base = cellOf(min, exponent);
  const counts = new Float64Array(cellOf(max, exponent) - base + 1);
  for (const cell of cells) counts[cellOf(cell.high, exponent) - base]! += cell.count;
  return { isExact: false, ...thinMarks(values, weights), grid: { exponent, base, counts } };
}

/** The runs of marks around heavy cells, the heaviest few, in ascending order. */
function crowdedPlaces(marks: readonly Cell[], limit: number): { first: number; last: number }[] {
  const places: { first: number; last: number; count: number }[] = [];
  for (const [index, { low, high, count }] of marks.entries()) {
    if (count <= limit || low === high) continue;
    const place = places.at(-1);
    if (place !== undefined && index - place.last <= NEAR_CELLS) {
      place.last = index;
      place.count += count;
    } else places.push({ first: index, last: index, count });
  }
  return places
    .sort((a, b) => b.count - a.count || a.first - b.first)
    .slice(0, MAX_PLACES)
    .sort((a, b) => a.first - b.first);
}

function optionsOf({ signal }: Query): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function rowsOf(query: Query, sql: string): Promise<Row[]> {
  return query.engine.rows(sql, optionsOf(query));
}

/** A number of a small result; NULL (a column without values) is zero, sums of any size are rounded. */
export function numberIn(row: Row, name: string): number {
  return Number(row[name] ?? 0);
}
