import { WaybillError } from "../../foundation/index.ts";

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;

/** Cells that one block holds; columns are counted block by block. */
const BLOCK_CELLS = 32_768;

/**
 * Cuts delimited text into cells. A block of whole rows becomes two arrays, cell r * columns + c of
 * which are the first byte and the byte after the last; an end that is negative is the complement of
 * the end of a cell whose quotes must be resolved by {@link unquote}.
 * Source: Python's csv module, which TFDV uses: a quote opens only at the start of a cell, "" inside
 * stands for one, text after the closing quote belongs to the cell. Quoted newlines are read.
 */
export class Tokenizer {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Rows of the present block. */
  rows = 0;
  /** Lines read so far, the one that is being read included. */
  line = 1;
  #quotedNewlines = 0;
  readonly #columns: number;
  readonly #delimiter: number;
  readonly #file: string;

  constructor(options: { file: string; columns: number; delimiter: number }) {
    this.#columns = options.columns;
    this.#delimiter = options.delimiter;
    this.#file = options.file;
    const capacity = Math.max(BLOCK_CELLS, options.columns * 2);
    this.starts = new Int32Array(capacity);
    this.ends = new Int32Array(capacity);
  }

  /**
   * Cuts rows from `start` on until the block is full or no whole row is left. Blank lines are skipped.
   * @param isLast whether the file ends at `end`
   * @returns where the next block starts
   * @throws `data_loss` for a row of another width, an open quote, or a NUL byte
   */
  next(bytes: Uint8Array, start: number, end: number, isLast: boolean): number {
    const { starts, ends } = this;
    const columns = this.#columns;
    const delimiter = this.#delimiter;
    // Nearly every byte is above the quote and the comma: one comparison for it.
    const highest = Math.max(delimiter, QUOTE);
    const lastCell = starts.length - columns;
    let rows = 0;
    let cell = 0;
    let rowEndCell = columns;
    let rowStart = start;
    let at = start;
    scan: while (at < end || (isLast && at > rowStart)) {
      let cellStart = at;
      let cellEnd: number;
      if (at < end && bytes[at] === QUOTE) {
        at = this.#quotedCellEnd(bytes, at, end, isLast);
        if (at < 0) {
          if (isLast) this.#openQuote(bytes, rowStart, cellStart);
          break;
        }
        cellEnd = at;
      } else {
        for (;;) {
          while (at < end && bytes[at]! > highest) at++;
          if (at >= end) break;
          const byte = bytes[at]!;
          if (byte === delimiter) {
            // Most cells end here; the last of a row is stored below.
            if (cell >= rowEndCell) this.#ragged(bytes, rowStart, end);
            starts[cell] = cellStart;
            ends[cell++] = at++;
            cellStart = at;
            if (bytes[at] === QUOTE) continue scan;
            continue;
          }
          if (byte === NEWLINE) break;
          if (byte === 0) this.#nul(bytes, rowStart);
          at++;
        }
        cellEnd = at;
      }
      if (at >= end && !isLast) break;
      const isRowEnd = at >= end || bytes[at] === NEWLINE;
      if (isRowEnd && cellEnd > cellStart && bytes[cellEnd - 1] === RETURN) cellEnd--;
      if (isRowEnd && cellStart === rowStart && cellEnd === cellStart) {
        // A blank line.
        this.line++;
        rowStart = ++at;
        continue;
      }
      if (cell >= rowEndCell) this.#ragged(bytes, rowStart, end);
      if (cellEnd > cellStart && bytes[cellStart] === QUOTE) {
        const isPlain =
          bytes[cellEnd - 1] === QUOTE && !hasQuote(bytes, cellStart + 1, cellEnd - 1);
        starts[cell] = isPlain ? cellStart + 1 : cellStart;
        ends[cell] = isPlain ? cellEnd - 1 : ~cellEnd;
        this.#quotedNewlines += countNewlines(bytes, cellStart, cellEnd);
      } else {
        starts[cell] = cellStart;
        ends[cell] = cellEnd;
      }
      cell++;
      at++;
      if (!isRowEnd) continue;
      if (cell !== rowEndCell) this.#ragged(bytes, rowStart, end);
      rows++;
      this.line += 1 + this.#quotedNewlines;
      this.#quotedNewlines = 0;
      rowEndCell = cell + columns;
      rowStart = at;
      if (cell > lastCell) break;
    }
    this.#quotedNewlines = 0;
    this.rows = rows;
    return Math.min(rowStart, end);
  }

  /** Where a quoted cell ends: its delimiter, newline or the file's end; -1 when that is not at hand. */
  #quotedCellEnd(bytes: Uint8Array, open: number, end: number, isLast: boolean): number {
    let at = this.#closingQuote(bytes, open, end, isLast) + 1;
    if (at === 0) return -1;
    while (at < end && bytes[at] !== this.#delimiter && bytes[at] !== NEWLINE) at++;
    return at;
  }

  /** The closing quote of the cell that opens at `open`, or -1 when it is not in the bytes at hand. */
  #closingQuote(bytes: Uint8Array, open: number, end: number, isLast: boolean): number {
    for (let at = open + 1; at < end; at++) {
      if (bytes[at] !== QUOTE) continue;
      if (at + 1 === end) return isLast ? at : -1;
      if (bytes[at + 1] !== QUOTE) return at;
      at++;
    }
    return -1;
  }

  #ragged(bytes: Uint8Array, rowStart: number, end: number): never {
    const cells = countCells(bytes, rowStart, end, this.#delimiter);
    throw new WaybillError(
      "data_loss",
      `"${this.#file}" line ${this.line} has ${cells} cells where the header has ${this.#columns}.`,
      {
        hint: "Quote cells that hold the delimiter, or name the right delimiter.",
      },
    );
  }

  #openQuote(bytes: Uint8Array, rowStart: number, open: number): never {
    const line = this.line + countNewlines(bytes, rowStart, open);
    throw new WaybillError(
      "data_loss",
      `"${this.#file}" line ${line} opens a quote that is never closed.`,
      { hint: "The file was cut short, or a quote in it is not doubled." },
    );
  }

  #nul(bytes: Uint8Array, rowStart: number): never {
    const isUtf16 = bytes[rowStart + 1] === 0;
    throw new WaybillError("data_loss", `"${this.#file}" line ${this.line} holds a NUL byte.`, {
      hint: isUtf16
        ? "It may be UTF-16: convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)."
        : "The file is damaged, or it is not delimited text.",
    });
  }
}

/**
 * The text of a quoted cell.
 * @returns how many bytes were written at the start of `target`, which is at least as long as the cell
 */
export function unquote(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let size = 0;
  let isOpen = true;
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (isOpen && byte === QUOTE) {
      if (at + 1 < end && bytes[at + 1] === QUOTE) {
        target[size++] = QUOTE;
        at++;
      } else isOpen = false;
    } else target[size++] = byte;
  }
  return size;
}

function countNewlines(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (bytes[at] === NEWLINE) count++;
  return count;
}

function hasQuote(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === QUOTE) return true;
  return false;
}

/** How many cells the row has, for the message about a row of another width. */
function countCells(bytes: Uint8Array, start: number, end: number, delimiter: number): number {
  let cells = 1;
  let isQuoted = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE && (isQuoted || at === start || bytes[at - 1] === delimiter)) {
      isQuoted = !isQuoted;
    } else if (!isQuoted && byte === delimiter) cells++;
    else if (!isQuoted && byte === NEWLINE) break;
  }
  return cells;
}
