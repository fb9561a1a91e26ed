import { WaybillError } from "../../foundation/index.ts";
import type { DatasetPartial, FeaturePartial } from "../partial.ts";
import { StringBudget } from "../string-counter.ts";
import { CsvColumn } from "./column.ts";
import { CellKind } from "./number-text.ts";
import { type CsvLayout, openFile, readBlocks, type WatchOptions } from "./reader.ts";
import { Tokenizer } from "./tokenizer.ts";

/** Where types are guessed: places spread over a file, and bytes read at each. */
const GUESS_PLACES = 32;
const GUESS_BYTES = 16_384;

/** Files below this are read twice when a guess was wrong, and that costs less than guessing. */
const GUESS_FROM_BYTES = 4 << 20;

interface ScanOptions extends WatchOptions {
  /** Only these columns are counted. */
  readonly allowlist?: ReadonlySet<string> | undefined;
  /** The kinds of columns that must not be found out; cells of another kind are an error. */
  readonly kinds?: ReadonlyMap<string, CellKind> | undefined;
}

/**
 * Counts delimited text, all files as one dataset, with TFDV's types and rules: INT, FLOAT (32 bits) or
 * STRING by the greatest cell, empty cells missing, blank lines skipped. The first file's first line
 * names the columns, and every file repeats it. One pass; a second one over the columns, if any, whose
 * type turned out to be another after values had been counted.
 */
export async function scanCsv(
  layout: CsvLayout,
  options: ScanOptions = {},
): Promise<DatasetPartial> {
  const { names } = layout;
  const isCounted = (name: string) => options.allowlist?.has(name) ?? true;
  const guesses = await guessKinds(layout);
  const budget = new StringBudget();
  const columns = names.map((name, index) =>
    isCounted(name) ? columnOf(name, guesses[index]!, budget, options) : undefined,
  );
  const examples = await feed(layout, columns, options);
  if (examples === 0) {
    throw new WaybillError(
      "invalid_argument",
      `"${layout.files[0]!.path}" has a header and no rows.`,
      { hint: "If its first line is data, name the columns with columnNames." },
    );
  }
  const again = columns.map((column) =>
    column?.mustRescan
      ? new CsvColumn({ name: column.name, kind: column.finalKind, budget })
      : undefined,
  );
  if (again.some((column) => column !== undefined)) await feed(layout, again, options);
  const features = columns.flatMap((column, index): FeaturePartial[] =>
    column === undefined ? [] : [(again[index] ?? column).finish()],
  );
  return { name: "", examples, features };
}

function columnOf(
  name: string,
  guess: CellKind,
  budget: StringBudget,
  { kinds }: ScanOptions,
): CsvColumn {
  const kind = kinds?.get(name);
  return new CsvColumn({ name, budget, kind: kind ?? guess, isFixed: kind !== undefined });
}

/** A first guess of each column's type from a little of the data; the scan corrects it. */
async function guessKinds(layout: CsvLayout): Promise<CellKind[]> {
  const kinds = layout.names.map((): CellKind => CellKind.EMPTY);
  const [file] = layout.files;
  if (file === undefined || file.sizeBytes < GUESS_FROM_BYTES) return kinds;
  await using handle = await openFile(file);
  const bytes = new Uint8Array(GUESS_BYTES);
  for (let place = 0; place < GUESS_PLACES; place++) {
    const position = Math.floor((place * (file.sizeBytes - GUESS_BYTES)) / (GUESS_PLACES - 1));
    const { bytesRead } = await handle.read(bytes, 0, GUESS_BYTES, position);
    const start = bytes.indexOf(10) + 1;
    const end = bytes.lastIndexOf(10, bytesRead - 1) + 1;
    if (start <= 0 || end <= start) continue;
    const tokenizer = new Tokenizer({
      file: file.path,
      columns: layout.names.length,
      delimiter: layout.delimiter,
    });
    try {
      tokenizer.next(bytes, start, end, false);
    } catch {
      // This place may lie inside a quoted cell: then it says nothing, and errors are the scan's.
      continue;
    }
    for (const [index, kind] of kinds.entries()) {
      const column = new CsvColumn({ name: "", kind, budget: new StringBudget() });
      column.consume(bytes, tokenizer, index, layout.names.length);
      if (column.finalKind > kind) kinds[index] = column.finalKind;
    }
  }
  return kinds;
}

/** Feeds all rows to the columns; returns how many there are. */
async function feed(
  layout: CsvLayout,
  columns: readonly (CsvColumn | undefined)[],
  options: ScanOptions,
): Promise<number> {
  let rows = 0;
  for await (const { bytes, tokenizer } of readBlocks(layout, options)) {
    rows += tokenizer.rows;
    for (let index = 0; index < columns.length; index++) {
      columns[index]?.consume(bytes, tokenizer, index, columns.length);
    }
  }
  return rows;
}
