/** How one SQL database spells what the others spell differently. */
export interface SqlDialect {
  readonly name: "sqlite" | "mysql" | "postgres";

  /** A table or column name, quoted. Only for names that come from outside our own statements. */
  quoteIdentifier(name: string): string;

  /** An INSERT of one row, with a `?` for each column, that does nothing where its key is taken. */
  insertIfAbsent(table: string, columns: readonly string[]): string;

  /** A string literal of one backslash, for ESCAPE. */
  readonly backslash: string;

  /** Two texts as one. */
  concatenate(left: string, right: string): string;

  /** A conversion as GoogleSQL has it: DOUBLE to INT64 rounds half away from zero. */
  cast(sql: string, from: CastType, to: CastType): string;

  /** Whether a text begins with another; `part` stands in it twice. */
  startsWith(text: string, part: string): string;

  /** What orders rows of a table without a key as they were inserted. */
  readonly insertionOrder: string;

  /** A statement that selects the `name` of every table. */
  readonly tableNames: string;
}

/** Types to which values are converted. */
export type CastType = "INT64" | "DOUBLE" | "STRING" | "BOOL" | "NULL";

const SQLITE_TYPES = {
  INT64: "INTEGER",
  DOUBLE: "REAL",
  STRING: "TEXT",
  BOOL: "INTEGER",
  NULL: "TEXT",
};

/** SQLite 3.35 and later. */
export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  quoteIdentifier: (name) => `"${name.replaceAll('"', '""')}"`,
  insertIfAbsent: (table, columns) =>
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${placeholders(columns.length)}) ON CONFLICT DO NOTHING`,
  backslash: "'\\'",
  concatenate: (left, right) => `(${left} || ${right})`,
  cast: (sql, from, to) =>
    `CAST(${from === "DOUBLE" && to === "INT64" ? `ROUND(${sql})` : sql} AS ${SQLITE_TYPES[to]})`,
  startsWith: (text, part) => `(SUBSTR(${text}, 1, LENGTH(${part})) = ${part})`,
  insertionOrder: "rowid",
  tableNames: "SELECT name FROM sqlite_master WHERE type = 'table'",
};

/** `count` question marks with commas between. */
export function placeholders(count: number): string {
  return Array(count).fill("?").join(", ");
}
