/** How one SQL database spells what the others spell differently. */
export interface SqlDialect {
  readonly name: "sqlite" | "mysql" | "postgres";

  /** A table or column name, quoted. Only for names that come from outside our own statements. */
  quoteIdentifier(name: string): string;

  /** An INSERT of one row, with a `?` for each column, that does nothing where its key is taken. */
  insertIfAbsent(table: string, columns: readonly string[]): string;

  /** What orders rows of a table without a key as they were inserted. */
  readonly insertionOrder: string;

  /** A statement that selects the `name` of every table. */
  readonly tableNames: string;
}

/** SQLite 3.35 and later. */
export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  quoteIdentifier: (name) => `"${name.replaceAll('"', '""')}"`,
  insertIfAbsent: (table, columns) =>
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${placeholders(columns.length)}) ON CONFLICT DO NOTHING`,
  insertionOrder: "rowid",
  tableNames: "SELECT name FROM sqlite_master WHERE type = 'table'",
};

/** `count` question marks with commas between. */
export function placeholders(count: number): string {
  return Array(count).fill("?").join(", ");
}
