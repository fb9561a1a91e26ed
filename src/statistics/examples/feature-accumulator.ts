import { WaybillError } from "../../foundation/index.ts";
import { NumericAccumulator } from "../numeric.ts";
import type {
  FeatureKind,
  FeaturePartial,
  LevelPartial,
  RowsPartial,
  WeightedPartial,
} from "../partial.ts";
import { type StringBudget, StringCounter } from "../string-counter.ts";
import type { StringPartial } from "../string-partial.ts";
import { StringTable } from "../string-table.ts";
import type { Example, FeatureValue, Item, ValueKind } from "./example.ts";
import { WeightedNumbers } from "./weighted-numbers.ts";

/** How a feature is counted, beyond what its values tell. */
export interface FeatureTreatment {
  readonly isWeighted: boolean;
  /** Numbers that stand for categories: counted as their text. */
  readonly isCategorical: boolean;
  /** Strings that are bytes (images): sizes are counted and not values. */
  readonly isBytes: boolean;
}

/** Counts one feature, row by row. */
export class FeatureAccumulator {
  readonly path: readonly string[];
  /** The structs of a feature of structs. */
  children: StructAccumulator | undefined;
  readonly #treatment: FeatureTreatment;
  #kind: ValueKind = "unknown";
  #depth = 0;
  #present = 0;
  #weightedPresent = 0;
  #weightedTotal = 0;
  readonly #lengths = new Map<number, number>();
  readonly #levels: LevelCounts[] = [new LevelCounts()];
  #numbers: NumericAccumulator | undefined;
  #weightedNumbers: WeightedNumbers | undefined;
  #strings: StringCounter | undefined;
  readonly #budget: StringBudget;
  #weightedTable: StringTable | undefined;
  #count = 0;
  #totalBytes = 0;
  #minBytes = Number.POSITIVE_INFINITY;
  #maxBytes = 0;

  constructor(path: readonly string[], treatment: FeatureTreatment, budget: StringBudget) {
    this.path = path;
    this.#treatment = treatment;
    this.#budget = budget;
  }

  /**
   * Counts the values of a row.
   * @throws WaybillError `data_loss` when they are of another kind or nest deeper than those before
   */
  add(value: FeatureValue, weight: number): void {
    this.#settle(value);
    this.#present++;
    let innermost = 0;
    // A list of nulls alone is one of missing lists, should lists turn out to nest.
    const isVoid = value.items.every((item) => item === null);
    if (isVoid) this.#levels[0]!.add(value.items.length, weight);
    else if (value.depth === 1) innermost = this.#addValues(value.items, weight);
    else innermost = this.#addList(value.items, 0, value.depth, weight);
    this.#weightedPresent += weight;
    this.#weightedTotal += weight * innermost;
    this.#lengths.set(innermost, (this.#lengths.get(innermost) ?? 0) + 1);
  }

  /** Says of what kind values will be, for a feature that may have none. */
  expect(kind: ValueKind): void {
    this.#settle({ kind, depth: 1, items: [] });
  }

  finish(rows: RowsPartial | undefined): FeaturePartial {
    const { isWeighted } = this.#treatment;
    const numeric = this.#numbers?.finish();
    return {
      path: this.path,
      kind: this.#finalKind(),
      present: this.#present,
      lengths: this.#lengths,
      ...(rows === undefined ? {} : { rows }),
      ...(this.#depth > 1 ? { levels: this.#levels.map(finishLevel) } : {}),
      ...(numeric === undefined ? {} : { numeric }),
      ...(this.#count > 0 ? { strings: this.#finishStrings() } : {}),
      ...(isWeighted ? { weighted: this.#finishWeighted() } : {}),
    };
  }

  #finalKind(): FeatureKind {
    const isBytes = this.#treatment.isBytes && ["string", "unknown"].includes(this.#kind);
    return isBytes ? "bytes" : this.#kind;
  }

  #finishStrings(): StringPartial {
    const strings = this.#strings ?? new StringCounter(this.#budget);
    const sums = { count: this.#count, totalBytes: this.#totalBytes };
    if (!this.#treatment.isBytes) return strings.finish(sums);
    return { ...strings.finish(sums), minBytes: this.#minBytes, maxBytes: this.#maxBytes };
  }

  #finishWeighted(): WeightedPartial {
    const numeric = this.#weightedNumbers?.finish();
    return {
      present: this.#weightedPresent,
      total: this.#weightedTotal,
      ...(numeric === undefined ? {} : { numeric }),
      ...(this.#weightedTable === undefined ? {} : { strings: this.#weightedTable }),
    };
  }

  #settle({ kind, depth, items }: FeatureValue): void {
    // An empty list, or one of nulls, may be of any depth.
    if (depth !== this.#depth && items.some((item) => item !== null)) {
      if (this.#depth !== 0) {
        throw this.#conflict(`nests ${this.#depth} deep before and ${depth} deep here`);
      }
      this.#depth = depth;
      while (this.#levels.length < depth) this.#levels.push(new LevelCounts());
    }
    if (kind === this.#kind || kind === "unknown") return;
    if (this.#kind === "unknown") {
      this.#kind = kind;
      this.#prepare(kind);
    } else if (this.#kind === "int" && kind === "float") {
      this.#kind = "float";
      this.#numbers?.becomeFloat();
    } else if (!(this.#kind === "float" && kind === "int")) {
      throw this.#conflict(`is ${this.#kind} before and ${kind} here`);
    }
  }

  #prepare(kind: ValueKind): void {
    const { isWeighted, isCategorical, isBytes } = this.#treatment;
    if (kind === "struct") {
      const treatment = { isWeighted, isCategorical: false, isBytes: false };
      this.children = new StructAccumulator(this.path, () => treatment, this.#budget);
    } else if (kind === "string" || isCategorical) {
      if (isBytes) return;
      this.#strings = new StringCounter(this.#budget);
      if (isWeighted) this.#weightedTable = new StringTable();
    } else {
      this.#numbers = new NumericAccumulator(kind === "int");
      if (isWeighted) this.#weightedNumbers = new WeightedNumbers();
    }
  }

  #conflict(what: string): WaybillError {
    return new WaybillError("data_loss", `Feature "${this.path.join(".")}" ${what}.`, {
      hint: "Values of one feature are of one kind: correct the data, or give them another name.",
    });
  }

  /** Counts a list that holds lists; returns how many innermost values it has. */
  #addList(items: readonly Item[], level: number, depth: number, weight: number): number {
    this.#levels[level]!.add(items.length, weight);
    let innermost = 0;
    for (const item of items) {
      // Above the innermost level every item is a list, or null where one is missing.
      const list = item as readonly Item[] | null;
      if (list === null) continue;
      if (level + 2 < depth) innermost += this.#addList(list, level + 1, depth, weight);
      else {
        this.#levels[level + 1]!.add(list.length, weight);
        innermost += this.#addValues(list, weight);
      }
    }
    return innermost;
  }

  /** Counts innermost values, which all are of the settled kind; returns how many there are. */
  #addValues(items: readonly Item[], weight: number): number {
    switch (this.#kind) {
      case "int":
      case "float":
        for (const item of items) this.#addNumber(item as number, weight);
        return items.length;
      case "string":
        for (const item of items) this.#addBytes(item as Uint8Array, weight);
        return items.length;
      case "struct":
        for (const item of items) this.children!.add(item as Example, weight);
        return items.length;
      case "unknown":
        return items.length;
      default:
        return this.#kind satisfies never;
    }
  }

  #addNumber(value: number, weight: number): void {
    if (this.#treatment.isCategorical) {
      this.#addBytes(encoder.encode(String(value)), weight);
      return;
    }
    this.#numbers!.add(value);
    this.#weightedNumbers?.add(value, weight);
  }

  #addBytes(bytes: Uint8Array, weight: number): void {
    const size = bytes.length;
    this.#count++;
    this.#totalBytes += size;
    if (size < this.#minBytes) this.#minBytes = size;
    if (size > this.#maxBytes) this.#maxBytes = size;
    if (this.#strings?.table.add(bytes, 0, size)) this.#strings.added(bytes, 0, size);
    this.#weightedTable?.add(bytes, 0, size, weight);
  }
}

/** Counts the features of a row that holds features: an example, or a struct in one. */
export class StructAccumulator {
  rows = 0;
  weight = 0;
  readonly #path: readonly string[];
  readonly #treatmentOf: (name: string) => FeatureTreatment;
  readonly #budget: StringBudget;
  readonly #features = new Map<string, FeatureAccumulator>();

  constructor(
    path: readonly string[],
    treatmentOf: (name: string) => FeatureTreatment,
    budget: StringBudget,
  ) {
    this.#path = path;
    this.#treatmentOf = treatmentOf;
    this.#budget = budget;
  }

  /** Makes a feature known before a row holds it, so that it is counted as missing. */
  declare(name: string): FeatureAccumulator {
    let feature = this.#features.get(name);
    if (feature === undefined) {
      feature = new FeatureAccumulator(
        [...this.#path, name],
        this.#treatmentOf(name),
        this.#budget,
      );
      this.#features.set(name, feature);
    }
    return feature;
  }

  /** @param weightOf another weight for some features */
  add(row: Example, weight: number, weightOf?: (name: string) => number): void {
    this.rows++;
    this.weight += weight;
    for (const [name, value] of row) {
      this.declare(name).add(value, weightOf === undefined ? weight : weightOf(name));
    }
  }

  /** Every feature, each followed by those below it. */
  finish(isTop: boolean): FeaturePartial[] {
    const rows = isTop ? undefined : { count: this.rows, weight: this.weight };
    return [...this.#features.values()].flatMap((feature) => [
      feature.finish(rows),
      ...(feature.children?.finish(false) ?? []),
    ]);
  }
}

class LevelCounts {
  present = 0;
  weightedPresent = 0;
  weightedTotal = 0;
  readonly lengths = new Map<number, number>();

  add(length: number, weight: number): void {
    this.present++;
    this.weightedPresent += weight;
    this.weightedTotal += length * weight;
    this.lengths.set(length, (this.lengths.get(length) ?? 0) + 1);
  }
}

function finishLevel(level: LevelCounts): LevelPartial {
  const { present, lengths, weightedPresent, weightedTotal } = level;
  return { present, lengths, weightedPresent, weightedTotal };
}

const encoder = new TextEncoder();
