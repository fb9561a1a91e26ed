import type { Dialect, TypeFamily } from "../../engine/index.ts";
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
import { type Moments, sumMoments } from "./moments.ts";
import {
  AGGREGATES_PER_STATEMENT,
  finiteCount,
  type NumericColumn,
  numberIn,
  optionsOf,
  type Query,
  rowsOf,
  type Summary,
} from "./numeric-column.ts";

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
