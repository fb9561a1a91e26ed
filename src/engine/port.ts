import type { Batch } from "./batch.ts";
import type { Dialect } from "./dialect.ts";

/** A value bound to a `?` of a statement. */
export type Parameter = string | number | bigint | boolean | null | Date;

/** A value of a small result. Times are `Date`, 64-bit integers `bigint`, lists arrays, structs objects. */
export type Cell =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly Cell[]
  | { readonly [name: string]: Cell };

/** One row of a small result, by column name. */
export type Row = Readonly<Record<string, Cell>>;

/** A column of a relation: its name and the engine's own spelling of its type. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

export interface QueryOptions {
  readonly parameters?: readonly Parameter[];
  readonly signal?: AbortSignal;
}

/**
 * A SQL engine that counts for us. Statements are written through `dialect`, values are bound,
 * never pasted. Errors of the engine surface as WaybillError: `invalid_argument` for SQL it does not
 * take, `not_found` for files it does not find, `data_loss` for files it cannot decode, `cancelled`.
 */
export interface Engine extends AsyncDisposable {
  readonly dialect: Dialect;

  /** Runs a statement for its effect; returns the number of rows it reports, 0 when it reports none. */
  execute(sql: string, options?: QueryOptions): Promise<number>;

  /** A result as columns of typed arrays, pulled batch by batch. The way for results of any size. */
  query(sql: string, options?: QueryOptions): AsyncIterable<Batch>;

  /**
   * A small result as row objects. For answers and aggregates, not for data.
   * @throws `out_of_range` beyond 100,000 rows
   */
  rows(sql: string, options?: QueryOptions): Promise<Row[]>;

  /** The columns of a relation (a table name or a table function), without reading its rows. */
  columns(relation: string, options?: QueryOptions): Promise<Column[]>;

  /**
   * Runs `work` with a session of its own: temporary tables and settings made in it are not seen
   * outside and end with it.
   */
  session<T>(work: (engine: Engine) => Promise<T>): Promise<T>;
}
