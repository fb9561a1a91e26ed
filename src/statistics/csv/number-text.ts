/** What a cell of delimited text is. The order is TFDV's: a column is the greatest of its cells. */
export const CellKind = { EMPTY: 0, INT: 1, FLOAT: 2, STRING: 3 } as const;
export type CellKind = (typeof CellKind)[keyof typeof CellKind];

const INT = /^[+-]?\d+(?:_\d+)*$/;
const FLOAT =
  /^[+-]?(?:(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?|inf(?:inity)?|nan)$/i;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** Longer text is never a number that matters, and patterns over it would cost. */
const MAX_NUMBER_LENGTH = 1_024;

/**
 * Reads a cell as Python does: `int(text)`, else `float(text)`, else it is text. Blanks around a number
 * do not count, digits may be parted by single underscores, and an integer beyond 64 bits is STRING.
 * Source: TFDV's CSV decoder.
 */
export function classifyCell(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly kind: CellKind; readonly value: number } {
  if (start === end) return { kind: CellKind.EMPTY, value: 0 };
  if (end - start > MAX_NUMBER_LENGTH) return { kind: CellKind.STRING, value: 0 };
  const text = trimmed(bytes, start, end);
  if (INT.test(text)) {
    const digits = text.replaceAll("_", "");
    const value = BigInt(digits.startsWith("+") ? digits.slice(1) : digits);
    const isInt64 = value >= MIN_INT64 && value <= MAX_INT64;
    return { kind: isInt64 ? CellKind.INT : CellKind.STRING, value: Number(value) };
  }
  if (FLOAT.test(text)) return { kind: CellKind.FLOAT, value: floatOf(text) };
  return { kind: CellKind.STRING, value: 0 };
}

/** The cell without the white space that Python's int() and float() strip. */
function trimmed(bytes: Uint8Array, start: number, end: number): string {
  let first = start;
  let last = end;
  while (first < last && isBlank(bytes[first]!)) first++;
  while (last > first && isBlank(bytes[last - 1]!)) last--;
  return Buffer.from(bytes.buffer, bytes.byteOffset + first, last - first).toString("latin1");
}

/** Tab to carriage return, the four separators, and space. */
function isBlank(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 31);
}

function floatOf(text: string): number {
  const plain = text.toLowerCase().replaceAll("_", "");
  const negative = plain.startsWith("-");
  const unsigned = plain.replace(/^[+-]/, "");
  const value = unsigned.startsWith("inf")
    ? Number.POSITIVE_INFINITY
    : unsigned === "nan"
      ? Number.NaN
      : Number(unsigned);
  return negative ? -value : value;
}
