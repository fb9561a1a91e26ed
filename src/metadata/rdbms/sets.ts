import { placeholders, type SqlParameter } from "../../database/index.ts";

/** Values in one IN list. Below the 32,766 of SQLite and the 65,535 of PostgreSQL and MySQL. */
const SET_SIZE_MAX = 8_192;

/** Question marks for each size. */
const MARKS = Array.from({ length: 14 }, (_, power) => placeholders(2 ** power));

/** A part of a set of values, with the `?`s of the IN list that takes it. */
export interface SetPart {
  readonly marks: string;
  readonly values: readonly SqlParameter[];
}

/**
 * Cuts a set into IN lists. Lists are filled up to a power of two with their last value, so that a
 * statement is prepared for 14 sizes and not for every one.
 */
export function* setParts(values: readonly SqlParameter[]): Generator<SetPart> {
  for (let start = 0; start < values.length; start += SET_SIZE_MAX) {
    const part = values.slice(start, start + SET_SIZE_MAX);
    const last = part.at(-1) ?? null;
    let power = 0;
    while (2 ** power < part.length) power += 1;
    while (part.length < 2 ** power) part.push(last);
    yield { marks: MARKS[power] ?? "", values: part };
  }
}

/** Each value once, in the order of its first appearance. */
export function distinct<T>(values: Iterable<T>): T[] {
  return [...new Set(values)];
}
