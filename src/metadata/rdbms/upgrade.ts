import type { WriteTransaction } from "../../database/index.ts";
import { LAYOUT_TABLES, SCHEMA_VERSION, tableNames } from "./layout.ts";
import { sqliteLayout } from "./layout-sqlite.ts";

const OLD = "waybill_old_";

/**
 * Rewrites the tables of any older layout (0 to 9) as those of the current one, with all their rows.
 * Columns that the old layout lacks get their default; the current layout has lost none but
 * `Type.is_artifact_type`, whose numbers `type_kind` took over.
 *
 * One step for all versions: the tables are made anew beside the old ones and filled from them, which
 * is what SQLite needs for most of the changes between any two versions anyway.
 */
export async function upgradeLayout(tx: WriteTransaction): Promise<void> {
  const present = new Set(await tableNames(tx));
  const old = LAYOUT_TABLES.filter((table) => present.has(table.toLowerCase()));
  for (const table of old) {
    for (const index of await indexNames(tx, table)) {
      await tx.run(`DROP INDEX ${tx.dialect.quoteIdentifier(index)}`);
    }
    await tx.run(`ALTER TABLE ${table} RENAME TO ${OLD}${table}`);
  }
  for (const statement of sqliteLayout) await tx.run(statement);
  for (const table of old) {
    if (table !== "MLMDEnv") await copyRows(tx, table);
  }
  // A use that was recorded twice before layout 8 is one event now; the paths of the second go with it.
  await tx.run("DELETE FROM EventPath WHERE event_id NOT IN (SELECT id FROM Event)");
  await tx.run("INSERT INTO MLMDEnv (schema_version) VALUES (?)", [BigInt(SCHEMA_VERSION)]);
  for (const table of old) await tx.run(`DROP TABLE ${OLD}${table}`);
}

async function copyRows(tx: WriteTransaction, table: string): Promise<void> {
  const [from, to] = [await columnNames(tx, `${OLD}${table}`), await columnNames(tx, table)];
  const columns = to
    .filter((column) => column !== "id")
    .flatMap((column) => {
      if (from.includes(column)) return [{ column, source: column }];
      return column === "type_kind" ? [{ column, source: "is_artifact_type" }] : [];
    });
  if (to.includes("id")) columns.unshift({ column: "id", source: "id" });
  const names = columns.map(({ column }) => column).join(", ");
  const sources = columns.map(({ source }) => source).join(", ");
  const order = to.includes("id") ? "id" : tx.dialect.insertionOrder;
  await tx.run(
    `INSERT OR IGNORE INTO ${table} (${names}) SELECT ${sources} FROM ${OLD}${table} ORDER BY ${order}`,
  );
  // Ids that were given once are not given again, also those of rows that are gone.
  if (!to.includes("id")) return;
  await tx.run(
    `UPDATE sqlite_sequence
     SET seq = MAX(seq, (SELECT seq FROM sqlite_sequence WHERE name = ?))
     WHERE name = ? AND EXISTS (SELECT seq FROM sqlite_sequence WHERE name = ?)`,
    [`${OLD}${table}`, table, `${OLD}${table}`],
  );
}

async function columnNames(tx: WriteTransaction, table: string): Promise<string[]> {
  const rows = await tx.all<{ name: string }>("SELECT name FROM pragma_table_info(?)", [table]);
  return rows.map((row) => row.name);
}

/** Indexes made by statements of their own; those of keys go with their table. */
async function indexNames(tx: WriteTransaction, table: string): Promise<string[]> {
  const rows = await tx.all<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
    [table],
  );
  return rows.map((row) => row.name);
}
