import type { SqlDialect } from "./dialect.ts";

/**
 * A value of a row. Integers are `bigint`, floating point numbers `number`, and nothing else is either;
 * booleans come back as the integers 0 and 1.
 */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** A value bound to a `?`. A `number` is bound as floating point: integers are given as `bigint`. */
export type SqlParameter = SqlValue | boolean;

/** A row by column name, as the statement spells the names. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** What can be done inside a read transaction: every statement sees the same committed state. */
export interface ReadTransaction {
  readonly dialect: SqlDialect;

  /**
   * All rows of a statement. `R` states the columns that the statement selects; it is not checked.
   * Statements are prepared once and kept, so their text should not vary with the values.
   */
  all<R extends SqlRow = SqlRow>(sql: string, values?: readonly SqlParameter[]): Promise<R[]>;

  /** The first row of a statement, or undefined. */
  get<R extends SqlRow = SqlRow>(
    sql: string,
    values?: readonly SqlParameter[],
  ): Promise<R | undefined>;
}

/** What can be done inside a write transaction: all of it or nothing is kept. */
export interface WriteTransaction extends ReadTransaction {
  /** Runs a statement for its effect; returns the number of rows it changed. */
  run(sql: string, values?: readonly SqlParameter[]): Promise<number>;

  /** Runs an INSERT into a table with a generated `id`; returns that id. */
  insert(sql: string, values?: readonly SqlParameter[]): Promise<bigint>;
}

/**
 * Rows behind SQL. `work` uses only the transaction it is given; a transaction opened inside another
 * one may wait for ever. A throw in `work` rolls back and goes on.
 *
 * Errors are WaybillErrors: `already_exists` for a broken UNIQUE or PRIMARY KEY, `aborted` when other
 * writers kept the database busy (the caller may try again), `data_loss` for a damaged database,
 * `failed_precondition` for a write to one that is read only, `resource_exhausted` for a full disk,
 * `internal` for SQL it does not take.
 */
export interface Database extends AsyncDisposable {
  readonly dialect: SqlDialect;

  /** Where the rows are, for messages; never holds secrets. */
  readonly location: string;

  readonly isReadOnly: boolean;

  /** Runs `work` on one committed state of the database. Reads run beside each other and a writer. */
  read<T>(work: (transaction: ReadTransaction) => Promise<T>): Promise<T>;

  /**
   * Runs `work` as one transaction, alone among the writers of this process, and returns when it is
   * durable. A driver may run `work` again from its start when the database asks for that (a deadlock),
   * so it has no effects but its statements.
   */
  write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T>;
}
