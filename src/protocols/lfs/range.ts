/** A part of an object, `unsatisfiable`, or undefined for the whole. */
export type Range =
  | { readonly start: number; readonly length: number }
  | "unsatisfiable"
  | undefined;

/**
 * Reads a `Range` header for one range of bytes. What is no such header, or names several ranges, asks for the
 * whole, as RFC 9110 (14.2) lets a server decide.
 */
export function parseRange(header: string | undefined, size: number): Range {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/u.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, length };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, length: end - start + 1 };
}
