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

  /** Characters of a text. */
  length(text: string): string;

  /** The quotient of two whole numbers, without its fraction. */
  integerQuotient(left: string, right: string): string;

  /** A whole number with its bits moved. */
  shift(left: string, operator: "<<" | ">>", right: string): string;

  /** The greatest or the least of several values. */
  extreme(which: "greatest" | "least", values: readonly string[]): string;

  /** A `?` for a value where nothing beside it tells the database its type. */
  parameter(type: CastType): string;

  /** Whether a text begins with another; `part` stands in it twice. */
  startsWith(text: string, part: string): string;

  /** What orders rows of a table without a key as they were inserted. */
  readonly insertionOrder: string;

  /** A statement that selects the `name` of every table. */
  readonly tableNames: string;
}

/** Types to which values are converted. */
export type CastType = "INT64" | "DOUBLE" | "STRING" | "BOOL" | "NULL";

const POSTGRES_TYPES = {
  INT64: "BIGINT",
  DOUBLE: "DOUBLE PRECISION",
  STRING: "TEXT",
  BOOL: "BOOLEAN",
  NULL: "TEXT",
} as const;

/** SQLite 3.35 and later. */
export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  quoteIdentifier: quotedWith('"'),
  insertIfAbsent: (table, columns) => `${insertInto(table, columns)} ON CONFLICT DO NOTHING`,
  backslash: "'\\'",
  concatenate: (left, right) => `(${left} || ${right})`,
  cast: casts({ INT64: "INTEGER", DOUBLE: "REAL", STRING: "TEXT", BOOL: "INTEGER", NULL: "TEXT" }),
  length: (text) => `LENGTH(${text})`,
  integerQuotient: (left, right) => `(${left} / ${right})`,
  shift: plainShift,
  // Of one value, these would be aggregates.
  extreme: (which, values) =>
    values.length === 1
      ? `(${values[0]})`
      : `${which === "greatest" ? "MAX" : "MIN"}(${values.join(", ")})`,
  parameter: () => "?",
  startsWith: (text, part) => `(SUBSTR(${text}, 1, LENGTH(${part})) = ${part})`,
  insertionOrder: "rowid",
  tableNames: "SELECT name FROM sqlite_master WHERE type = 'table'",
};

/** MySQL 8.0.17 and later, MariaDB 10.5 and later. */
export const mysqlDialect: SqlDialect = {
  name: "mysql",
  quoteIdentifier: quotedWith("`"),
  insertIfAbsent: (table, columns) => insertInto(table, columns).replace("INSERT", "INSERT IGNORE"),
  backslash: "'\\\\'",
  concatenate: (left, right) => `CONCAT(${left}, ${right})`,
  cast: casts({ INT64: "SIGNED", DOUBLE: "DOUBLE", STRING: "CHAR", BOOL: "SIGNED", NULL: "CHAR" }),
  length: (text) => `CHAR_LENGTH(${text})`,
  integerQuotient: (left, right) => `(${left} DIV ${right})`,
  shift: plainShift,
  extreme: functionOrValue,
  parameter: () => "?",
  startsWith: (text, part) => `(SUBSTR(${text}, 1, CHAR_LENGTH(${part})) = ${part})`,
  // The index on event_id, by which the rows are found, ends in InnoDB's hidden row id.
  insertionOrder: "event_id",
  tableNames:
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()",
};

/** PostgreSQL 12 and later. */
export const postgresDialect: SqlDialect = {
  name: "postgres",
  quoteIdentifier: quotedWith('"'),
  insertIfAbsent: (table, columns) => `${insertInto(table, columns)} ON CONFLICT DO NOTHING`,
  backslash: "'\\'",
  concatenate: (left, right) => `(${left} || ${right})`,
  cast: casts(POSTGRES_TYPES),
  length: (text) => `LENGTH(${text})`,
  integerQuotient: (left, right) => `(${left} / ${right})`,
  shift: (left, operator, right) => `(${left} ${operator} CAST(${right} AS INT))`,
  extreme: functionOrValue,
  parameter: (type) => `CAST(? AS ${POSTGRES_TYPES[type]})`,
  startsWith: (text, part) => `(SUBSTR(${text}, 1, LENGTH(${part})) = ${part})`,
  insertionOrder: "ctid",
  tableNames:
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
};

/** `count` question marks with commas between. */
export function placeholders(count: number): string {
  return Array(count).fill("?").join(", ");
}

function quotedWith(quote: string): (name: string) => string {
  return (name) => quote + name.replaceAll(quote, quote + quote) + quote;
}

function insertInto(table: string, columns: readonly string[]): string {
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${placeholders(columns.length)})`;
}

function casts(types: Readonly<Record<CastType, string>>): SqlDialect["cast"] {
  return (sql, from, to) =>
    `CAST(${from === "DOUBLE" && to === "INT64" ? `ROUND(${sql})` : sql} AS ${types[to]})`;
}

function functionOrValue(which: "greatest" | "least", values: readonly string[]): string {
  return values.length === 1 ? `(${values[0]})` : `${which.toUpperCase()}(${values.join(", ")})`;
}

function plainShift(left: string, operator: "<<" | ">>", right: string): string {
  return `(${left} ${operator} ${right})`;
}
