import { printable } from "./format.ts";

/** A column of a table for people. */
export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Wider cells are cut with an ellipsis. */
  readonly widthMax?: number;
}

/** Lines of aligned columns, two spaces apart, under a row of titles; no line ends in spaces. */
export function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): string {
  const { cells, widths } = layOut(columns, rows);
  return cells.map((row) => joinCells(columns, row, widths, "  ").trimEnd()).join("\n");
}

/** The same in a box, with the engine's type under each name, as database shells draw results. */
export function formatBox(
  columns: readonly (TableColumn & { readonly type: string })[],
  rows: readonly (readonly string[])[],
): string {
  const types = columns.map(({ type }) => type);
  const { cells, widths } = layOut(columns, [types, ...rows]);
  const [titles = [], typeRow = [], ...data] = cells;
  const rule = (left: string, middle: string, right: string) =>
    left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const line = (row: readonly string[]) => `│ ${joinCells(columns, row, widths, " │ ")} │`;
  return [
    rule("┌", "┬", "┐"),
    line(titles),
    line(typeRow),
    ...(data.length === 0 ? [] : [rule("├", "┼", "┤"), ...data.map(line)]),
    rule("└", "┴", "┘"),
  ].join("\n");
}

/** Names and their values below each other, the values aligned. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => displayWidth(name)));
  return fields
    .map(([name, value]) => `${name}${" ".repeat(width - displayWidth(name))}  ${value}`.trimEnd())
    .join("\n");
}

/** Columns that a text takes on a terminal: wide characters two, combining ones none. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (ZERO_WIDTH.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** The text cut to `width` columns, with an ellipsis where something was cut. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    const next = displayWidth(character);
    if (used + next > width - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…`;
}

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// East Asian wide and fullwidth blocks, and characters that are emoji by default.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}$/u;

function layOut(columns: readonly TableColumn[], rows: readonly (readonly string[])[]) {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) =>
    columns.map(({ widthMax }, index) => {
      const text = printable(row[index] ?? "");
      return widthMax === undefined ? text : truncate(text, widthMax);
    }),
  );
  const widths = columns.map((_, index) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[index] ?? "")), 0),
  );
  return { cells, widths };
}

function joinCells(
  columns: readonly TableColumn[],
  row: readonly string[],
  widths: readonly number[],
  separator: string,
): string {
  return row
    .map((cell, index) => {
      const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)));
      return columns[index]?.align === "right" ? padding + cell : cell + padding;
    })
    .join(separator);
}
