import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { LinkedPart, LinkedPartial } from "../partial.ts";
import type { Example } from "./example.ts";

/** A sparse or weighted feature of a schema, by the names of its parts. */
interface Link {
  readonly path: readonly string[];
  readonly kind: LinkedPartial["kind"];
  readonly value: string;
  readonly others: readonly string[];
}

/** The sparse and weighted features at the top of a schema. */
export function linksOf(schema: Schema | undefined): Link[] {
  const sparse = (schema?.sparseFeature ?? []).map(
    ({ name, valueFeature, indexFeature }): Link => ({
      path: [name],
      kind: "sparse",
      value: valueFeature?.name ?? "",
      others: [...new Set(indexFeature.map((index) => index.name))].sort(),
    }),
  );
  const weighted = (schema?.weightedFeature ?? []).map(
    ({ name, feature, weightFeature }): Link => ({
      path: [name],
      kind: "weighted",
      value: feature?.step.join(".") ?? "",
      others: [weightFeature?.step.join(".") ?? ""],
    }),
  );
  return [...sparse, ...weighted];
}

/** Compares the parts of one sparse or weighted feature, example by example. */
export class LinkAccumulator {
  readonly #link: Link;
  #missingValue = 0;
  readonly #others: { -readonly [Key in keyof LinkedPart]: LinkedPart[Key] }[];

  constructor(link: Link) {
    this.#link = link;
    this.#others = link.others.map((name) => ({
      name,
      missing: 0,
      minDifference: Number.POSITIVE_INFINITY,
      maxDifference: Number.NEGATIVE_INFINITY,
    }));
  }

  add(example: Example): void {
    const value = example.get(this.#link.value);
    const hasAny =
      value !== undefined || this.#link.others.some((name) => example.get(name) !== undefined);
    if (!hasAny) return;
    if (value === undefined) this.#missingValue++;
    for (const other of this.#others) {
      const values = example.get(other.name);
      if (values === undefined) other.missing++;
      const difference = (values?.items.length ?? 0) - (value?.items.length ?? 0);
      other.minDifference = Math.min(other.minDifference, difference);
      other.maxDifference = Math.max(other.maxDifference, difference);
    }
  }

  finish(): LinkedPartial {
    const { path, kind } = this.#link;
    return { path, kind, missingValue: this.#missingValue, others: this.#others };
  }
}
