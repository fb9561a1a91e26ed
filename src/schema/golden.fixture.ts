import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { sharedFolder } from "../../scripts/shared.ts";

/** One case of the golden vectors that TFDV made: a folder of inputs and of what TFDV answered. */
export interface GoldenCase {
  readonly name: string;
  readonly folder: string;
  readonly files: ReadonlySet<string>;
  /** `options.json`, as the maker of the vectors wrote it. */
  readonly options: GoldenOptions;
}

export interface GoldenOptions {
  readonly op: string;
  readonly infer_feature_shape?: boolean;
  readonly max_string_domain_size?: number;
  readonly environment?: string;
  readonly expect_error?: string;
  readonly validation_options?: {
    readonly new_features_are_warnings?: boolean;
    readonly severity_overrides?: readonly { readonly type: number; readonly severity: number }[];
    readonly features_needed?: readonly { readonly path: readonly string[] }[];
  };
}

/** The cases whose names begin with `prefix`, or undefined where a clone has no vectors. */
export function goldenCases(prefix: string): readonly GoldenCase[] | undefined {
  const shared = sharedFolder();
  if (shared === undefined) return undefined;
  const root = join(shared, "goldens", "tfdv");
  return readdirSync(root)
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => {
      const folder = join(root, name);
      const options: GoldenOptions = JSON.parse(readFileSync(join(folder, "options.json"), "utf8"));
      return { name, folder, files: new Set(readdirSync(folder)), options };
    });
}

/**
 * What differs between two messages, one line each; none when they say the same. Features, domains and
 * the like are matched by name, everything else by place. Doubles may differ by 1 in 10^6.
 */
export function differences<Desc extends DescMessage>(
  schema: Desc,
  expected: MessageShape<Desc>,
  actual: MessageShape<Desc>,
): string[] {
  const options = { useProtoFieldName: true } as const;
  return [...compare("", toJson(schema, expected, options), toJson(schema, actual, options))];
}

/** Lists whose items are found by name or path, whatever their order. */
const KEYED_LISTS: ReadonlySet<string> = new Set([
  "feature",
  "string_domain",
  "sparse_feature",
  "weighted_feature",
  "drift_skew_info",
]);

function* compare(path: string, expected: unknown, actual: unknown): Generator<string> {
  if (isRecord(expected) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      yield* compareMember(`${path}/${key}`, key, expected[key], actual[key]);
    }
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      yield `${path}: expected ${short(expected)}, got ${short(actual)}`;
      return;
    }
    for (const [index, item] of expected.entries()) {
      yield* compare(`${path}[${index}]`, item, actual[index]);
    }
  } else if (!isSameScalar(expected, actual)) {
    yield `${path}: expected ${short(expected)}, got ${short(actual)}`;
  }
}

function* compareMember(
  path: string,
  key: string,
  expected: unknown,
  actual: unknown,
): Generator<string> {
  const isKeyed = KEYED_LISTS.has(key) && Array.isArray(expected) && Array.isArray(actual);
  yield* isKeyed ? compare(path, byKey(expected), byKey(actual)) : compare(path, expected, actual);
}

function byKey(items: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(
    items.map((item, index) => {
      if (!isRecord(item)) return [String(index), item];
      return [JSON.stringify(item["name"] ?? item["path"] ?? ""), item];
    }),
  );
}

function isSameScalar(expected: unknown, actual: unknown): boolean {
  if (Object.is(expected, actual)) return true;
  if (typeof expected !== "number" || typeof actual !== "number") return false;
  const allowed = Math.max(1e-9, 1e-6 * Math.max(Math.abs(expected), Math.abs(actual)));
  return Math.abs(expected - actual) <= allowed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length < 200 ? text : `${text.slice(0, 197)}...`;
}
