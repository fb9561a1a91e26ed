import type { Node, Pair } from "yaml";
import { WaybillError } from "../../foundation/index.ts";
import { compareCodePoints } from "./dir-object.ts";
import { YamlPlain, type YamlValue } from "./yaml.ts";

/** A mapping as it stands in a file: in order, whatever its keys look like. */
export type YamlMap = ReadonlyMap<string, YamlValue>;

/**
 * Parses YAML or JSON into values that are written back as they were: mappings as Maps, floats and dates as
 * they are spelled by Python.
 * @param name the file's path, for messages
 * @throws WaybillError `invalid_argument`
 */
export async function parseYamlValues(text: string, name: string): Promise<YamlValue> {
  const { parseDocument, isAlias, isMap, isSeq, isScalar } = await import("yaml");
  const document = parseDocument(text, { uniqueKeys: true });
  const error = document.errors[0];
  if (error !== undefined) {
    throw new WaybillError("invalid_argument", `"${name}" is not YAML: ${error.message.trim()}`, {
      hint: "Mend the file by hand, or take it from git.",
      cause: error,
    });
  }
  let budget = VALUES_MAX;
  const convert = (node: unknown): YamlValue => {
    budget -= 1;
    if (budget < 0) {
      throw new WaybillError("invalid_argument", `"${name}" expands to more than it can mean.`);
    }
    if (isAlias(node)) return convert(node.resolve(document));
    if (isSeq(node)) return node.items.map(convert);
    if (isMap(node)) {
      const pairs = node.items as Pair<Node, Node | null>[];
      return new Map(pairs.map((pair) => [keyOf(pair.key), convert(pair.value)]));
    }
    if (!isScalar(node)) return null;
    const { value } = node;
    const source = node.source ?? "";
    if (typeof value === "number") {
      const isInteger = /^[-+]?(?:\d+|0x[0-9a-f]+|0o[0-7]+)$/iu.test(source);
      return isInteger ? value : new YamlPlain(pythonFloat(value));
    }
    if (typeof value === "bigint" || typeof value === "boolean") return value;
    if (typeof value !== "string") return null;
    const isDate = node.type === "PLAIN" && /^\d{4}-\d\d-\d\d$/u.test(value);
    return isDate ? new YamlPlain(value) : value;
  };
  const keyOf = (key: unknown): string => {
    const value = convert(key);
    return value instanceof YamlPlain ? value.text : String(value);
  };
  return convert(document.contents);
}

/** Aliases can make a small file stand for a huge value; no file of a pipeline is as large as this. */
const VALUES_MAX = 1_000_000;

/** A value as Python's `json.dumps(value, sort_keys=True)` writes it: dvc takes digests of that. */
export function pythonJson(value: YamlValue): string {
  if (value instanceof YamlPlain) return value.text;
  if (typeof value === "string") return asciiJson(value);
  if (isList(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const members = [...entriesOf(value)].sort(([a], [b]) => compareCodePoints(a, b));
    return `{${members.map(([key, member]) => `${asciiJson(key)}: ${pythonJson(member)}`).join(", ")}}`;
  }
  return String(value);
}

/** Whether two values are equal as Python compares them: `1` and `1.0` are. */
export function isSameValue(a: YamlValue | undefined, b: YamlValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return pythonJson(normalized(a)) === pythonJson(normalized(b));
}

/** A float as Python's `repr` writes it. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits = "", exponent = ""] = value.toExponential().split("e");
    const sign = exponent.startsWith("-") ? "-" : "+";
    return `${digits}e${sign}${exponent.replace(/^[-+]/u, "").padStart(2, "0")}`;
  }
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /[.e]/u.test(text) ? text : `${text}.0`;
}

/** Whether a value is a list. */
export function isList(value: YamlValue | undefined): value is readonly YamlValue[] {
  return Array.isArray(value);
}

/** Whether a value is a mapping as {@link parseYamlValues} gives it. */
export function isYamlMap(value: YamlValue | undefined): value is YamlMap {
  return value instanceof Map;
}

function entriesOf(value: object): Iterable<[string, YamlValue]> {
  return value instanceof Map ? value : Object.entries(value);
}

function normalized(value: YamlValue): YamlValue {
  if (value instanceof YamlPlain) {
    const number = Number(value.text);
    return Number.isNaN(number) ? value.text : number;
  }
  if (isList(value)) return value.map(normalized);
  if (isYamlMap(value))
    return new Map([...value].map(([key, member]) => [key, normalized(member)]));
  return value;
}

/** JSON of a string in ASCII, as Python writes it: by UTF-16 units, so surrogate pairs too. */
export function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
