import type { Cell, Engine } from "../../engine/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import { HASH_DIGITS, SKETCH_HASHES } from "../distinct-sketch.ts";
import type { Sizes } from "../options.ts";
import {
  type DatasetPartial,
  type FeatureKind,
  type FeaturePartial,
  lengthsOfScalars,
} from "../partial.ts";
import type { StringPartial } from "../string-partial.ts";
import { StringTable } from "../string-table.ts";
import { type NumericColumn, numberIn } from "./numeric-column.ts";
import { countNumericColumns, numberExpression } from "./numeric-sql.ts";

interface ScanOptions {
  readonly sizes: Sizes;
  readonly signal?: AbortSignal | undefined;
  readonly allowlist?: ReadonlySet<string> | undefined;
  /** Numbers that stand for categories: counted as their text. */
  readonly categories: ReadonlySet<string>;
  /** Distinct values kept of each text column; the most frequent when there are more. */
  readonly keptValues: number;
}

/** A time's meaning for schema inference, in protobuf text. */
const TIME_DOMAINS: Readonly<Record<string, string>> = {
  date: "time_domain { integer_format: UNIX_DAYS }",
  timestamp: "time_domain { integer_format: UNIX_MICROSECONDS }",
};

/**
 * Counts a relation in SQL, one feature per column. Booleans and integers are INT; dates are INT in days
 * and timestamps INT in microseconds since 1970, with their `time_domain`; times of day are INT in
 * microseconds; floats and decimals are FLOAT (64 bits stay 64 bits); the rest is STRING, NULL is missing.
 * Nested columns are for others.
 * @throws `invalid_argument` for a relation without rows
 */
export async function scanRelation(
  engine: Engine,
  relation: string,
  options: ScanOptions,
): Promise<DatasetPartial> {
  return engine.session(async (session) => {
    const query = { engine: session, relation, signal: options.signal };
    const queryOptions = options.signal === undefined ? {} : { signal: options.signal };
    const { dialect } = session;
    const columns = (await session.columns(relation, queryOptions))
      .filter(({ name }) => options.allowlist?.has(name) ?? true)
      .map(({ name, type }) => ({ name, type, family: dialect.typeFamily(type) }));
    const [counted] = await session.rows(`SELECT count(*) AS n FROM ${relation}`, queryOptions);
    const examples = numberIn(counted!, "n");
    if (examples === 0) {
      throw new WaybillError("invalid_argument", "The data has no rows.", {
        hint: "Check the files, or the condition that selects the rows.",
      });
    }
    const numericColumns: NumericColumn[] = [];
    const isNumeric = new Map<string, number>();
    for (const { name, family } of columns) {
      const number = numberExpression(dialect.quoteIdentifier(name), family, dialect);
      if (number === undefined || options.categories.has(name)) continue;
      isNumeric.set(name, numericColumns.length);
      numericColumns.push({ name, ...number });
    }
    const numbers = await countNumericColumns(query, numericColumns);
    const features: FeaturePartial[] = [];
    for (const { name, family } of columns) {
      const index = isNumeric.get(name);
      if (index !== undefined) {
        const { present, numeric } = numbers[index]!;
        const kind: FeatureKind = numericColumns[index]!.isInteger ? "int" : "float";
        const domainInfo = TIME_DOMAINS[family];
        features.push({
          path: [name],
          kind,
          present,
          lengths: lengthsOfScalars(present),
          numeric,
          ...(domainInfo === undefined ? {} : { domainInfo }),
        });
        continue;
      }
      const column = dialect.quoteIdentifier(name);
      const isText = family === "text" || family === "binary";
      const value = isText ? column : `CAST(${column} AS ${dialect.typeName("string")})`;
      const isBinary = family === "binary";
      const strings = await countStrings(session, relation, { sql: value, isBinary }, options);
      features.push({
        path: [name],
        kind: options.categories.has(name) ? "int" : "string",
        present: strings.count,
        lengths: lengthsOfScalars(strings.count),
        strings,
      });
    }
    return { name: "", examples, features };
  });
}

async function countStrings(
  engine: Engine,
  relation: string,
  { sql: value, isBinary }: { readonly sql: string; readonly isBinary: boolean },
  { sizes, keptValues, signal }: ScanOptions,
): Promise<StringPartial> {
  const { dialect } = engine;
  const length = isBinary ? dialect.binaryLength("v") : dialect.byteLength("v");
  // An engine's text is UTF-8; its binary values may be anything.
  const invalid = isBinary ? `(SELECT sum(n) FROM g WHERE NOT ${dialect.isUtf8("v")})` : "0";
  const kept = Math.max(sizes.topValues, sizes.rankBuckets, keptValues);
  const sql = `
    WITH g AS (
      SELECT ${value} AS v, count(*) AS n
      FROM ${relation}
      WHERE ${value} IS NOT NULL
      GROUP BY 1
    )
    SELECT
      (SELECT count(*) FROM g) AS distinct_values,
      (SELECT sum(n) FROM g) AS total,
      (SELECT sum(${length} * n) FROM g) AS bytes,
      ${invalid} AS invalid,
      ${dialect.topValues("g", "v", "n", kept)} AS top`;
  const [row] = await engine.rows(sql, signal === undefined ? {} : { signal });
  const table = new StringTable();
  for (const { v, n } of topOf(row!["top"] ?? [])) {
    const bytes = typeof v === "string" ? encoder.encode(v) : v;
    table.add(bytes, 0, bytes.length, Number(n));
  }
  const unique = numberIn(row!, "distinct_values");
  const sketch =
    unique > kept && keptValues > 0 ? await sketchOf(engine, relation, value, signal) : undefined;
  return {
    count: numberIn(row!, "total"),
    totalBytes: numberIn(row!, "bytes"),
    unique,
    invalidUtf8: numberIn(row!, "invalid"),
    table,
    isComplete: unique <= kept,
    ...(sketch === undefined ? {} : { sketch }),
  };
}

/** The smallest hashes of the distinct values, as `StringPartial` has them. */
async function sketchOf(
  engine: Engine,
  relation: string,
  value: string,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const sql = `
    SELECT DISTINCT substr(${engine.dialect.md5(value)}, 1, ${HASH_DIGITS}) AS h
    FROM ${relation}
    WHERE ${value} IS NOT NULL
    ORDER BY h
    LIMIT ${SKETCH_HASHES}`;
  const rows = await engine.rows(sql, signal === undefined ? {} : { signal });
  return Float64Array.from(rows, (row) => Number.parseInt(String(row["h"]), 16));
}

const encoder = new TextEncoder();

interface TopValue {
  readonly v: string | Uint8Array;
  readonly n: number | bigint;
}

/** `Dialect.topValues` gives a list of structs {v, n}. */
function topOf(cell: Cell): readonly TopValue[] {
  return cell as unknown as readonly TopValue[];
}
