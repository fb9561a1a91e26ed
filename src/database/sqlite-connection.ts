import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { type SqlDialect, sqliteDialect } from "./dialect.ts";
import type { SqlParameter, SqlRow, SqlValue, WriteTransaction } from "./port.ts";
import { sqliteError } from "./sqlite-error.ts";

/** Prepared statements kept per connection; the one unused for longest goes first. */
const STATEMENT_COUNT_MAX = 512;

/** A prepared statement and the names of what it selects. */
interface Prepared {
  readonly statement: StatementSync;
  readonly columns: readonly string[];
}

function toRow(columns: readonly string[], cells: readonly SqlValue[]): SqlRow {
  const row: Record<string, SqlValue> = {};
  for (let i = 0; i < columns.length; i += 1) row[columns[i] ?? ""] = cells[i] ?? null;
  return row;
}

/** One connection and its prepared statements. */
export class Connection implements WriteTransaction {
  readonly dialect: SqlDialect = sqliteDialect;
  readonly #database: DatabaseSync;
  readonly #location: string;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: DatabaseSync, location: string) {
    this.#database = database;
    this.#location = location;
  }

  get isInTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  execute(sql: string): void {
    this.#prepare(sql).statement.all();
  }

  async all<R extends SqlRow>(sql: string, values: readonly SqlParameter[] = []): Promise<R[]> {
    return this.#run(sql, ({ statement, columns }) => {
      const cells = statement.all(...bindable(values));
      // The statement selects the columns of R, as its caller states; it gives rows as arrays.
      return cells.map((row) => toRow(columns, row as unknown as SqlValue[]) as R);
    });
  }

  async get<R extends SqlRow>(
    sql: string,
    values: readonly SqlParameter[] = [],
  ): Promise<R | undefined> {
    return this.#run(sql, ({ statement, columns }) => {
      const row = statement.get(...bindable(values));
      return row === undefined ? undefined : (toRow(columns, row as unknown as SqlValue[]) as R);
    });
  }

  async run(sql: string, values: readonly SqlParameter[] = []): Promise<number> {
    return this.#run(sql, ({ statement }) => Number(statement.run(...bindable(values)).changes));
  }

  async insert(sql: string, values: readonly SqlParameter[] = []): Promise<bigint> {
    return this.#run(sql, ({ statement }) =>
      BigInt(statement.run(...bindable(values)).lastInsertRowid),
    );
  }

  #run<T>(sql: string, use: (prepared: Prepared) => T): T {
    try {
      return use(this.#prepare(sql));
    } catch (error) {
      throw sqliteError(error, this.#location);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      // The order of the map is the order of use, so that the first key is the one to forget.
      if (this.#statements.size > STATEMENT_COUNT_MAX / 2) {
        this.#statements.delete(sql);
        this.#statements.set(sql, known);
      }
      return known;
    }
    const statement = this.#database.prepare(sql);
    // Rows as arrays, made into objects here: Node's own objects are slow to make and to read.
    statement.setReturnArrays(true);
    const prepared = { statement, columns: statement.columns().map((column) => column.name) };
    if (this.#statements.size >= STATEMENT_COUNT_MAX) {
      const oldest = this.#statements.keys().next();
      if (!oldest.done) this.#statements.delete(oldest.value);
    }
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

/** SQLite has no booleans. */
function bindable(values: readonly SqlParameter[]): SQLInputValue[] {
  // Checked first, since most lists have none and copying costs more than looking.
  return values.some((value) => typeof value === "boolean")
    ? values.map((value) => (typeof value === "boolean" ? BigInt(value) : value))
    : (values as SQLInputValue[]);
}
