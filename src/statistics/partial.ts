import { WaybillError } from "../foundation/index.ts";
import { type Distribution, mergeDistributions } from "./distribution.ts";
import { mergeNumeric, type NumericPartial } from "./numeric.ts";
import { mergeStrings, type StringPartial } from "./string-partial.ts";
import { StringTable } from "./string-table.ts";

/** What a feature holds. "unknown" is a feature without any value. */
export type FeatureKind = "unknown" | "int" | "float" | "string" | "bytes" | "struct";

/** The mergeable counts of a dataset or a slice: those of shards merge into those of the whole. */
export interface DatasetPartial {
  /** The slice's key; empty for the whole when nothing is sliced. */
  readonly name: string;
  readonly examples: number;
  /** The sum of the examples' weights; absent when examples are not weighted. */
  readonly weightedExamples?: number | undefined;
  readonly features: readonly FeaturePartial[];
  /** Sparse and weighted features of the schema. */
  readonly linked?: readonly LinkedPartial[] | undefined;
}

/** The mergeable counts of one feature. */
export interface FeaturePartial {
  readonly path: readonly string[];
  readonly kind: FeatureKind;
  /** How many rows hold the feature, with however many values. Rows are examples, or structs. */
  readonly present: number;
  /** How many rows have how many values, by number of values; innermost values when lists nest. */
  readonly lengths: ReadonlyMap<number, number>;
  /** For a feature of a struct: how many structs there are. */
  readonly rows?: RowsPartial | undefined;
  /** The levels of nested lists, outermost first; absent for flat lists. */
  readonly levels?: readonly LevelPartial[] | undefined;
  readonly numeric?: NumericPartial | undefined;
  /** Also of integers that stand for categories. */
  readonly strings?: StringPartial | undefined;
  /** Sums of weights; absent when the feature is not weighted. */
  readonly weighted?: WeightedPartial | undefined;
  /** A meaning that the source declares: times, as `time_domain`. In protobuf text. */
  readonly domainInfo?: string | undefined;
}

/** How many structs hold a feature's rows, and the sum of their weights. */
export interface RowsPartial {
  readonly count: number;
  readonly weight: number;
}

/** The lists at one level of nesting. */
export interface LevelPartial {
  readonly present: number;
  readonly lengths: ReadonlyMap<number, number>;
  readonly weightedPresent: number;
  readonly weightedTotal: number;
}

/** Sums of the weights of a feature's rows and values. */
export interface WeightedPartial {
  readonly present: number;
  /** Each value with its row's weight. */
  readonly total: number;
  readonly numeric?: WeightedNumericPartial | undefined;
  readonly strings?: StringTable | undefined;
}

/** Weighted moments and distribution of the finite values. */
export interface WeightedNumericPartial {
  readonly weight: number;
  readonly mean: number;
  readonly m2: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly distribution: Distribution;
}

/** How the parts of a sparse or weighted feature of the schema fit together. */
export interface LinkedPartial {
  readonly path: readonly string[];
  readonly kind: "sparse" | "weighted";
  /** Rows that have some part but not the value. */
  readonly missingValue: number;
  /** The index features, or the weight feature. */
  readonly others: readonly LinkedPart[];
}

/** Lengths are compared in rows that have some part; absent lists have none. */
export interface LinkedPart {
  readonly name: string;
  readonly missing: number;
  /** Infinity and -Infinity when no row was compared. */
  readonly minDifference: number;
  readonly maxDifference: number;
}

/** Integers beyond this are not exact as float32, so an INT shard no longer counts as a FLOAT one. */
export const MAX_EXACT_FLOAT32 = 2 ** 24;

/** The lengths of a feature with one value in each row that holds it. */
export function lengthsOfScalars(present: number): ReadonlyMap<number, number> {
  return present === 0 ? new Map() : new Map([[1, present]]);
}

/**
 * Merges the counts of disjoint shards of one dataset, in the order given. Counts, extremes, zeros,
 * grids and value counts are exact; features without values take the type of the others, and INT with
 * FLOAT is FLOAT. A feature that a shard lacks is missing in all of its examples.
 * @throws WaybillError `failed_precondition` when a feature is text in one shard and numbers in another
 * (the text of the numbers is gone), or was kept without all of its distinct values
 */
export function mergePartials(shards: readonly DatasetPartial[]): DatasetPartial {
  const [first] = shards;
  if (first === undefined) {
    throw new WaybillError("invalid_argument", "There are no statistics to merge.");
  }
  if (shards.length === 1) return first;
  const linked = grouped(shards.flatMap((shard) => shard.linked ?? [])).map(mergeLinked);
  const weights = shards.flatMap(({ weightedExamples: weight }) =>
    weight === undefined ? [] : [weight],
  );
  return {
    name: first.name,
    examples: sumOf(shards, (shard) => shard.examples),
    ...(weights.length === 0 ? {} : { weightedExamples: sumOf(weights, (weight) => weight) }),
    features: grouped(shards.flatMap((shard) => shard.features)).map(mergeFeature),
    ...(linked.length === 0 ? {} : { linked }),
  };
}

function grouped<T extends { readonly path: readonly string[] }>(items: readonly T[]): T[][] {
  const byPath = new Map<string, T[]>();
  for (const item of items) {
    const key = item.path.length === 1 ? item.path[0]! : JSON.stringify(item.path);
    const list = byPath.get(key);
    if (list === undefined) byPath.set(key, [item]);
    else list.push(item);
  }
  return [...byPath.values()];
}

function mergeFeature(parts: readonly FeaturePartial[]): FeaturePartial {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const { path } = first!;
  const kind = parts.map((part) => part.kind).reduce((a, b) => commonKind(a, b, path));
  const rows = defined(parts, (part) => part.rows);
  const levels = defined(parts, (part) => part.levels);
  const numeric = defined(parts, (part) => part.numeric);
  const strings = defined(parts, (part) => part.strings);
  const weighted = defined(parts, (part) => part.weighted);
  const domainInfo = parts.find((part) => part.domainInfo !== undefined)?.domainInfo;
  return {
    path,
    kind,
    present: sumOf(parts, (part) => part.present),
    lengths: mergeLengths(parts.map((part) => part.lengths)),
    ...(rows.length === 0 ? {} : { rows: mergeRows(rows) }),
    ...(levels.length === 0 ? {} : { levels: mergeLevels(levels, path) }),
    ...(numeric.length === 0 ? {} : { numeric: mergeNumeric(numeric) }),
    ...(strings.length === 0 ? {} : { strings: stringsOf(strings, path) }),
    ...(weighted.length === 0 ? {} : { weighted: mergeWeighted(weighted) }),
    ...(domainInfo === undefined ? {} : { domainInfo }),
  };
}

function commonKind(a: FeatureKind, b: FeatureKind, path: readonly string[]): FeatureKind {
  if (a === b || b === "unknown") return a;
  if (a === "unknown") return b;
  if ((a === "int" || a === "float") && (b === "int" || b === "float")) return "float";
  throw cannotMerge(path, `is ${a} in one shard and ${b} in another`);
}

function mergeLengths(parts: readonly ReadonlyMap<number, number>[]): ReadonlyMap<number, number> {
  const lengths = new Map<number, number>();
  for (const part of parts) {
    for (const [length, count] of part) lengths.set(length, (lengths.get(length) ?? 0) + count);
  }
  return lengths;
}

function mergeRows(parts: readonly RowsPartial[]): RowsPartial {
  return {
    count: sumOf(parts, (part) => part.count),
    weight: sumOf(parts, (part) => part.weight),
  };
}

function mergeLevels(
  parts: readonly (readonly LevelPartial[])[],
  path: readonly string[],
): readonly LevelPartial[] {
  const depth = parts[0]!.length;
  if (parts.some((part) => part.length !== depth)) {
    throw cannotMerge(path, "nests to one depth in one shard and to another in another");
  }
  return parts[0]!.map((_, level) => {
    const same = parts.map((part) => part[level]!);
    return {
      present: sumOf(same, (part) => part.present),
      lengths: mergeLengths(same.map((part) => part.lengths)),
      weightedPresent: sumOf(same, (part) => part.weightedPresent),
      weightedTotal: sumOf(same, (part) => part.weightedTotal),
    };
  });
}

function stringsOf(parts: readonly StringPartial[], path: readonly string[]): StringPartial {
  const merged = mergeStrings(parts);
  if (merged !== undefined) return merged;
  throw cannotMerge(path, "was kept without all of its distinct values");
}

function mergeWeighted(parts: readonly WeightedPartial[]): WeightedPartial {
  const numeric = defined(parts, (part) => part.numeric);
  const strings = defined(parts, (part) => part.strings);
  let table = strings[0];
  if (strings.length > 1) {
    table = new StringTable();
    for (const part of strings) table.addAll(part);
  }
  return {
    present: sumOf(parts, (part) => part.present),
    total: sumOf(parts, (part) => part.total),
    ...(numeric.length === 0 ? {} : { numeric: numeric.reduce(mergeWeightedNumeric) }),
    ...(table === undefined ? {} : { strings: table }),
  };
}

function mergeWeightedNumeric(
  a: WeightedNumericPartial,
  b: WeightedNumericPartial,
): WeightedNumericPartial {
  const weight = a.weight + b.weight;
  const difference = b.mean - a.mean;
  const share = weight === 0 ? 0 : b.weight / weight;
  return {
    weight,
    mean: a.weight === 0 ? b.mean : a.mean + difference * share,
    m2: a.m2 + b.m2 + difference * difference * a.weight * share,
    positiveInfinity: a.positiveInfinity + b.positiveInfinity,
    negativeInfinity: a.negativeInfinity + b.negativeInfinity,
    distribution: mergeDistributions([a.distribution, b.distribution]),
  };
}

function mergeLinked(parts: readonly LinkedPartial[]): LinkedPartial {
  const [first] = parts;
  return {
    ...first!,
    missingValue: sumOf(parts, (part) => part.missingValue),
    others: first!.others.map(({ name }, index) => {
      const same = parts.map((part) => part.others[index]!);
      return {
        name,
        missing: sumOf(same, (part) => part.missing),
        minDifference: Math.min(...same.map((part) => part.minDifference)),
        maxDifference: Math.max(...same.map((part) => part.maxDifference)),
      };
    }),
  };
}

function cannotMerge(path: readonly string[], what: string): WaybillError {
  return new WaybillError("failed_precondition", `Feature "${path.join(".")}" ${what}.`, {
    hint: "Compute the statistics of these shards together, from their data.",
  });
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

function defined<T, V>(items: readonly T[], value: (item: T) => V | undefined): V[] {
  return items.flatMap((item) => {
    const found = value(item);
    return found === undefined ? [] : [found];
  });
}
