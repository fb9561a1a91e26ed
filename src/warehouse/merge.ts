import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import {
  type BranchOption,
  checkColumns,
  commitRows,
  openBranch,
  pathsOf,
  type RowChange,
  unchanged,
} from "./branch.ts";
import type { TableState } from "./catalog.ts";
import type { WarehouseContext } from "./commit.ts";
import { currentSchema } from "./formats/table-metadata.ts";
import { FILE_COLUMN } from "./relation.ts";
import { columnSqlType } from "./types.ts";
import { writeRows } from "./write.ts";

/** Rows by key that a merge brings. */
export interface MergeOptions extends BranchOption {
  readonly relation: string;
  /** The columns that tell whether two rows are the same. */
  readonly on: readonly string[];
  /** What becomes of a row whose key is there already; `update` by default. */
  readonly whenMatched?: "update" | "ignore";
  /** What becomes of a row whose key is new; `insert` by default. */
  readonly whenNotMatched?: "insert" | "ignore";
}

/**
 * Brings rows by key: those whose key is there are updated, the others inserted, in one snapshot.
 * Columns that the relation lacks keep their value, or are NULL in new rows.
 * @throws `invalid_argument` when a key is twice in the relation: which row would win is undefined
 */
export async function mergeRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: MergeOptions,
): Promise<RowChange> {
  const { whenMatched = "update", whenNotMatched = "insert" } = options;
  checkColumns(state, options.on);
  if (options.on.length === 0) {
    throw new WaybillError("invalid_argument", "A merge needs a column to tell rows apart by.");
  }
  // In a session of its own, so that the relation is read once and gives the same rows throughout.
  return context.engine.session(async (engine) => {
    const session = { ...context, engine };
    const { dialect } = engine;
    const quoted = options.on.map((name) => dialect.quoteIdentifier(name));
    const table = await openBranch(session, state, options.branch);
    const source = "_waybill_merge";
    const { signal } = step;
    await engine.execute(
      `CREATE OR REPLACE TEMP TABLE ${source} AS SELECT * FROM ${options.relation}`,
      { signal },
    );
    const given = (await engine.columns(source)).map(({ name }) => name);
    checkColumns(state, given);
    await checkKeys(engine, source, options.on, given);

    const on = quoted.map((key) => `t.${key} = s.${key}`).join(" AND ");
    const all = table.relation(table.entries, { withFile: true });
    const matched = await engine.rows(
      `SELECT ${FILE_COLUMN} AS file, count(*) AS n FROM ${all} AS t SEMI JOIN ${source} AS s ON ${on} GROUP BY 1`,
      { signal },
    );
    const updates = whenMatched === "update" ? matched : [];
    const touched = table.withPaths(new Set(updates.map((row) => String(row["file"]))));
    const columns = currentSchema(state.metadata).fields.map(({ name, type }) => ({
      column: dialect.quoteIdentifier(name),
      typeName: columnSqlType(dialect, type, name),
      isGiven: given.includes(name),
    }));
    const isMatched = `s.${quoted[0]} IS NOT NULL`;
    const updated = columns.map(({ column, isGiven }) =>
      isGiven
        ? `CASE WHEN ${isMatched} THEN s.${column} ELSE t.${column} END AS ${column}`
        : `t.${column} AS ${column}`,
    );
    const inserted = columns.map(({ column, typeName, isGiven }) =>
      isGiven ? `s.${column}` : `CAST(NULL AS ${typeName}) AS ${column}`,
    );
    const parts = [];
    if (touched.length > 0) {
      parts.push(
        `SELECT ${updated.join(", ")} FROM ${table.relation(touched)} AS t LEFT JOIN ${source} AS s ON ${on}`,
      );
    }
    const fresh = `${source} AS s ANTI JOIN ${all} AS t ON ${on}`;
    const [counted] = await engine.rows(`SELECT count(*) AS n FROM ${fresh}`, { signal });
    const insertCount = whenNotMatched === "insert" ? Number(counted?.["n"]) : 0;
    if (insertCount > 0) parts.push(`SELECT ${inserted.join(", ")} FROM ${fresh}`);
    if (parts.length === 0) return unchanged(state);

    const added = await writeRows(
      { step, ...session },
      state.metadata,
      `(${parts.join(" UNION ALL ")})`,
    );
    const updateCount = updates.reduce((total, row) => total + Number(row["n"]), 0);
    return commitRows(session, step, { ...state, base: state }, options.branch, {
      change: {
        operation: touched.length > 0 ? "overwrite" : "append",
        added,
        removed: pathsOf(touched),
      },
      affectedRows: updateCount + insertCount,
    });
  });
}

async function checkKeys(
  engine: Engine,
  source: string,
  on: readonly string[],
  given: readonly string[],
): Promise<void> {
  const missing = on.find((name) => !given.includes(name));
  if (missing !== undefined) {
    throw new WaybillError("invalid_argument", `The rows to merge have no column "${missing}".`);
  }
  const keys = on.map((name) => engine.dialect.quoteIdentifier(name));
  const isNull = keys.map((key) => `${key} IS NULL`).join(" OR ");
  const [row] = await engine.rows(`
    SELECT (SELECT count(*) FROM ${source} WHERE ${isNull}) AS nulls,
      (SELECT count(*) FROM (
        SELECT 1 FROM ${source} GROUP BY ${keys.join(", ")} HAVING count(*) > 1)) AS doubles`);
  const what = on.map((name) => `"${name}"`).join(", ");
  if (Number(row?.["nulls"]) > 0) {
    throw new WaybillError(
      "invalid_argument",
      `${row?.["nulls"]} of the rows to merge have no ${what}, by which they are told apart.`,
    );
  }
  if (Number(row?.["doubles"]) > 0) {
    throw new WaybillError(
      "invalid_argument",
      `${row?.["doubles"]} keys (${what}) are more than once in the rows to merge.`,
      { hint: "Keep one row of each key, for example the newest." },
    );
  }
}
