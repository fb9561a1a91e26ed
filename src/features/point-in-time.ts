import type { Dialect } from "../engine/index.ts";
import type { ViewRows } from "./view-rows.ts";

/** Labels as the engine reads them. */
export interface Labels {
  readonly relation: string;
  /** The time of each label, a timestamp with or without zone; without one it is UTC. */
  readonly timeColumn: string;
}

/** A view to join: its rows, which label columns hold its keys, and the names of its feature columns. */
export interface JoinedView {
  readonly rows: ViewRows;
  /** The key expressions over the labels, in the order of `rows.keys`. */
  readonly labelKeys: readonly string[];
  /** One for each of `rows.features`. */
  readonly columns: readonly string[];
}

export interface PointInTimeOptions {
  /** Also leave out rows written after the label's time: what was known then, not what happened then. */
  readonly filterByCreatedTimestamp?: boolean;
  /** The form of the join; by default the fastest that the engine has. */
  readonly form?: "asof" | "union";
}

/** The column that numbers the labels in the result of {@link pointInTimeSql}. */
export const LABEL_ROW = "waybill_label_row";

/**
 * A query that gives every label with the feature values as they were at its time: of the rows with equal
 * keys, an event time not after the label's and (with a ttl) not older than it by more than the ttl, the
 * one with the greatest event time, then the greatest created time, a null created time losing; where all
 * of these are equal, the greatest values, so that the answer is the same each time. Labels without such a
 * row, or with a null key or time, keep nulls. All columns of the labels are there, then the features, then
 * {@link LABEL_ROW}; the order of rows is not defined.
 *
 * Two forms give equal answers. `asof` finds the winning (key, event time) with narrow columns, then
 * fetches whole rows for those alone and settles ties among them. `union` sorts labels and rows together
 * and carries the best row so far in a window: one shuffle, for engines without ASOF joins.
 */
export function pointInTimeSql(
  dialect: Dialect,
  labels: Labels,
  views: readonly JoinedView[],
  options: PointInTimeOptions = {},
): string {
  const known = options.filterByCreatedTimestamp === true;
  const asof = (options.form ?? (dialect.hasAsofJoin ? "asof" : "union")) === "asof";
  const row = dialect.quoteIdentifier(LABEL_ROW);
  const timeUs = dialect.epochUs(dialect.quoteIdentifier(labels.timeColumn));
  const steps = [`labels AS (SELECT ${dialect.rowNumber()} AS ${row}, * FROM ${labels.relation})`];
  for (const [index, view] of views.entries()) {
    steps.push(labelTimes(index, view, row, timeUs));
    steps.push(
      ...(asof ? asofSteps(dialect, index, view, known) : unionSteps(dialect, index, view, known)),
    );
  }
  const features = views.flatMap(({ columns }, index) =>
    columns.map((column, place) => `p${index}.f${place} AS ${dialect.quoteIdentifier(column)}`),
  );
  const joins = views.map(
    (_, index) => `LEFT JOIN picked${index} p${index} ON p${index}.r = l.${row}`,
  );
  return `WITH ${steps.join(",\n")}
SELECT ${["l.*", ...features].join(", ")}
FROM labels l
${joins.join("\n")}`;
}

/**
 * A query that gives the latest row of each key with an event time in [start, end], both ends included:
 * columns k0.., e, c (microseconds, the least 64-bit integer where there is none), f0... Rows with a null
 * key are left out.
 */
export function latestRowsSql(dialect: Dialect, rows: ViewRows, start: Date, end: Date): string {
  const keys = rows.keys.map((_, index) => `k${index}`);
  const [from, to] = [start, end].map((time) => {
    const bound = dialect.timestampFromUs(String(BigInt(time.getTime()) * 1000n));
    return rows.isZoned ? `CAST(${bound} AS ${dialect.typeName("timestamptz")})` : bound;
  });
  const inRange = `${rows.eventTime} BETWEEN ${from} AND ${to}`;
  const narrow = `SELECT ${aliased(rows.keys, "k")}, ${rows.eventUs} AS e FROM ${rows.relation} WHERE ${notNull(rows)} AND ${inRange}`;
  return `WITH newest AS (
SELECT ${keys.join(", ")}, max(e) AS e FROM (${narrow}) n GROUP BY ${keys.join(", ")})
SELECT ${[...keys, "e", "c", ...featureNames(rows)].join(", ")}
FROM (SELECT s.*, row_number() OVER (PARTITION BY ${qualified("s", keys)} ORDER BY ${tieOrder(rows)}) AS place
FROM (${wideRows(rows)}) s JOIN newest n ON ${equal("s", "n", [...keys, "e"])}) ranked
WHERE place = 1`;
}

/**
 * Stands for a missing created time, and loses against every other: the least 64-bit integer, whose digits
 * alone would overflow before they are negated.
 */
const NO_CREATED_SQL = "(-9223372036854775807 - 1)";

function labelTimes(index: number, view: JoinedView, row: string, timeUs: string): string {
  const named = ["r", ...view.labelKeys.map((_, place) => `k${place}`), "t"];
  const conditions = named.slice(1).map((name) => `${name} IS NOT NULL`);
  return `times${index} AS (SELECT * FROM (
SELECT ${row} AS r, ${aliased(view.labelKeys, "k")}, ${timeUs} AS t FROM labels) given
WHERE ${conditions.join(" AND ")})`;
}

function asofSteps(
  dialect: Dialect,
  index: number,
  { rows }: JoinedView,
  known: boolean,
): string[] {
  const keys = rows.keys.map((_, place) => `k${place}`);
  // A row is seen from its event time on; with knowledge time, from when it was both true and written.
  // `best` is then the newest event known so far; peers of one instant share it.
  const seen = known
    ? `SELECT ${keys.join(", ")}, v AS seen_us, max(${dialect.struct([
        ["e", "e"],
        ["c", "c"],
      ])}) OVER (PARTITION BY ${keys.join(", ")} ORDER BY v) AS best
FROM (SELECT ${aliased(rows.keys, "k")}, ${rows.eventUs} AS e, ${rows.createdUs} AS c, greatest(${rows.eventUs}, ${rows.createdUs}) AS v
FROM ${rows.relation} WHERE ${notNull(rows)} AND ${rows.createdUs} IS NOT NULL) s`
    : `SELECT ${aliased(rows.keys, "k")}, ${rows.eventUs} AS seen_us FROM ${rows.relation} WHERE ${notNull(rows)}`;
  const found = known ? "s.best['e'] AS e, s.best['c'] AS c" : "s.seen_us AS e";
  const winner = [...keys, "e", ...(known ? ["c"] : [])];
  return [
    `hits${index} AS (SELECT * FROM (
SELECT l.r, l.t, ${qualified("l", keys)}, ${found}
FROM times${index} l ASOF JOIN (${seen}) s ON ${equal("l", "s", keys)} AND l.t >= s.seen_us) found
${rows.ttlUs === 0n ? "" : `WHERE e >= t - ${rows.ttlUs}`})`,
    `picked${index} AS (SELECT h.r, ${qualified("w", featureNames(rows), "h.e")}
FROM hits${index} h JOIN (
SELECT * FROM (
SELECT s.*, row_number() OVER (PARTITION BY ${qualified("s", winner)} ORDER BY ${tieOrder(rows)}) AS place
FROM (${wideRows(rows)}) s
SEMI JOIN hits${index} h ON ${equal("s", "h", winner)}) ranked
WHERE place = 1) w ON ${equal("h", "w", winner)})`,
  ];
}

function unionSteps(
  dialect: Dialect,
  index: number,
  { rows }: JoinedView,
  known: boolean,
): string[] {
  const keys = rows.keys.map((_, place) => `k${place}`);
  const names = featureNames(rows);
  // The order of the fields is the order of preference; a null value loses against any other.
  const row = dialect.struct([
    ["e", "e"],
    ["c", "c"],
    ...names.flatMap((name): [string, string][] => [
      [`has_${name}`, `${name} IS NOT NULL`],
      [name, name],
    ]),
  ]);
  const visible = known ? ` WHERE c > ${NO_CREATED_SQL}` : "";
  const ttl = rows.ttlUs === 0n ? "" : ` AND s['e'] >= seen_us - ${rows.ttlUs}`;
  return [
    `picked${index} AS (SELECT r, ${["s['e'] AS e", ...names.map((name) => `s['${name}'] AS ${name}`)].join(", ")}
FROM (SELECT r, seen_us, kind, max(s) OVER (PARTITION BY ${keys.join(", ")} ORDER BY seen_us, kind ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s
FROM (SELECT ${keys.join(", ")}, ${known ? "greatest(e, c)" : "e"} AS seen_us, 0 AS kind, NULL AS r, ${row} AS s FROM (${wideRows(rows)}) w${visible}
UNION ALL
SELECT ${keys.join(", ")}, t AS seen_us, 1 AS kind, r, NULL AS s FROM times${index}) both_kinds) carried
WHERE kind = 1 AND s IS NOT NULL${ttl})`,
  ];
}

function wideRows(rows: ViewRows): string {
  const created =
    rows.createdUs === undefined
      ? NO_CREATED_SQL
      : `coalesce(${rows.createdUs}, ${NO_CREATED_SQL})`;
  const columns = [
    aliased(rows.keys, "k"),
    `${rows.eventUs} AS e`,
    `${created} AS c`,
    ...(rows.features.length === 0 ? [] : [aliased(rows.features, "f")]),
  ];
  return `SELECT ${columns.join(", ")} FROM ${rows.relation} WHERE ${notNull(rows)}`;
}

function notNull(rows: ViewRows): string {
  return [...rows.keys, rows.eventUs]
    .map((expression) => `${expression} IS NOT NULL`)
    .join(" AND ");
}

function featureNames(rows: ViewRows): string[] {
  return rows.features.map((_, index) => `f${index}`);
}

/** Among rows of one event time: the newest created, then the greatest values. */
function tieOrder(rows: ViewRows): string {
  return ["c DESC", ...featureNames(rows).map((name) => `${name} DESC NULLS LAST`)].join(", ");
}

function aliased(expressions: readonly string[], prefix: string): string {
  return expressions.map((expression, index) => `${expression} AS ${prefix}${index}`).join(", ");
}

function qualified(table: string, names: readonly string[], ...more: readonly string[]): string {
  return [...more, ...names.map((name) => `${table}.${name}`)].join(", ");
}

function equal(left: string, right: string, names: readonly string[]): string {
  return names.map((name) => `${left}.${name} = ${right}.${name}`).join(" AND ");
}
