import type { Dialect, Engine, Row, TypeFamily } from "../../engine/index.ts";
import {
  cellOf,
  type Distribution,
  distributionOfPoints,
  EMPTY_DISTRIBUTION,
  GRID_CELLS,
  gridExponent,
  thinMarks,
} from "../distribution.ts";
import { type NumericPartial, numericOfCounts } from "../numeric.ts";
import { cellNumber, cellWhole } from "./cells.ts";

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

/** A cell with more than this part of the values is divided again. */
const HEAVY_PART = 1 / 512;

/** Cells that are divided in a round, and rounds. */
const MAX_HEAVY_CELLS = 8;
const MAX_ROUNDS = 4;

/** Bits of the whole numbers that stand for differences in exact sums. */
const SUM_BITS = 60;

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
  const results: { present: number; numeric: NumericPartial }[] = [];
  for (const [index, column] of columns.entries()) {
    const summary = summaries[index]!;
    results.push({
      present: summary.present,
      numeric: await countColumn(query, column, summary),
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
  const perColumn = 5;
  const size = Math.floor(AGGREGATES_PER_STATEMENT / perColumn);
  const summaries: Summary[] = [];
  for (let first = 0; first < columns.length; first += size) {
    const some = columns.slice(first, first + size);
    const aggregates = some.flatMap(({ expression: x, isInteger }, index) => [
      `count(${x}) AS present_${index}`,
      `CAST(min(${x}) AS ${dialect.typeName("double")}) AS min_${index}`,
      `CAST(max(${x}) AS ${dialect.typeName("double")}) AS max_${index}`,
      `${dialect.countIf(`${x} = 0`)} AS zeros_${index}`,
      ...(isInteger
        ? []
        : [`${dialect.countIf(`NOT ${dialect.isFinite(x)}`)} AS special_${index}`]),
    ]);
    const [row] = await rowsOf(query, `SELECT ${aggregates.join(",\n  ")}\nFROM ${query.relation}`);
    for (const [index, column] of some.entries()) {
      const special = column.isInteger ? 0 : numberIn(row!, `special_${index}`);
      const summary: Summary = {
        present: numberIn(row!, `present_${index}`),
        zeros: numberIn(row!, `zeros_${index}`),
        min: numberIn(row!, `min_${index}`),
        max: numberIn(row!, `max_${index}`),
        nan: 0,
        positiveInfinity: 0,
        negativeInfinity: 0,
      };
      summaries.push(special === 0 ? summary : { ...summary, ...(await specials(query, column)) });
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
): Promise<NumericPartial> {
  const { nan, positiveInfinity, negativeInfinity, min, max, zeros } = summary;
  const others = { nan, positiveInfinity, negativeInfinity };
  const count = summary.present - nan - positiveInfinity - negativeInfinity;
  if (count === 0) {
    return numericOfCounts(EMPTY_DISTRIBUTION.values, EMPTY_DISTRIBUTION.weights, others);
  }
  if (column.isInteger && max - min < MAX_COUNTED_RANGE) {
    const { values, counts } = await countValues(query, column);
    return numericOfCounts(values, counts, others);
  }
  const cells = await countCells(query, column, min, max, true);
  const { mean, m2 } = momentsOf(cells, min, max, count);
  const distribution = await distributionOfCells(query, column, cells, count);
  return { count, mean, m2, min, max, zeros, ...others, distribution };
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
  /** Sums of scaled differences from the middle and of their squares, whole numbers as text. */
  readonly sum: bigint;
  readonly squares: bigint;
}

/** Counts the values of [min, max] on a grid, cells ascending. */
async function countCells(
  query: Query,
  { expression: x }: NumericColumn,
  min: number,
  max: number,
  hasSums: boolean,
): Promise<Cell[]> {
  const { dialect } = query.engine;
  const double = dialect.typeName("double");
  const scale = dialect.double(2 ** -gridExponent(min, max));
  const { middle, unit } = frameOf(min, max);
  const difference = `((v - ${dialect.double(middle)}) * ${dialect.double(1 / unit)})`;
  const bits = dialect.double(2 ** SUM_BITS);
  const sums = hasSums
    ? `, ${dialect.sumWhole(`${difference} * ${bits}`)} AS s,
      ${dialect.sumWhole(`${difference} * ${difference} * ${bits}`)} AS q`
    : "";
  const sql = `
    SELECT ceil(v * ${scale}) AS c, min(v) AS low, max(v) AS high, CAST(count(*) AS ${double}) AS n${sums}
    FROM (SELECT CAST(${x} AS ${double}) AS v FROM ${query.relation}) AS t
    WHERE v >= ${dialect.double(min)} AND v <= ${dialect.double(max)}
    GROUP BY 1`;
  const cells: Cell[] = [];
  for await (const batch of query.engine.query(sql, optionsOf(query))) {
    const [, low, high, count, sum, squares] = batch.columns;
    for (let row = 0; row < batch.rowCount; row++) {
      cells.push({
        low: cellNumber(low!, row),
        high: cellNumber(high!, row),
        count: cellNumber(count!, row),
        sum: sum === undefined ? 0n : cellWhole(sum, row),
        squares: squares === undefined ? 0n : cellWhole(squares, row),
      });
    }
  }
  return cells.sort((a, b) => a.high - b.high);
}

/** The middle of a range and a power of two that no difference from the middle exceeds. */
function frameOf(min: number, max: number): { middle: number; unit: number } {
  const middle = min / 2 + max / 2;
  const reach = Math.max(max - middle, middle - min);
  const unit = reach === 0 ? 1 : 2 ** Math.min(1023, Math.ceil(Math.log2(reach)) + 1);
  return { middle, unit };
}

function momentsOf(
  cells: readonly Cell[],
  min: number,
  max: number,
  count: number,
): { mean: number; m2: number } {
  const { middle, unit } = frameOf(min, max);
  const sum = Number(cells.reduce((total, cell) => total + cell.sum, 0n)) / 2 ** SUM_BITS;
  const squares = Number(cells.reduce((total, cell) => total + cell.squares, 0n)) / 2 ** SUM_BITS;
  const mean = sum / count;
  return { mean: middle + mean * unit, m2: Math.max(0, squares - mean * sum) * unit * unit };
}

/** The grid's counts, and marks at the greatest value of each cell; heavy cells are divided again. */
async function distributionOfCells(
  query: Query,
  column: NumericColumn,
  cells: readonly Cell[],
  count: number,
): Promise<Distribution> {
  let marks = [...cells];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const heavy = marks
      .filter((cell) => cell.count > count * HEAVY_PART && cell.low < cell.high)
      .sort((a, b) => b.count - a.count || a.low - b.low)
      .slice(0, MAX_HEAVY_CELLS);
    if (heavy.length === 0) break;
    const parts: Cell[] = [];
    for (const { low, high } of heavy) {
      parts.push(...(await countCells(query, column, low, high, false)));
    }
    marks = marks
      .filter((cell) => !heavy.includes(cell))
      .concat(parts)
      .sort((a, b) => a.high - b.high);
  }
  const [first] = marks;
  if (first !== undefined && first.low < first.high && first.count > 1) {
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
  const exponent = gridExponent(cells[0]!.low, cells.at(-1)!.high);
  const base = cellOf(cells[0]!.low, exponent);
  const counts = new Float64Array(GRID_CELLS);
  for (const cell of cells) counts[cellOf(cell.high, exponent) - base]! += cell.count;
  return { isExact: false, ...thinMarks(values, weights), grid: { exponent, base, counts } };
}

function optionsOf({ signal }: Query): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function rowsOf(query: Query, sql: string): Promise<Row[]> {
  return query.engine.rows(sql, optionsOf(query));
}

/** A number of a small result; NULL (a column without values) is zero. */
export function numberIn(row: Row, name: string): number {
  return Number(row[name] ?? 0);
}
