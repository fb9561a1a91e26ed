import type { Cell, Column, Engine, Row } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { compareBytes } from "../schema/index.ts";

/** How two datasets are matched row by row, and what of them is compared. */
export interface FeatureSkewOptions {
  /** Columns that together name a row in both datasets. */
  readonly identifiers: readonly string[];
  readonly ignore?: readonly string[];
  /** Digits after the point to which floats are rounded before they are compared. */
  readonly floatRoundDigits?: number;
  /** Compare every pair of rows with one identifier; otherwise identifiers that repeat are skipped. */
  readonly allowDuplicateIdentifiers?: boolean;
  /** Skewed pairs to name. Default 0. */
  readonly sampleSize?: number;
  /** Columns of text whose pairs of values are counted. */
  readonly confusion?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Counts of one feature over matched rows; names are TFDV's. */
export interface FeatureSkew {
  readonly feature: string;
  /** Rows of the base and of the test in which the feature is present. */
  readonly baseCount: number;
  readonly testCount: number;
  readonly matchCount: number;
  readonly baseOnly: number;
  readonly testOnly: number;
  readonly mismatchCount: number;
  /** `baseOnly + testOnly + mismatchCount`. */
  readonly diffCount: number;
}

/** How well the rows of two datasets found each other. */
export interface MatchStatistics {
  readonly baseWithIdCount: number;
  readonly testWithIdCount: number;
  readonly identifiersCount: number;
  readonly idsMissingInBaseCount: number;
  readonly idsMissingInTestCount: number;
  readonly matchingPairsCount: number;
  readonly duplicateIdCount: number;
  /** Rows that lack an identifier. */
  readonly baseMissingIdCount: number;
  readonly testMissingIdCount: number;
}

/** Two rows of one identifier that differ, and in what. */
export interface SkewedPair {
  readonly identifiers: Row;
  readonly baseOnly: readonly string[];
  readonly testOnly: readonly string[];
  readonly mismatched: readonly string[];
}

/** How often a value of the base met a value of the test in matched rows. */
export interface ConfusionCount {
  readonly feature: string;
  readonly base: string;
  readonly test: string;
  readonly count: number;
}

export interface FeatureSkewResult {
  readonly features: readonly FeatureSkew[];
  readonly match: MatchStatistics;
  readonly pairs: readonly SkewedPair[];
  readonly confusion: readonly ConfusionCount[];
}

/** What stands for a missing value in confusion counts. TFDV's text. */
export const MISSING_VALUE = "__MISSING_VALUE__";

/**
 * Compares two datasets row by row: what was served with what was trained on, matched by identifiers.
 * A feature is present where it is not NULL. Values of unlike types never match.
 * @param base and `test` are relations: a table's name, a table function or a subquery in brackets
 * @throws WaybillError `invalid_argument` for identifiers that are none, or are not in both datasets, and
 *   for confusion of what is not text
 * Source: TFDV's DetectFeatureSkew, whose counts and names these are.
 */
export async function detectFeatureSkew(
  engine: Engine,
  base: string,
  test: string,
  options: FeatureSkewOptions,
): Promise<FeatureSkewResult> {
  const query = options.signal === undefined ? {} : { signal: options.signal };
  const sides = {
    base: await engine.columns(base, query),
    test: await engine.columns(test, query),
  };
  const plan = new Plan(engine, base, test, sides, options);
  const features = plan.features();
  const match = matchStatistics(await only(engine, plan.matchSql(), query));
  const counted = features.length === 0 ? {} : await only(engine, plan.countSql(), query);
  const sampleSize = options.sampleSize ?? 0;
  const sample =
    sampleSize === 0 || features.length === 0
      ? []
      : await engine.rows(plan.sampleSql(sampleSize), query);
  const confusion: ConfusionCount[] = [];
  for (const feature of options.confusion ?? []) {
    const rows = await engine.rows(plan.confusionSql(feature), query);
    for (const { base_value, test_value, pairs } of rows) {
      confusion.push({
        feature,
        base: String(base_value),
        test: String(test_value),
        count: Number(pairs),
      });
    }
  }
  return {
    features: features.map((feature, index) => featureSkew(feature, index, counted)),
    match,
    pairs: sample.map((row) => skewedPair(row, features, options.identifiers)),
    confusion,
  };
}

/** Writes the statements; every one of them joins the two datasets in the same way. */
class Plan {
  readonly #engine: Engine;
  readonly #base: string;
  readonly #test: string;
  readonly #sides: { readonly base: readonly Column[]; readonly test: readonly Column[] };
  readonly #options: FeatureSkewOptions;

  constructor(
    engine: Engine,
    base: string,
    test: string,
    sides: { readonly base: readonly Column[]; readonly test: readonly Column[] },
    options: FeatureSkewOptions,
  ) {
    this.#engine = engine;
    this.#base = base;
    this.#test = test;
    this.#sides = sides;
    this.#options = options;
    this.#checkIdentifiers();
  }

  /** Columns of either dataset that are compared, in byte order. */
  features(): string[] {
    const ignored = new Set([...this.#options.identifiers, ...(this.#options.ignore ?? [])]);
    const names = new Set([...this.#sides.base, ...this.#sides.test].map(({ name }) => name));
    return [...names].filter((name) => !ignored.has(name)).sort(compareBytes);
  }

  matchSql(): string {
    const ids = this.#ids();
    const grouped = (relation: string, side: "base" | "test") =>
      `SELECT ${ids.map(({ index, of }) => `${of("x", side)} AS i${index}`).join(", ")}, count(*) AS n
       FROM ${relation} AS x WHERE ${this.#hasIds("x")} GROUP BY ${ids.map(({ index }) => `i${index}`).join(", ")}`;
    const missing = (relation: string) =>
      `(SELECT count(*) FROM ${relation} AS x WHERE NOT (${this.#hasIds("x")}))`;
    const on = ids.map(({ index }) => `b.i${index} = t.i${index}`).join(" AND ");
    return `
      SELECT coalesce(sum(b.n), 0) AS base_with_id, coalesce(sum(t.n), 0) AS test_with_id,
        count(*) AS identifiers,
        count(*) - count(b.n) AS missing_in_base, count(*) - count(t.n) AS missing_in_test,
        coalesce(sum(b.n * t.n), 0) AS pairs,
        ${this.#engine.dialect.countIf("coalesce(b.n, 0) > 1 OR coalesce(t.n, 0) > 1")} AS duplicates,
        ${missing(this.#base)} AS base_missing_id, ${missing(this.#test)} AS test_missing_id
      FROM (${grouped(this.#base, "base")}) AS b
      FULL OUTER JOIN (${grouped(this.#test, "test")}) AS t ON ${on}`;
  }

  countSql(): string {
    const { countIf } = this.#engine.dialect;
    const counts = this.features().flatMap((feature, index) => {
      const { inBase, inTest, isMatch } = this.#comparison(feature);
      return [
        `${countIf(inBase)} AS b${index}`,
        `${countIf(inTest)} AS t${index}`,
        `${countIf(isMatch)} AS m${index}`,
        `${countIf(`${inBase} AND ${inTest}`)} AS p${index}`,
      ];
    });
    return `SELECT ${counts.join(", ")} FROM ${this.#joined()}`;
  }

  sampleSql(size: number): string {
    const features = this.features();
    const kinds = features.map((feature, index) => {
      const { inBase, inTest, isMatch } = this.#comparison(feature);
      return `CASE WHEN ${inBase} AND ${inTest} THEN CASE WHEN ${isMatch} THEN '' ELSE 'mismatched' END
        WHEN ${inBase} THEN 'baseOnly' WHEN ${inTest} THEN 'testOnly' ELSE '' END AS k${index}`;
    });
    const quote = (name: string) => this.#engine.dialect.quoteIdentifier(name);
    const ids = this.#options.identifiers.map((id, index) => `b.${quote(id)} AS i${index}`);
    const isSkewed = features.map((_, index) => `k${index} <> ''`).join(" OR ");
    const order = ids.map((_, index) => `i${index}`).join(", ");
    return `SELECT * FROM (SELECT ${[...ids, ...kinds].join(", ")} FROM ${this.#joined()}) AS pairs
      WHERE ${isSkewed} ORDER BY ${order} LIMIT ${size}`;
  }

  confusionSql(feature: string): string {
    const { dialect } = this.#engine;
    const column = dialect.quoteIdentifier(feature);
    for (const side of [this.#sides.base, this.#sides.test]) {
      const type = side.find(({ name }) => name === feature)?.type;
      if (type !== undefined && dialect.typeFamily(type) === "text") continue;
      throw new WaybillError(
        "invalid_argument",
        `Confusion is counted of texts, and "${feature}" is ${type ?? "not in both datasets"}.`,
      );
    }
    const value = (side: string) =>
      `coalesce(${side}.${column}, ${dialect.text(MISSING_VALUE)}) AS ${side === "b" ? "base_value" : "test_value"}`;
    return `SELECT base_value, test_value, count(*) AS pairs
      FROM (SELECT ${value("b")}, ${value("t")} FROM ${this.#joined()}) AS found
      GROUP BY base_value, test_value ORDER BY pairs DESC, base_value, test_value`;
  }

  /** Pairs of rows of one identifier. Identifiers that repeat are left out unless they are allowed. */
  #joined(): string {
    const ids = this.#ids();
    const numbered = (relation: string, side: "base" | "test") =>
      `(SELECT x.*, count(*) OVER (PARTITION BY ${ids.map(({ of }) => of("x", side)).join(", ")}) AS waybill_n
        FROM ${relation} AS x WHERE ${this.#hasIds("x")})`;
    const on = ids.map(({ of }) => `${of("b", "base")} = ${of("t", "test")}`);
    const once =
      this.#options.allowDuplicateIdentifiers === true
        ? []
        : ["b.waybill_n = 1", "t.waybill_n = 1"];
    return `${numbered(this.#base, "base")} AS b JOIN ${numbered(this.#test, "test")} AS t
      ON ${[...on, ...once].join(" AND ")}`;
  }

  #comparison(feature: string) {
    const column = this.#engine.dialect.quoteIdentifier(feature);
    const family = (columns: readonly Column[]) => {
      const type = columns.find(({ name }) => name === feature)?.type;
      return type === undefined ? undefined : this.#engine.dialect.typeFamily(type);
    };
    const base = family(this.#sides.base);
    const test = family(this.#sides.test);
    const inBase = base === undefined ? "(1 = 0)" : `b.${column} IS NOT NULL`;
    const inTest = test === undefined ? "(1 = 0)" : `t.${column} IS NOT NULL`;
    if (base === undefined || base !== test) return { inBase, inTest, isMatch: "(1 = 0)" };
    const [left, right] = [this.#rounded(`b.${column}`, base), this.#rounded(`t.${column}`, base)];
    return { inBase, inTest, isMatch: `(${inBase} AND ${inTest} AND ${left} = ${right})` };
  }

  #rounded(x: string, family: string): string {
    const digits = this.#options.floatRoundDigits;
    return digits === undefined || family !== "double" ? x : `round(${x}, ${digits})`;
  }

  #ids() {
    const { dialect } = this.#engine;
    return this.#options.identifiers.map((id, index) => ({
      index,
      of: (alias: string, side: "base" | "test") => {
        const type = this.#sides[side].find(({ name }) => name === id)?.type ?? "";
        const family = dialect.typeFamily(type);
        return this.#rounded(`${alias}.${dialect.quoteIdentifier(id)}`, family);
      },
    }));
  }

  #hasIds(alias: string): string {
    const quote = (name: string) => this.#engine.dialect.quoteIdentifier(name);
    return this.#options.identifiers.map((id) => `${alias}.${quote(id)} IS NOT NULL`).join(" AND ");
  }

  #checkIdentifiers(): void {
    const { identifiers, floatRoundDigits } = this.#options;
    if (identifiers.length === 0) {
      throw new WaybillError(
        "invalid_argument",
        "Rows are matched by identifiers: name at least one.",
      );
    }
    for (const [side, columns] of Object.entries(this.#sides)) {
      const missing = identifiers.find((id) => !columns.some(({ name }) => name === id));
      if (missing === undefined) continue;
      throw new WaybillError(
        "invalid_argument",
        `The ${side} dataset has no column "${missing}" to match rows by.`,
        { hint: `It has ${columns.map(({ name }) => name).join(", ")}` },
      );
    }
    if (floatRoundDigits !== undefined && !Number.isInteger(floatRoundDigits)) {
      throw new WaybillError("invalid_argument", `"${floatRoundDigits}" is no number of digits.`);
    }
  }
}

async function only(
  engine: Engine,
  sql: string,
  query: { readonly signal?: AbortSignal },
): Promise<Row> {
  return (await engine.rows(sql, query))[0] ?? {};
}

function featureSkew(feature: string, index: number, counts: Row): FeatureSkew {
  const [baseCount, testCount, matchCount, both] = ["b", "t", "m", "p"].map((kind) =>
    numberOf(counts[`${kind}${index}`]),
  ) as [number, number, number, number]; // Four kinds give four numbers.
  const baseOnly = baseCount - both;
  const testOnly = testCount - both;
  const mismatchCount = both - matchCount;
  const diffCount = baseOnly + testOnly + mismatchCount;
  return {
    feature,
    baseCount,
    testCount,
    matchCount,
    baseOnly,
    testOnly,
    mismatchCount,
    diffCount,
  };
}

function matchStatistics(row: Row): MatchStatistics {
  return {
    baseWithIdCount: numberOf(row["base_with_id"]),
    testWithIdCount: numberOf(row["test_with_id"]),
    identifiersCount: numberOf(row["identifiers"]),
    idsMissingInBaseCount: numberOf(row["missing_in_base"]),
    idsMissingInTestCount: numberOf(row["missing_in_test"]),
    matchingPairsCount: numberOf(row["pairs"]),
    duplicateIdCount: numberOf(row["duplicates"]),
    baseMissingIdCount: numberOf(row["base_missing_id"]),
    testMissingIdCount: numberOf(row["test_missing_id"]),
  };
}

function skewedPair(row: Row, features: readonly string[], ids: readonly string[]): SkewedPair {
  const of = (kind: string) => features.filter((_, index) => row[`k${index}`] === kind);
  return {
    identifiers: Object.fromEntries(ids.map((id, index) => [id, row[`i${index}`] ?? null])),
    baseOnly: of("baseOnly"),
    testOnly: of("testOnly"),
    mismatched: of("mismatched"),
  };
}

function numberOf(cell: Cell | undefined): number {
  return Number(cell ?? 0);
}
