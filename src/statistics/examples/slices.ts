import { isUtf8 } from "node:buffer";
import { WaybillError } from "../../foundation/index.ts";
import type { SliceFeatures } from "../options.ts";
import type { Example, FeatureValue, Item } from "./example.ts";

/** The dataset of all examples, beside slices. */
export const ALL_EXAMPLES = "All Examples";

/** Each slice is a dataset with all its features in memory. */
export const MAX_SLICES = 2_000;

/**
 * The slices that an example is in, by key: for each combination of its values of the features
 * `name_value`, joined by `_` in the order of the names. An example without a value of one is in none.
 * Source: TFDV, get_feature_value_slicer.
 */
export function sliceKeysOf(example: Example, slices: readonly SliceFeatures[]): Set<string> {
  const keys = new Set<string>();
  for (const features of slices) {
    let partial = [""];
    for (const name of Object.keys(features).sort()) {
      const wanted = features[name];
      const values = textsOf(example.get(name), name).filter(
        (text) => wanted === null || wanted === undefined || wanted.some((w) => String(w) === text),
      );
      partial = partial.flatMap((key) =>
        values.map((value) => (key === "" ? `${name}_${value}` : `${key}_${name}_${value}`)),
      );
    }
    for (const key of partial) if (key !== "") keys.add(key);
  }
  return keys;
}

function textsOf(value: FeatureValue | undefined, name: string): string[] {
  if (value === undefined) return [];
  const texts = new Set<string>();
  collect(value.items);
  return [...texts];

  function collect(items: readonly Item[]): void {
    for (const item of items) {
      if (typeof item === "number") texts.add(String(item));
      else if (item instanceof Uint8Array) texts.add(textOf(item, name));
      else if (Array.isArray(item)) collect(item);
    }
  }
}

function textOf(bytes: Uint8Array, name: string): string {
  if (isUtf8(bytes)) return Buffer.from(bytes).toString("utf8");
  throw new WaybillError(
    "invalid_argument",
    `Feature "${name}" has a value that is not UTF-8 and cannot name a slice.`,
    { hint: "Slice by other features, or name the values to slice by." },
  );
}
