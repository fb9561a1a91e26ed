import { type FileHandle, open } from "node:fs/promises";
import { type Progress, silentProgress, WaybillError } from "../../foundation/index.ts";
import { expandPaths, type FileInput, type InputFile, readError } from "../input.ts";
import { Tokenizer, unquote } from "./tokenizer.ts";

const READ_BYTES = 1 << 20;

/** A longer row is an unclosed quote or not delimited text. */
const MAX_ROW_BYTES = 1 << 28;

const BOM = [0xef, 0xbb, 0xbf] as const;

/** Files of delimited text and how to read them. */
export interface CsvLayout {
  readonly files: readonly InputFile[];
  readonly names: readonly string[];
  readonly hasHeader: boolean;
  /** A byte. */
  readonly delimiter: number;
}

/** How a scan is watched and stopped. */
export interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

/** Some whole rows: the cells that `tokenizer` tells of, in `bytes`. Valid until the next is pulled. */
export interface CsvBlock {
  readonly bytes: Uint8Array;
  readonly tokenizer: Tokenizer;
}

/**
 * The files and columns that an input names.
 * @throws WaybillError as {@link expandPaths}; `invalid_argument` for a delimiter that cannot be one or a
 * column that is named twice
 */
export async function layoutOf(input: FileInput): Promise<CsvLayout> {
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

/**
 * All rows, block by block, files in order.
 * @throws WaybillError `data_loss` for ragged rows, open quotes and NUL bytes, with file and line;
 * `invalid_argument` for a file with another header
 */
export async function* readBlocks(
  layout: CsvLayout,
  options: WatchOptions,
): AsyncIterable<CsvBlock> {
  const progress = options.progress ?? silentProgress;
  const total = layout.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBefore = 0;
  for (const file of layout.files) {
    const report = (done: number) =>
      progress.report("statistics", doneBefore + done, total, "bytes");
    yield* readFileBlocks(file, layout, options.signal, report);
    doneBefore += file.sizeBytes;
  }
}

async function* readFileBlocks(
  file: InputFile,
  layout: CsvLayout,
  signal: AbortSignal | undefined,
  report: (done: number) => void,
): AsyncIterable<CsvBlock> {
  const { names, delimiter, hasHeader } = layout;
  const header = hasHeader ? await readHeader(file, delimiter) : undefined;
  if (header !== undefined) checkHeader(header.names, names, file, layout.files[0]!);
  const tokenizer = new Tokenizer({ file: file.path, columns: names.length, delimiter });
  await using handle = await openFile(file);
  let bytes = new Uint8Array(READ_BYTES + (READ_BYTES >> 2));
  let position = header?.start ?? 0;
  if (header !== undefined) tokenizer.line = 2;
  let kept = 0;
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
      yield { bytes, tokenizer };
    }
    report(position);
    if (isLast) return;
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

/** Opens a file to read, or says why not. */
export async function openFile(file: InputFile): Promise<FileHandle> {
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
