import { WaybillError } from "../../foundation/index.ts";
import type { Example, FeatureValue, Item, ValueKind } from "./example.ts";

/** Lists nest at most this deep. */
const MAX_DEPTH = 32;

const encoder = new TextEncoder();

/** A number that was written as a float although it is whole: 1.0. */
export class FloatNumber {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** An example from named plain values: of JSON, or of an engine's lists and structs. */
export function exampleOf(entries: Iterable<readonly [name: string, value: unknown]>): Example {
  const example = new Map<string, FeatureValue>();
  for (const [name, value] of entries) {
    const converted = featureValueOf(value, name);
    if (converted !== undefined) example.set(name, converted);
  }
  return example;
}

/**
 * A plain value as the list of a feature: a list as it is, anything else as a list of one. Null and
 * undefined are missing, booleans are 1 and 0, times are microseconds since 1970.
 * @throws WaybillError `data_loss` when a list holds values of several kinds or depths
 */
export function featureValueOf(value: unknown, name: string): FeatureValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return listOf(value, name, 1);
  const { kind, item } = scalarOf(value);
  return { kind, depth: 1, items: [item] };
}

function listOf(list: readonly unknown[], name: string, level: number): FeatureValue {
  if (level > MAX_DEPTH) throw mixed(name, `nests deeper than ${MAX_DEPTH} lists`);
  const isNested = list.some(Array.isArray);
  if (!isNested && list.every((element) => element === null || element === undefined)) {
    return { kind: "unknown", depth: 1, items: list.map(() => null) };
  }
  let kind: ValueKind = "unknown";
  let depth = 0;
  const items: Item[] = [];
  for (const element of list) {
    if (element === null || element === undefined) {
      // A list that is missing counts at its level; a value that is missing is not a value.
      if (isNested) items.push(null);
      continue;
    }
    if (Array.isArray(element)) {
      const inner = listOf(element, name, level + 1);
      if (depth !== 0 && inner.depth !== depth && inner.items.length > 0) {
        throw mixed(name, "holds lists of several depths");
      }
      depth = Math.max(depth, inner.depth);
      kind = common(kind, inner.kind, name);
      items.push(inner.items);
    } else {
      if (isNested) throw mixed(name, "holds lists and single values side by side");
      const scalar = scalarOf(element);
      kind = common(kind, scalar.kind, name);
      items.push(scalar.item);
    }
  }
  return { kind, depth: isNested ? depth + 1 : 1, items };
}

function common(a: ValueKind, b: ValueKind, name: string): ValueKind {
  if (a === b || b === "unknown") return a;
  if (a === "unknown") return b;
  if ((a === "int" || a === "float") && (b === "int" || b === "float")) return "float";
  throw mixed(name, `holds values of kind ${a} and ${b} in one list`);
}

function mixed(name: string, what: string): WaybillError {
  return new WaybillError("data_loss", `Feature "${name}" ${what}.`, {
    hint: "Values of one feature are of one kind: correct the data, or give them another name.",
  });
}

function scalarOf(value: unknown): { readonly kind: ValueKind; readonly item: Item } {
  switch (typeof value) {
    case "number":
      return { kind: Number.isInteger(value) ? "int" : "float", item: value };
    case "bigint":
      return { kind: "int", item: Number(value) };
    case "boolean":
      return { kind: "int", item: value ? 1 : 0 };
    case "string":
      return { kind: "string", item: encoder.encode(value) };
    default:
      break;
  }
  if (value instanceof FloatNumber) return { kind: "float", item: value.value };
  if (value instanceof Uint8Array) return { kind: "string", item: value };
  if (value instanceof Date) return { kind: "int", item: value.getTime() * 1_000 };
  return { kind: "struct", item: exampleOf(Object.entries(value as object)) };
}
