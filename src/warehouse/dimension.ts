import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { TableView } from "./views.ts";

/** From when on a row of a dimension is true, inclusive. */
export const VALID_FROM = "valid_from";
/** Until when it is true, exclusive; NULL while it is. */
export const VALID_TO = "valid_to";

/**
 * A table expression of the rows that bring a dimension to a present state: rows that begin at `at`, and
 * those before them, closed at `at`. Rows that did not change are not in it.
 * @throws `invalid_argument` when a row that changed began at `at` or later, or the time columns are given
 */
export async function dimensionChanges(
  engine: Engine,
  options: {
    readonly relation: string;
    readonly on: readonly string[];
    readonly at: Date;
    readonly closeMissing: boolean;
    readonly current: TableView | undefined;
  },
): Promise<string> {
  const { relation, on, at, current } = options;
  const { dialect } = engine;
  const columns = (await engine.columns(relation)).map(({ name }) => name);
  const taken = columns.find((name) => name === VALID_FROM || name === VALID_TO);
  if (taken !== undefined) {
    throw new WaybillError("invalid_argument", `The column "${taken}" is kept for the history.`);
  }
  const missing = on.find((name) => !columns.includes(name));
  if (on.length === 0 || missing !== undefined) {
    throw new WaybillError("invalid_argument", `The rows have no key column "${missing ?? ""}".`);
  }
  const from = instant(engine, at);
  const open = `CAST(NULL AS ${dialect.typeName("timestamptz")})`;
  const list = columns.map((name) => `s.${dialect.quoteIdentifier(name)}`).join(", ");
  const fresh = (rows: string) =>
    `SELECT ${list}, ${from} AS ${VALID_FROM}, ${open} AS ${VALID_TO} FROM ${rows}`;
  if (current === undefined) return `(${fresh(`${relation} AS s`)})`;

  const known = current.schema.fields.map(({ name }) => name);
  const unknown = columns.find((name) => !known.includes(name));
  if (unknown !== undefined || !known.includes(VALID_FROM)) {
    const what = unknown === undefined ? "history of what was valid" : `column "${unknown}"`;
    throw new WaybillError("invalid_argument", `The table "${current.table}" has no ${what}.`);
  }
  const quoted = (name: string) => dialect.quoteIdentifier(name);
  const sameKey = on.map((name) => `s.${quoted(name)} = c.${quoted(name)}`).join(" AND ");
  const differs = columns
    .filter((name) => !on.includes(name))
    .map((name) => `s.${quoted(name)} IS DISTINCT FROM c.${quoted(name)}`);
  const isChanged = [`c.${VALID_FROM} IS NULL`, ...differs].join(" OR ");
  const now = `(SELECT * FROM ${current.relation} WHERE ${VALID_TO} IS NULL)`;
  const changed = `${relation} AS s LEFT JOIN ${now} AS c ON ${sameKey} WHERE ${isChanged}`;
  const kept = known.filter((name) => name !== VALID_TO).map((name) => `c.${quoted(name)}`);
  const closed = (join: string) =>
    `SELECT ${kept.join(", ")}, ${from} AS ${VALID_TO} FROM ${now} AS c ${join}`;
  const ends = [
    closed(`SEMI JOIN (SELECT s.* FROM ${changed}) AS s ON ${sameKey}`),
    ...(options.closeMissing ? [closed(`ANTI JOIN ${relation} AS s ON ${sameKey}`)] : []),
  ];
  const [late] = await engine.rows(
    `SELECT count(*) AS n FROM (${ends.join(" UNION ALL ")}) WHERE ${VALID_FROM} >= ${from}`,
  );
  if (Number(late?.["n"]) > 0) {
    throw new WaybillError(
      "invalid_argument",
      `${late?.["n"]} rows of "${current.table}" that change are valid from ${at.toISOString()} or later.`,
      { hint: "History is written forward: give a time after the last change." },
    );
  }
  return `(${[fresh(changed), ...ends].join(" UNION ALL BY NAME ")})`;
}

/** A table expression of the rows of a dimension that were true at a time. */
export function validAt(engine: Engine, relation: string, time: Date): string {
  const at = instant(engine, time);
  return (
    `(SELECT * FROM ${relation} WHERE ${VALID_FROM} <= ${at} ` +
    `AND (${VALID_TO} IS NULL OR ${VALID_TO} > ${at}))`
  );
}

function instant(engine: Engine, time: Date): string {
  if (Number.isNaN(time.getTime())) {
    throw new WaybillError("invalid_argument", "The time is no date.");
  }
  const { dialect } = engine;
  return `CAST(${dialect.text(time.toISOString().replace("Z", "+00"))} AS ${dialect.typeName("timestamptz")})`;
}
