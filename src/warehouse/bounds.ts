import type { Cell, Row } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { DataFile } from "./formats/manifest.ts";
import { encodeValue, type Primitive, type PrimitiveValue } from "./formats/primitive.ts";

/** A column of a file that was written. */
export interface WrittenColumn {
  readonly id: number;
  readonly name: string;
  /** Undefined for nested and rarer types, which have counts and no bounds. */
  readonly type: Primitive | undefined;
}

/** Counts and bounds of a file, as its manifest entry has them. */
export type FileStatistics = Pick<
  DataFile,
  | "rowCount"
  | "sizeBytes"
  | "columnSizes"
  | "valueCounts"
  | "nullCounts"
  | "nanCounts"
  | "lowerBounds"
  | "upperBounds"
>;

/** Longer texts are cut, so that manifests stay small. It is what every Iceberg writer does. */
const BOUND_CHARACTERS = 16;

/**
 * The statistics of a Parquet file from the row that the engine returns for writing it. A bound that
 * cannot be told exactly is left out: readers then do not prune by it.
 * Source: Apache Iceberg specification, "Manifests", fields 108 to 137.
 */
export function fileStatistics(written: Row, columns: readonly WrittenColumn[]): FileStatistics {
  const rowCount = Number(written["count"]);
  const reported = reportedStatistics(written["column_statistics"] ?? null);
  const statistics = {
    rowCount,
    sizeBytes: Number(written["file_size_bytes"]),
    columnSizes: new Map<number, number>(),
    valueCounts: new Map<number, number>(),
    nullCounts: new Map<number, number>(),
    nanCounts: new Map<number, number>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
  };
  for (const { id, name, type } of columns) {
    const column = reported.get(`"${name.replaceAll('"', '""')}"`);
    if (column === undefined) continue;
    statistics.valueCounts.set(id, rowCount);
    const sizeBytes = column.get("column_size_bytes");
    if (sizeBytes !== undefined) statistics.columnSizes.set(id, Number(sizeBytes));
    const nullCount = column.get("null_count");
    if (nullCount !== undefined) statistics.nullCounts.set(id, Number(nullCount));
    if (type === undefined) continue;
    if (type.kind === "float" || type.kind === "double") {
      // Bounds leave NaN out, and the engine only says whether there is one.
      if (column.get("has_nan") !== "false") continue;
      statistics.nanCounts.set(id, 0);
    }
    const lower = boundOf(type, column.get("min"), "lower");
    const upper = boundOf(type, column.get("max"), "upper");
    if (lower !== undefined) statistics.lowerBounds.set(id, lower);
    if (upper !== undefined) statistics.upperBounds.set(id, upper);
  }
  return statistics;
}

function reportedStatistics(cell: Cell): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const columns = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, values] of entriesOf(cell)) {
    const statistics = new Map(entriesOf(values).map(([key, value]) => [key, String(value)]));
    columns.set(name, statistics);
  }
  return columns;
}

/** The entries of a map, which the engine gives as a list of {key, value}. */
export function entriesOf(cell: Cell): readonly (readonly [string, Cell])[] {
  if (!Array.isArray(cell)) {
    throw new WaybillError("internal", "The engine returned no statistics of what it wrote.");
  }
  return cell.map((pair: Cell) => {
    // A member of such a list is an object with these two fields.
    const { key, value } = pair as { readonly key: Cell; readonly value: Cell };
    return [String(key), value] as const;
  });
}

function boundOf(
  type: Primitive,
  text: string | undefined,
  side: "lower" | "upper",
): Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (type.kind === "string") {
    const bound = side === "lower" ? cutBelow(text) : cutAbove(text);
    return bound === undefined ? undefined : encodeValue(type, bound);
  }
  const value = parseValue(type, text);
  if (value === undefined) return undefined;
  // Minus zero sorts before zero, and the engine does not tell them apart.
  if (value === 0 && (type.kind === "float" || type.kind === "double")) {
    return encodeValue(type, side === "lower" ? -0 : 0);
  }
  return encodeValue(type, value);
}

/** A value from the text that the engine prints for it; undefined where that is not certain. */
export function parseValue(type: Primitive, text: string): PrimitiveValue | undefined {
  switch (type.kind) {
    case "boolean":
      return text === "1" || text === "true";
    case "int":
    case "long":
      return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    case "float":
    case "double": {
      const value = Number(text.replace(/^(-?)inf(inity)?$/i, "$1Infinity"));
      return Number.isNaN(value) || text === "" ? undefined : value;
    }
    case "decimal": {
      const parts = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text);
      if (parts === null) return undefined;
      const [, sign = "", whole = "", fraction = ""] = parts;
      const digits = `${whole}${fraction.padEnd(type.scale, "0")}`;
      return fraction.length > type.scale || digits === "" ? undefined : BigInt(`${sign}${digits}`);
    }
    case "date": {
      const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
      return Number.isNaN(ms) ? undefined : ms / 86_400_000;
    }
    case "timestamp":
    case "timestamptz":
      return parseMicroseconds(text);
    case "string":
      return text;
    case "binary":
      return undefined;
    default:
      return type satisfies never;
  }
}

/** Microseconds since the epoch of a time as the engine prints it in UTC. */
function parseMicroseconds(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text);
  if (parts === null) return undefined;
  const [, day, time, fraction = ""] = parts;
  const ms = Date.parse(`${day}T${time}Z`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, "0"));
}

function cutBelow(text: string): string {
  return [...text].slice(0, BOUND_CHARACTERS).join("");
}

/** The least text of limited length that is not below the given one; undefined when there is none. */
function cutAbove(text: string): string | undefined {
  const characters = [...text];
  if (characters.length <= BOUND_CHARACTERS) return text;
  const kept = characters.slice(0, BOUND_CHARACTERS);
  while (kept.length > 0) {
    const next = nextCharacter(kept.pop()?.codePointAt(0) ?? 0);
    if (next !== undefined) return kept.join("") + next;
  }
  return undefined;
}

function nextCharacter(codePoint: number): string | undefined {
  // Surrogates are no characters: the next after U+D7FF is U+E000.
  const next = codePoint === 0xd7ff ? 0xe000 : codePoint + 1;
  return next > 0x10ffff ? undefined : String.fromCodePoint(next);
}
