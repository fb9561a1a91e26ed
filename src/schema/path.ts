import { WaybillError } from "../foundation/index.ts";

/** Where a feature is: its name, or for a member of a struct the names from the root down. */
export type FeaturePath = readonly string[];

/** A step that is written bare: no dot, bracket or quote in it, or an extension name in brackets. */
const BARE_STEP = /^(?:\([^()]*\)|[^().']+)$/;

/** One step at the start of a serialized path: bare, bracketed or quoted. */
const NEXT_STEP = /(?:'(?:''|[^'])*'|\([^()]*\)|[^()'.]+)(?=\.|$)/y;

/**
 * The path as the text that keys anomalies and names string domains: steps joined by dots, a step with
 * a dot, a bracket or a quote (or an empty one) in single quotes with its quotes doubled.
 */
export function serializePath(path: FeaturePath): string {
  return path
    .map((step) => (BARE_STEP.test(step) ? step : `'${step.replaceAll("'", "''")}'`))
    .join(".");
}

/**
 * The inverse of {@link serializePath}.
 * @throws WaybillError `invalid_argument` when the text is not a serialized path
 */
export function parsePath(text: string): FeaturePath {
  if (text === "") return [];
  const steps: string[] = [];
  for (let position = 0; position <= text.length; ) {
    NEXT_STEP.lastIndex = position;
    const step = NEXT_STEP.exec(text)?.[0];
    if (step === undefined) {
      throw new WaybillError("invalid_argument", `"${text}" is not a feature path.`, {
        hint: "Put a name with dots, brackets or quotes in single quotes: 'a.b'.c",
      });
    }
    steps.push(step.startsWith("'") ? step.slice(1, -1).replaceAll("''", "'") : step);
    position += step.length + 1;
  }
  return steps;
}

/** Orders paths step by step, each step by the bytes of its UTF-8, a parent before its children. */
export function comparePaths(a: FeaturePath, b: FeaturePath): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const order = compareBytes(a[index] ?? "", b[index] ?? "");
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Orders texts by the bytes of their UTF-8, as TFDV sorts labels; plain `<` compares UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    // Surrogates stand for code points beyond U+FFFF, which sort after every unit of the basic plane.
    const leftIsSurrogate = left >= 0xd800 && left <= 0xdfff;
    const rightIsSurrogate = right >= 0xd800 && right <= 0xdfff;
    if (leftIsSurrogate !== rightIsSurrogate) return leftIsSurrogate ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** A key under which paths are equal exactly when their steps are. Not for people to read. */
export function pathKey(path: FeaturePath): string {
  return path.length === 1 ? (path[0] ?? "") : path.join("\u0000");
}
