import { FeatureNameStatistics_Type } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { mergeNumeric, type NumericPartial } from "./numeric.ts";
import { StringTable } from "./string-table.ts";

/** What a feature holds. "unknown" is a column without any value. */
export type FeatureKind = "unknown" | "int" | "float" | "string" | "bytes" | "struct";

/** The mergeable counts of a dataset: statistics of shards merge into those of the whole. */
export interface DatasetPartial {
  /** The slice's key; empty for the whole when nothing is sliced. */
  readonly name: string;
  readonly examples: number;
  readonly features: readonly FeaturePartial[];
}

/** The mergeable counts of one feature. */
export interface FeaturePartial {
  readonly path: readonly string[];
  readonly kind: FeatureKind;
  /** Examples that hold the feature, with however many values. */
  readonly present: number;
  /** How many examples have how many values, by number of values. */
  readonly lengths: ReadonlyMap<number, number>;
  readonly numeric?: NumericPartial | undefined;
  readonly strings?: StringPartial | undefined;
  /** A meaning that the source declares: times, as `time_domain`. In protobuf text. */
  readonly domainInfo?: string | undefined;
}

/** Distinct values and lengths of a feature of strings or bytes. */
export interface StringPartial {
  /** Values in all. */
  readonly count: number;
  /** Their bytes in all. */
  readonly totalBytes: number;
  readonly unique: number;
  readonly invalidUtf8: number;
  /** Every distinct value, or the most frequent ones when `isComplete` is false. */
  readonly table: StringTable;
  readonly isComplete: boolean;
}

/** The partial of a feature with one value in each example that holds it. */
export function lengthsOfScalars(present: number): ReadonlyMap<number, number> {
  return present === 0 ? new Map() : new Map([[1, present]]);
}

/**
 * Merges the counts of disjoint shards of one dataset, in the order given. Counts, extremes, zeros and
 * grids are exact; unknown features take the type of the others, and INT with FLOAT is FLOAT.
 * @throws `failed_precondition` when a feature is text in one shard and numbers in another: the text of
 * the numbers is gone, so that column must be scanned again
 */
export function mergePartials(shards: readonly DatasetPartial[]): DatasetPartial {
  const [first] = shards;
  if (first === undefined) {
    throw new WaybillError("invalid_argument", "There are no statistics to merge.");
  }
  if (shards.length === 1) return first;
  const byPath = new Map<string, FeaturePartial[]>();
  for (const shard of shards) {
    for (const feature of shard.features) {
      const key = JSON.stringify(feature.path);
      const list = byPath.get(key);
      if (list === undefined) byPath.set(key, [feature]);
      else list.push(feature);
    }
  }
  return {
    name: first.name,
    examples: shards.reduce((sum, shard) => sum + shard.examples, 0),
    features: [...byPath.values()].map(mergeFeature),
  };
}

function mergeFeature(parts: readonly FeaturePartial[]): FeaturePartial {
  const { path } = parts[0]!;
  const kind = parts.map((part) => part.kind).reduce((a, b) => commonKind(a, b, path));
  const lengths = new Map<number, number>();
  for (const part of parts) {
    for (const [length, count] of part.lengths) {
      lengths.set(length, (lengths.get(length) ?? 0) + count);
    }
  }
  const numeric = parts.flatMap((part) => (part.numeric === undefined ? [] : [part.numeric]));
  const strings = parts.flatMap((part) => (part.strings === undefined ? [] : [part.strings]));
  const domainInfo = parts.find((part) => part.domainInfo !== undefined)?.domainInfo;
  return {
    path,
    kind,
    present: parts.reduce((sum, part) => sum + part.present, 0),
    lengths,
    ...(numeric.length === 0 ? {} : { numeric: mergeNumeric(numeric) }),
    ...(strings.length === 0 ? {} : { strings: mergeStrings(strings, path) }),
    ...(domainInfo === undefined ? {} : { domainInfo }),
  };
}

/** Integers beyond this are not exact as float32, so an INT shard no longer counts as a FLOAT one. */
const MAX_EXACT_FLOAT32 = 2 ** 24;

function commonKind(a: FeatureKind, b: FeatureKind, path: readonly string[]): FeatureKind {
  if (a === b || b === "unknown") return a;
  if (a === "unknown") return b;
  if ((a === "int" || a === "float") && (b === "int" || b === "float")) return "float";
  throw new WaybillError(
    "failed_precondition",
    `Feature "${path.join(".")}" is ${a} in one shard and ${b} in another.`,
    { hint: "Compute the statistics of these shards together, from their data." },
  );
}

function mergeStrings(parts: readonly StringPartial[], path: readonly string[]): StringPartial {
  if (parts.length === 1) return parts[0]!;
  if (parts.some((part) => !part.isComplete)) {
    throw new WaybillError(
      "failed_precondition",
      `Feature "${path.join(".")}" was kept without all of its distinct values and cannot be merged.`,
      { hint: "Compute the statistics of these shards together, from their data." },
    );
  }
  const table = new StringTable();
  for (const part of parts) table.addAll(part.table);
  return {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    totalBytes: parts.reduce((sum, part) => sum + part.totalBytes, 0),
    unique: table.size,
    invalidUtf8: parts.reduce((sum, part) => sum + part.invalidUtf8, 0),
    table,
    isComplete: true,
  };
}

/** TFMD's type of a kind; a column without values is STRING, as TFDV has it. */
export function typeOfKind(kind: FeatureKind): FeatureNameStatistics_Type {
  switch (kind) {
    case "int":
      return FeatureNameStatistics_Type.INT;
    case "float":
      return FeatureNameStatistics_Type.FLOAT;
    case "bytes":
      return FeatureNameStatistics_Type.BYTES;
    case "struct":
      return FeatureNameStatistics_Type.STRUCT;
    case "string":
    case "unknown":
      return FeatureNameStatistics_Type.STRING;
    default:
      return kind satisfies never;
  }
}

export { MAX_EXACT_FLOAT32 };
