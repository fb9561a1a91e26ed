import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { Cell, Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { declareRows, writeParquetFiles } from "./parquet-output.ts";
import { type RowRule, rowRules } from "./row-rules.ts";

/** Rows that are named for each rule, unless told otherwise. */
const ROWS_NAMED_MAX = 10;

/** What rows are judged by. */
export interface RowsOptions {
  readonly environment?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A row that breaks a rule: its number from 1 in the order of the relation, and the value in question. */
export interface RowReference {
  readonly row: bigint;
  readonly value: Cell;
}

/** A rule that some rows break. */
export interface BrokenRule {
  /** The feature's name, which is the column's. */
  readonly feature: string;
  /** The part of the schema that is broken: `int_domain.min 0`. */
  readonly rule: string;
  readonly rowCount: bigint;
  /** The first of the rows. */
  readonly rows: readonly RowReference[];
}

/**
 * The rows of a relation that break what a schema says of single values: presence everywhere, ranges,
 * sets of texts, NaN and infinities. One scan counts, and one for each broken rule finds its first rows.
 * What is about many rows together (shares, drift, unique values) has no rows to point at, nor has a
 * column that the relation lacks.
 * @param relation a table's name, a table function or a subquery in brackets, in the engine's SQL
 */
export async function findBadRows(
  engine: Engine,
  relation: string,
  schema: Schema,
  options: RowsOptions & { readonly limit?: number } = {},
): Promise<BrokenRule[]> {
  const { dialect } = engine;
  const query = options.signal === undefined ? {} : { signal: options.signal };
  const columns = await engine.columns(relation, query);
  const rules = rowRules(schema, columns, dialect, options.environment);
  if (rules.length === 0) return [];
  const counts = rules.map((rule, index) => `${countOf(engine, rule)} AS c${index}`);
  const [counted] = await engine.rows(`SELECT ${counts.join(", ")} FROM ${relation}`, query);
  const broken: BrokenRule[] = [];
  for (const [index, rule] of rules.entries()) {
    const count = counted?.[`c${index}`];
    const rowCount = typeof count === "bigint" ? count : BigInt(Number(count ?? 0));
    if (rowCount === 0n) continue;
    const column = dialect.quoteIdentifier(rule.feature);
    const found = await engine.rows(
      `SELECT number, value
       FROM (SELECT ${dialect.rowNumber()} AS number, ${column} AS value FROM ${relation}) AS numbered
       WHERE ${rule.isBroken("value")}
       ORDER BY number
       LIMIT ${options.limit ?? ROWS_NAMED_MAX}`,
      query,
    );
    const rows = found.map(({ number, value }) => ({
      row: BigInt(Number(number)),
      value: value ?? null,
    }));
    broken.push({ feature: rule.feature, rule: rule.text, rowCount, rows });
  }
  return broken;
}

/** Where good and bad rows go, and how much of the data may be bad. */
export interface QuarantineOptions extends RowsOptions {
  /** Parquet files. */
  readonly goodPath: string;
  readonly badPath: string;
  /** Beyond this share of bad rows nothing is split: the data or the schema is at fault. Default 1. */
  readonly maxBadShare?: number;
}

/** What was split off. */
export interface Quarantined {
  readonly goodCount: bigint;
  readonly badCount: bigint;
  readonly good: Artifact;
  readonly bad: Artifact;
}

/** The column of the bad rows that says which rules each breaks, separated by semicolons. */
export const REASONS_COLUMN = "waybill_reasons";

/**
 * Splits a relation into the rows that a schema lets pass and those it does not, each a Parquet file,
 * and declares both as outputs of the step: `examples` and `quarantine`. Bad rows keep every column and
 * get one that names the rules they break. Neither file appears unless both are whole.
 * @throws WaybillError `failed_precondition` when more than the allowed share of rows is bad;
 *   `invalid_argument` when the relation has a column of the name that bad rows get
 */
export async function quarantine(
  step: Step,
  engine: Engine,
  relation: string,
  schema: Schema,
  options: QuarantineOptions,
): Promise<Quarantined> {
  const { dialect } = engine;
  const query = { signal: options.signal ?? step.signal };
  const columns = await engine.columns(relation, query);
  if (columns.some(({ name }) => name === REASONS_COLUMN)) {
    throw new WaybillError(
      "invalid_argument",
      `The data has a column "${REASONS_COLUMN}" already.`,
    );
  }
  const rules = rowRules(schema, columns, dialect, options.environment);
  const isBad = badCondition(engine, rules);
  const [counted] = await engine.rows(
    `SELECT count(*) AS total, ${dialect.countIf(isBad)} AS bad FROM ${relation}`,
    query,
  );
  const total = BigInt(Number(counted?.["total"] ?? 0));
  const badCount = BigInt(Number(counted?.["bad"] ?? 0));
  checkShare(Number(badCount), Number(total), options.maxBadShare ?? 1);
  const reasons = reasonsText(engine, rules);
  const name = dialect.quoteIdentifier(REASONS_COLUMN);
  const withReasons = [...columns, { name: REASONS_COLUMN, type: dialect.typeName("string") }];
  await writeParquetFiles(
    engine,
    [
      {
        path: options.goodPath,
        query: `SELECT * FROM ${relation} WHERE NOT ${isBad}`,
        columns,
      },
      {
        path: options.badPath,
        query: `SELECT *, ${reasons} AS ${name} FROM ${relation} WHERE ${isBad}`,
        columns: withReasons,
      },
    ],
    query,
  );
  step.note("bad_row_count", badCount);
  step.log.log("info", `quarantined ${badCount} of ${total} rows`);
  return {
    goodCount: total - badCount,
    badCount,
    good: await declareRows(step, "examples", options.goodPath, total - badCount),
    bad: await declareRows(step, "quarantine", options.badPath, badCount),
  };
}

function countOf({ dialect }: Engine, rule: RowRule): string {
  return dialect.countIf(rule.isBroken(dialect.quoteIdentifier(rule.feature)));
}

/** True for a row that breaks any rule; never NULL, so that NOT of it is the rest. */
function badCondition({ dialect }: Engine, rules: readonly RowRule[]): string {
  if (rules.length === 0) return "(1 = 0)";
  const conditions = rules.map((rule) => rule.isBroken(dialect.quoteIdentifier(rule.feature)));
  return `(${conditions.join(" OR ")})`;
}

function reasonsText({ dialect }: Engine, rules: readonly RowRule[]): string {
  const parts = rules.map((rule) => {
    const text = dialect.text(`${rule.feature}: ${rule.text}; `);
    const column = dialect.quoteIdentifier(rule.feature);
    return `CASE WHEN ${rule.isBroken(column)} THEN ${text} ELSE '' END`;
  });
  return parts.length === 0 ? "''" : parts.join(" || ");
}

function checkShare(bad: number, total: number, allowed: number): void {
  if (total === 0 || bad / total <= allowed) return;
  throw new WaybillError(
    "failed_precondition",
    `${bad} of ${total} rows are bad, more than the allowed share of ${allowed}.`,
    { hint: "Look at the anomalies first: when so much is bad, it may be the schema." },
  );
}
