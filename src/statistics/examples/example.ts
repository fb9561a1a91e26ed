/**
 * One example: what it holds of each feature, by name. A feature that is not in the map, or is
 * undefined there, is missing.
 */
export type Example = ReadonlyMap<string, FeatureValue>;

/** What the values of a feature are; "unknown" when there is none to tell by. */
export type ValueKind = "int" | "float" | "string" | "struct" | "unknown";

/** The list of values that an example has of one feature. */
export interface FeatureValue {
  readonly kind: ValueKind;
  /** Levels of lists: 1 for a flat list. */
  readonly depth: number;
  /** Values at the innermost level, lists (null where one is missing) above. */
  readonly items: readonly Item[];
}

/** A number, the bytes of a string, a struct, or a list of these. */
export type Item = number | Uint8Array | Example | readonly Item[] | null;

/** Where examples come from: in order, in batches of a bounded size. */
export type ExampleSource = AsyncIterable<readonly Example[]>;

/** Examples that a source hands on at once. */
export const EXAMPLES_PER_BATCH = 1_024;
