import { WaybillError } from "../../foundation/index.ts";
import { NumericAccumulator } from "../numeric.ts";
import { type FeaturePartial, lengthsOfScalars, MAX_EXACT_FLOAT32 } from "../partial.ts";
import { type StringBudget, StringCounter } from "../string-counter.ts";
import { CellKind, classifyCell } from "./number-text.ts";
import { type Tokenizer, unquote } from "./tokenizer.ts";

/** Bytes of a cell that a message shows. */
const MAX_SHOWN = 40;

const DOT = 46;
const MINUS = 45;
const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, power) => 10 ** power);

/**
 * Counts one column of delimited text, block by block. It starts from a guess of its type, moves up the
 * order INT, FLOAT, STRING as cells demand, and says at the end whether the counts are of the type
 * that the column turned out to have.
 */
export class CsvColumn {
  readonly name: string;
  readonly #isFixed: boolean;
  #kind: CellKind;
  /** The greatest kind that a cell really had, where the present kind leaves that open. */
  #seen: CellKind = CellKind.EMPTY;
  /** Counts were lost when the type changed; the column must be read again. */
  #isSpoilt = false;
  #present = 0;
  #numbers: NumericAccumulator | undefined;
  #strings: StringCounter | undefined;
  readonly #budget: StringBudget;
  #totalBytes = 0;

  /** `isFixed`: cells of a greater kind are an error. */
  constructor(options: {
    readonly name: string;
    readonly kind: CellKind;
    readonly budget: StringBudget;
    readonly isFixed?: boolean;
  }) {
    const { name, kind, budget, isFixed = false } = options;
    this.name = name;
    this.#budget = budget;
    this.#isFixed = isFixed;
    this.#kind = CellKind.EMPTY;
    this.#become(kind);
  }

  /** The type of the column, known when all cells were seen. */
  get finalKind(): CellKind {
    return this.#isFixed ? this.#kind : this.#seen;
  }

  /** Whether the counts are not those of {@link finalKind}. */
  get mustRescan(): boolean {
    return this.#isSpoilt || this.#kind !== this.finalKind;
  }

  /** Counts column `index` of the block. */
  consume(bytes: Uint8Array, block: Tokenizer, index: number, columns: number): void {
    const { starts, ends, rows } = block;
    const stop = index + rows * columns;
    let cell = index;
    while (cell < stop) {
      switch (this.#kind) {
        case CellKind.EMPTY:
          cell = this.#consumeEmpty(bytes, starts, ends, cell, stop, columns);
          break;
        case CellKind.INT:
          cell = this.#consumeInts(bytes, starts, ends, cell, stop, columns);
          break;
        case CellKind.FLOAT:
          cell = this.#consumeFloats(bytes, starts, ends, cell, stop, columns);
          break;
        case CellKind.STRING:
          cell = this.#isSpoilt
            ? stop
            : this.#consumeStrings(bytes, starts, ends, cell, stop, columns);
          break;
        default:
          this.#kind satisfies never;
      }
    }
  }

  finish(): FeaturePartial {
    const base = {
      path: [this.name],
      present: this.#present,
      lengths: lengthsOfScalars(this.#present),
    };
    switch (this.#kind) {
      case CellKind.EMPTY:
        return { ...base, kind: "unknown" };
      case CellKind.INT:
        return { ...base, kind: "int", numeric: this.#numbers!.finish() };
      case CellKind.FLOAT:
        return { ...base, kind: "float", numeric: this.#numbers!.finish() };
      case CellKind.STRING: {
        const sums = { count: this.#present, totalBytes: this.#totalBytes };
        return { ...base, kind: "string", strings: this.#strings!.finish(sums) };
      }
      default:
        return this.#kind satisfies never;
    }
  }

  #promote(kind: CellKind, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isFixed) {
      const cell = Buffer.from(bytes.subarray(start, end < 0 ? ~end : end).slice(0, MAX_SHOWN));
      throw new WaybillError(
        "invalid_argument",
        `Column "${this.name}" holds ${JSON.stringify(cell.toString("utf8"))}, which is not ${this.#kind === CellKind.INT ? "INT" : "FLOAT"}.`,
        { hint: "Correct the type in the schema, or do not take types from it." },
      );
    }
    this.#seen = kind;
    this.#become(kind);
  }

  #become(kind: CellKind): void {
    const before = this.#kind;
    this.#kind = kind;
    switch (kind) {
      case CellKind.INT:
        this.#numbers = new NumericAccumulator(true);
        break;
      case CellKind.FLOAT:
        if (before === CellKind.INT) {
          // Floats of delimited text are rounded to 32 bits; the integers so far were not.
          if (this.#numbers!.magnitude > MAX_EXACT_FLOAT32) this.#isSpoilt = true;
          this.#numbers!.becomeFloat();
        } else this.#numbers = new NumericAccumulator(false);
        break;
      case CellKind.STRING:
        // The text of the numbers so far is gone.
        if (before !== CellKind.EMPTY) this.#isSpoilt = true;
        this.#numbers = undefined;
        this.#strings = new StringCounter(this.#budget);
        break;
      case CellKind.EMPTY:
        break;
      default:
        kind satisfies never;
    }
  }

  #consumeEmpty(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    first: number,
    stop: number,
    columns: number,
  ): number {
    for (let cell = first; cell < stop; cell += columns) {
      if (starts[cell] === ends[cell]) continue;
      const { kind } = classify(bytes, starts[cell]!, ends[cell]!);
      if (kind === CellKind.EMPTY) continue;
      this.#become(kind);
      return cell;
    }
    return stop;
  }

  #consumeInts(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    first: number,
    stop: number,
    columns: number,
  ): number {
    const numbers = this.#numbers!;
    let present = 0;
    let cell = first;
    for (; cell < stop; cell += columns) {
      const start = starts[cell]!;
      const end = ends[cell]!;
      if (start === end) continue;
      const isNegative = bytes[start] === MINUS;
      let at = isNegative ? start + 1 : start;
      const digits = end - at;
      if (digits > 0 && digits <= 9) {
        let value = 0;
        for (; at < end; at++) {
          const digit = bytes[at]! - 48;
          if (digit < 0 || digit > 9) break;
          value = (value * 10 + digit) | 0;
        }
        if (at === end) {
          present++;
          numbers.addFinite(isNegative ? 0 - value : value);
          continue;
        }
      } else if (digits > 0 && digits <= 15) {
        let value = 0;
        for (; at < end; at++) {
          const digit = bytes[at]! - 48;
          if (digit < 0 || digit > 9) break;
          value = value * 10 + digit;
        }
        if (at === end) {
          present++;
          numbers.addFinite(isNegative ? 0 - value : value);
          continue;
        }
      }
      const { kind, value } = classify(bytes, start, end);
      if (kind === CellKind.EMPTY) continue;
      if (kind === CellKind.INT) {
        present++;
        numbers.addFinite(value);
      } else {
        this.#promote(kind, bytes, start, end);
        break;
      }
    }
    this.#present += present;
    if (present > 0 && this.#seen < CellKind.INT) this.#seen = CellKind.INT;
    return cell;
  }

  #consumeFloats(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    first: number,
    stop: number,
    columns: number,
  ): number {
    const numbers = this.#numbers!;
    let present = 0;
    let dots = 0;
    let cell = first;
    for (; cell < stop; cell += columns) {
      const start = starts[cell]!;
      const end = ends[cell]!;
      if (start === end) continue;
      const isNegative = bytes[start] === MINUS;
      let at = isNegative ? start + 1 : start;
      // Up to 15 digits are exact in a double, and so is their quotient by a power of ten, rounded once.
      if (end - at > 0 && end - at <= 16) {
        let mantissa = 0;
        let digits = 0;
        let dot = -1;
        for (; at < end; at++) {
          const byte = bytes[at]!;
          if (byte >= 48 && byte <= 57) {
            mantissa = mantissa * 10 + (byte - 48);
            digits++;
          } else if (byte === DOT && dot < 0) dot = at;
          else break;
        }
        if (at === end && digits > 0 && digits <= 15) {
          present++;
          if (dot >= 0) {
            dots++;
            mantissa /= POWERS_OF_TEN[end - dot - 1]!;
          }
          numbers.addFinite(Math.fround(isNegative ? 0 - mantissa : mantissa));
          continue;
        }
      }
      const { kind, value } = classify(bytes, start, end);
      if (kind === CellKind.STRING) {
        this.#promote(kind, bytes, start, end);
        break;
      }
      if (kind === CellKind.EMPTY) continue;
      present++;
      if (kind === CellKind.FLOAT) dots++;
      numbers.add(Math.fround(value));
    }
    this.#present += present;
    if (dots > 0 && this.#seen < CellKind.FLOAT) this.#seen = CellKind.FLOAT;
    else if (present > 0 && this.#seen < CellKind.INT) this.#seen = CellKind.INT;
    return cell;
  }

  #consumeStrings(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    first: number,
    stop: number,
    columns: number,
  ): number {
    const strings = this.#strings!;
    let table = strings.table;
    let present = 0;
    let totalBytes = 0;
    for (let cell = first; cell < stop; cell += columns) {
      const start = starts[cell]!;
      const end = ends[cell]!;
      if (start === end) continue;
      if (end < 0) {
        const text = new Uint8Array(~end - start);
        const size = unquote(bytes, start, ~end, text);
        if (size === 0) continue;
        present++;
        totalBytes += size;
        if (table.add(text, 0, size)) {
          this.#addedString(strings, text, 0, size);
          table = strings.table;
        }
        continue;
      }
      present++;
      totalBytes += end - start;
      if (table.add(bytes, start, end)) {
        this.#addedString(strings, bytes, start, end);
        table = strings.table;
      }
    }
    this.#present += present;
    this.#totalBytes += totalBytes;
    return stop;
  }

  #addedString(strings: StringCounter, bytes: Uint8Array, start: number, end: number): void {
    strings.added(bytes, start, end);
    if (this.#seen === CellKind.STRING) return;
    const { kind } = classifyCell(bytes, start, end);
    if (kind > this.#seen) this.#seen = kind;
  }
}

function classify(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly kind: CellKind; readonly value: number } {
  if (end >= 0) return classifyCell(bytes, start, end);
  const text = new Uint8Array(~end - start);
  return classifyCell(text, 0, unquote(bytes, start, ~end, text));
}
