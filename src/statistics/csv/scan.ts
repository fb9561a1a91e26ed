import { type FileHandle, open } from "node:fs/promises";
import { type Progress, silentProgress, WaybillError } from "../../foundation/index.ts";
import { expandPaths, type FileInput, type InputFile, readError } from "../input.ts";
import type { DatasetPartial, FeaturePartial } from "../partial.ts";
import { CsvColumn } from "./column.ts";
import { CellKind } from "./number-text.ts";
import { Tokenizer, unquote } from "./tokenizer.ts";

const READ_BYTES = 1 << 20;

/** A longer row is an unclosed quote or not delimited text. */
const MAX_ROW_BYTES = 1 << 28;

/** Where types are guessed: places spread over a file, and bytes read at each. */
const GUESS_PLACES = 32;
const GUESS_BYTES = 16_384;

/** Files below this are read twice when a guess was wrong, and that costs less than guessing. */
const GUESS_FROM_BYTES = 4 << 20;

const BOM = [0xef, 0xbb, 0xbf] as const;

interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  /** Only these columns are counted. */
  readonly allowlist?: ReadonlySet<string> | undefined;
}

interface Layout {
  readonly files: readonly InputFile[];
  readonly names: readonly string[];
  readonly hasHeader: boolean;
  readonly delimiter: number;
}

/**
 * Counts delimited text, all files as one dataset, with TFDV's types and rules: INT, FLOAT (32 bits) or
 * STRING by the greatest cell, empty cells missing, blank lines skipped. The first file's first line
 * names the columns, and every file repeats it. One pass; a second one over the columns, if any, whose
 * type turned out to be another after values had been counted.
 */
export async function scanCsv(
  input: FileInput,
  options: ScanOptions = {},
): Promise<DatasetPartial> {
  const layout = await layoutOf(input);
  const { names } = layout;
  const isCounted = (name: string) => options.allowlist?.has(name) ?? true;
  const guesses = await guessKinds(layout);
  const columns = names.map((name, index) =>
    isCounted(name) ? new CsvColumn(name, guesses[index]!) : undefined,
  );
  const examples = await scanFiles(layout, columns, options);
  if (examples === 0) {
    throw new WaybillError(
      "invalid_argument",
      `"${layout.files[0]!.path}" has a header and no rows.`,
      { hint: "If its first line is data, name the columns with columnNames." },
    );
  }
  const again = columns.map((column) =>
    column?.mustRescan ? new CsvColumn(column.name, column.finalKind) : undefined,
  );
  if (again.some((column) => column !== undefined)) await scanFiles(layout, again, options);
  const features = columns.flatMap((column, index): FeaturePartial[] =>
    column === undefined ? [] : [(again[index] ?? column).finish()],
  );
  return { name: "", examples, features };
}

async function layoutOf(input: FileInput): Promise<Layout> {
  const delimiter = delimiterOf(input.delimiter ?? ",");
  const files = await expandPaths(input.paths);
  const hasHeader = input.columnNames === undefined;
  const names = input.columnNames ?? (await readHeader(files[0]!, delimiter)).names;
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new WaybillError(
        "invalid_argument",
        `"${files[0]!.path}" names the column "${name}" twice.`,
        { hint: "Rename one in the header; features are told apart by name." },
      );
    }
    seen.add(name);
  }
  return { files, names, hasHeader, delimiter };
}

function delimiterOf(text: string): number {
  const code = text.charCodeAt(0);
  if (text.length === 1 && code < 128 && !['"', "\n", "\r", "\0"].includes(text)) return code;
  throw new WaybillError(
    "invalid_argument",
    `The delimiter ${JSON.stringify(text)} cannot be used.`,
    {
      hint: "A delimiter is one ASCII character, not a quote or a newline.",
    },
  );
}

/** The names in the first line of a file, and where the rows start. */
async function readHeader(
  file: InputFile,
  delimiter: number,
): Promise<{ names: string[]; start: number }> {
  await using handle = await openFile(file);
  let bytes = new Uint8Array(65_536);
  let size = 0;
  for (;;) {
    const { bytesRead } = await handle.read(bytes, size, bytes.length - size, size);
    size += bytesRead;
    const isLast = bytesRead === 0;
    const start = hasBom(bytes) ? BOM.length : 0;
    const end = headerEnd(bytes, start, size, isLast);
    if (end >= 0) {
      const line = bytes.subarray(start, end);
      const width = cellsOf(line, delimiter);
      const tokenizer = new Tokenizer({ file: file.path, columns: width, delimiter });
      tokenizer.next(line, 0, line.length, true);
      if (tokenizer.rows === 0) {
        throw new WaybillError(
          "data_loss",
          `"${file.path}" starts with a blank line, not a header.`,
          {
            hint: "The first line names the columns.",
          },
        );
      }
      const names = Array.from({ length: width }, (_, index) => cellText(line, tokenizer, index));
      return { names, start: Math.min(size, end + 1) };
    }
    if (size >= MAX_ROW_BYTES) throw tooLong(file, 1);
    if (size === bytes.length) {
      const larger = new Uint8Array(bytes.length * 4);
      larger.set(bytes);
      bytes = larger;
    }
  }
}

function headerEnd(bytes: Uint8Array, start: number, end: number, isLast: boolean): number {
  let isQuoted = false;
  for (let at = start; at < end; at++) {
    if (bytes[at] === 34) isQuoted = !isQuoted;
    else if (bytes[at] === 10 && !isQuoted) return at;
  }
  return isLast ? end : -1;
}

function cellsOf(line: Uint8Array, delimiter: number): number {
  let isQuoted = false;
  let cells = 1;
  for (const byte of line) {
    if (byte === 34) isQuoted = !isQuoted;
    else if (byte === delimiter && !isQuoted) cells++;
  }
  return cells;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function cellText(bytes: Uint8Array, block: Tokenizer, index: number): string {
  const start = block.starts[index]!;
  const end = block.ends[index]!;
  if (end >= 0) return decoder.decode(bytes.subarray(start, end));
  const text = new Uint8Array(~end - start);
  return decoder.decode(text.subarray(0, unquote(bytes, start, ~end, text)));
}

function hasBom(bytes: Uint8Array): boolean {
  return BOM.every((byte, index) => bytes[index] === byte);
}

/** A first guess of each column's type from a little of the data; the scan corrects it. */
async function guessKinds(layout: Layout): Promise<CellKind[]> {
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
      const column = new CsvColumn("", kind);
      column.consume(bytes, tokenizer, index, layout.names.length);
      if (column.finalKind > kind) kinds[index] = column.finalKind;
    }
  }
  return kinds;
}

/** Feeds all rows to the columns; returns how many there are. */
async function scanFiles(
  layout: Layout,
  columns: readonly (CsvColumn | undefined)[],
  options: ScanOptions,
): Promise<number> {
  const progress = options.progress ?? silentProgress;
  const total = layout.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let rows = 0;
  let doneBefore = 0;
  for (const file of layout.files) {
    rows += await scanFile(file, layout, columns, options, (done) =>
      progress.report("statistics", doneBefore + done, total, "bytes"),
    );
    doneBefore += file.sizeBytes;
  }
  return rows;
}

async function scanFile(
  file: InputFile,
  layout: Layout,
  columns: readonly (CsvColumn | undefined)[],
  { signal }: ScanOptions,
  report: (done: number) => void,
): Promise<number> {
  const { names, delimiter, hasHeader } = layout;
  const header = hasHeader ? await readHeader(file, delimiter) : undefined;
  if (header !== undefined) checkHeader(header.names, names, file, layout.files[0]!);
  const tokenizer = new Tokenizer({ file: file.path, columns: names.length, delimiter });
  await using handle = await openFile(file);
  let bytes = new Uint8Array(READ_BYTES + (READ_BYTES >> 2));
  let position = header?.start ?? 0;
  if (header !== undefined) tokenizer.line = 2;
  let kept = 0;
  let rows = 0;
  for (;;) {
    if (signal?.aborted) throw new WaybillError("cancelled", "Interrupted.");
    const { bytesRead } = await handle
      .read(bytes, kept, Math.min(READ_BYTES, bytes.length - kept), position)
      .catch((caught: unknown) => {
        throw readError(file.path, caught);
      });
    let start = 0;
    if (position === 0 && hasBom(bytes)) start = BOM.length;
    position += bytesRead;
    const size = kept + bytesRead;
    const isLast = bytesRead === 0;
    for (;;) {
      start = tokenizer.next(bytes, start, size, isLast);
      if (tokenizer.rows === 0) break;
      rows += tokenizer.rows;
      for (let index = 0; index < columns.length; index++) {
        columns[index]?.consume(bytes, tokenizer, index, columns.length);
      }
    }
    report(position);
    if (isLast) return rows;
    kept = size - start;
    if (kept > bytes.length - READ_BYTES) {
      if (kept > MAX_ROW_BYTES) throw tooLong(file, tokenizer.line);
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes.subarray(start, size));
      bytes = larger;
    } else bytes.copyWithin(0, start, size);
  }
}

function checkHeader(
  names: readonly string[],
  expected: readonly string[],
  file: InputFile,
  first: InputFile,
): void {
  if (names.length === expected.length && names.every((name, i) => name === expected[i])) return;
  const place = expected.findIndex((name, index) => name !== names[index]);
  const detail =
    names.length === expected.length
      ? `column ${place + 1} is "${names[place]}" where "${first.path}" has "${expected[place]}"`
      : `it has ${names.length} columns where "${first.path}" has ${expected.length}`;
  throw new WaybillError("invalid_argument", `"${file.path}" has another header: ${detail}.`, {
    hint: "Files that are read together repeat the same first line.",
  });
}

async function openFile(file: InputFile): Promise<FileHandle> {
  return open(file.path, "r").catch((caught: unknown) => {
    throw readError(file.path, caught);
  });
}

function tooLong(file: InputFile, line: number): WaybillError {
  return new WaybillError(
    "data_loss",
    `"${file.path}" line ${line} is longer than ${MAX_ROW_BYTES >> 20} MiB.`,
    { hint: "A quote in it may never be closed, or it is not delimited text." },
  );
}
