import type { Batch, BatchColumn } from "../engine/index.ts";
import { formatNumber, printable, toJsonText } from "./format.ts";
import { formatBox } from "./table.ts";

/** Rows that a box shows before it only counts. */
export const BOX_ROWS_MAX = 40;

const CELL_WIDTH_MAX = 40;

/** A result that is still being pulled, and the engine's type of each column. */
export interface Result {
  readonly batches: AsyncIterable<Batch>;
  readonly types: ReadonlyMap<string, string>;
}

/**
 * Lines of JSON, a row each, a piece of text a batch. Exact: times in ISO 8601 to the microsecond, dates
 * as days, 64-bit integers whole, floats that are not finite as text.
 */
export async function* jsonText(batches: AsyncIterable<Batch>): AsyncIterable<string> {
  for await (const { rowCount, columns } of batches) {
    const names = columns.map(({ name }) => `${JSON.stringify(name)}:`);
    let text = "";
    for (let row = 0; row < rowCount; row++) {
      let line = "{";
      for (let index = 0; index < columns.length; index++) {
        if (index > 0) line += ",";
        line += (names[index] ?? "") + jsonCell(columns[index] as BatchColumn, row);
      }
      text += `${line}}\n`;
    }
    yield text;
  }
}

/** RFC 4180 with a header, an empty field for NULL and `""` for an empty text, a piece per batch. */
export async function* csvText(batches: AsyncIterable<Batch>): AsyncIterable<string> {
  let isFirst = true;
  for await (const { rowCount, columns } of batches) {
    const lines: string[] = [];
    if (isFirst) lines.push(columns.map(({ name }) => csvField(name)).join(","));
    isFirst = false;
    for (let row = 0; row < rowCount; row++) {
      lines.push(columns.map((column) => csvField(exactText(column, row))).join(","));
    }
    yield `${lines.join("\n")}\n`;
  }
}

/** The first rows in a box, and below it how many there are. */
export async function boxText({ batches, types }: Result, rowsMax: number): Promise<string> {
  let titles: string[] = [...types.keys()];
  let kinds: readonly BatchColumn["kind"][] = [];
  let count = 0;
  const shown: string[][] = [];
  for await (const { rowCount, columns } of batches) {
    titles = columns.map(({ name }) => name);
    kinds = columns.map(({ kind }) => kind);
    for (let row = 0; row < rowCount && shown.length < rowsMax; row++) {
      shown.push(columns.map((column) => shownText(column, row)));
    }
    count += rowCount;
  }
  if (titles.length === 0) return "0 rows";
  const box = formatBox(
    titles.map((title, index) => ({
      title,
      type: (types.get(title) ?? kinds[index] ?? "").toLowerCase(),
      align: kinds[index] === "number" || kinds[index] === "bigint" ? "right" : "left",
      widthMax: CELL_WIDTH_MAX,
    })),
    shown,
  );
  const rows = `${formatNumber(count)} ${count === 1 ? "row" : "rows"}`;
  return shown.length < count
    ? `${box}\n${rows}, the first ${shown.length} shown`
    : `${box}\n${rows}`;
}

function exactValue(column: BatchColumn, row: number): unknown {
  if (column.isNull(row)) return null;
  switch (column.kind) {
    case "number":
    case "bigint":
      return column.values[row];
    case "timestamp":
      return timestampText(column.values[row] ?? 0n);
    case "date":
      return dateText(column.values[row] ?? 0);
    case "object":
      return column.get(row);
    default:
      return column satisfies never;
  }
}

function jsonCell(column: BatchColumn, row: number): string {
  const value = exactValue(column, row);
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "bigint":
    case "boolean":
      return String(value);
    case "string":
      return JSON.stringify(value);
    default:
      return value === null || value === undefined ? "null" : toJsonText(value);
  }
}

function exactText(column: BatchColumn, row: number): string | null {
  const value = exactValue(column, row);
  if (value === null || value === undefined) return null;
  return typeof value === "object" && !(value instanceof Date) ? plainJson(value) : textOf(value);
}

function shownText(column: BatchColumn, row: number): string {
  const value = exactValue(column, row);
  if (value === null || value === undefined) return "NULL";
  if (column.kind === "timestamp")
    return String(value)
      .replace("T", " ")
      .replace(/(\.0+)?Z$/, "");
  return printable(typeof value === "object" ? plainJson(value) : textOf(value));
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

function plainJson(value: object): string {
  // Bytes and other values whose JSON is a text need no quotes around it.
  const json = toJsonText(value);
  return json.startsWith('"') ? String(JSON.parse(json)) : json;
}

function timestampText(microseconds: bigint): string {
  const milliseconds = microseconds / 1000n - (microseconds % 1000n < 0n ? 1n : 0n);
  const rest = microseconds - milliseconds * 1000n;
  const date = new Date(Number(milliseconds));
  if (Number.isNaN(date.getTime())) return `${microseconds} us`;
  const text = date.toISOString();
  return rest === 0n ? text : text.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

function dateText(days: number): string {
  const date = new Date(days * 86_400_000);
  return Number.isNaN(date.getTime()) ? `${days} days` : date.toISOString().replace(/T.*/, "");
}

function csvField(value: string | null): string {
  if (value === null) return "";
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
