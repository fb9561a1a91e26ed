import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from "@duckdb/node-api";
import { WaybillError } from "../../foundation/index.ts";
import type { Batch } from "../batch.ts";
import { duckdbDialect } from "../dialect.ts";
import type { Cell, Column, Engine, Parameter, QueryOptions, Row } from "../port.ts";
import { batchOf } from "./vectors.ts";

const MAX_SMALL_RESULT_ROWS = 100_000;

export interface DuckDbOptions {
  /** A database file; in memory when left out. */
  readonly path?: string;
  /** Worker threads; DuckDB's default is one a core. */
  readonly threads?: number;
  /** For example "2GB". */
  readonly memoryLimit?: string;
  /** Where results larger than memory spill. */
  readonly temporaryFolder?: string;
}

/** Opens an embedded DuckDB. It loads no extension and its session time zone is UTC. */
export async function openDuckDb(options: DuckDbOptions = {}): Promise<Engine> {
  const settings: Record<string, string> = {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  };
  if (options.threads !== undefined) settings["threads"] = String(options.threads);
  if (options.memoryLimit !== undefined) settings["memory_limit"] = options.memoryLimit;
  if (options.temporaryFolder !== undefined) settings["temp_directory"] = options.temporaryFolder;
  const instance = await DuckDBInstance.create(options.path ?? ":memory:", settings).catch(
    (error: unknown) => {
      throw engineError(error);
    },
  );
  return new DuckDbEngine(instance);
}

/** Runs each statement on a connection of its own, so that callers may overlap. */
class DuckDbEngine implements Engine {
  readonly dialect = duckdbDialect;
  readonly #instance: DuckDBInstance;
  readonly #idle: DuckDBConnection[] = [];
  #closed = false;

  constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  execute(sql: string, options?: QueryOptions): Promise<number> {
    return this.session((engine) => engine.execute(sql, options));
  }

  rows(sql: string, options?: QueryOptions): Promise<Row[]> {
    return this.session((engine) => engine.rows(sql, options));
  }

  columns(relation: string, options?: QueryOptions): Promise<Column[]> {
    return this.session((engine) => engine.columns(relation, options));
  }

  async *query(sql: string, options?: QueryOptions): AsyncIterable<Batch> {
    const connection = await this.#take();
    try {
      yield* new DuckDbSession(connection).query(sql, options);
    } finally {
      this.#idle.push(connection);
    }
  }

  async session<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    let reusable = false;
    try {
      const session = new DuckDbSession(connection);
      const result = await work(session);
      reusable = !session.leftState;
      return result;
    } finally {
      if (reusable && !this.#closed) this.#idle.push(connection);
      else connection.disconnectSync();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.disconnectSync();
    this.#instance.closeSync();
  }

  async #take(): Promise<DuckDBConnection> {
    if (this.#closed) throw new WaybillError("failed_precondition", "The engine is closed.");
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const connection = await this.#instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return connection;
  }
}

/** One connection; its statements run one after the other. */
class DuckDbSession implements Engine {
  readonly dialect = duckdbDialect;
  /** True once a statement ran that may have left temporary tables or settings behind. */
  leftState = false;
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async execute(sql: string, options: QueryOptions = {}): Promise<number> {
    if (/^\s*(CREATE\s+(OR\s+REPLACE\s+)?TEMP|SET\s|ATTACH|USE\s|BEGIN)/i.test(sql)) {
      this.leftState = true;
    }
    const result = await this.#guarded(options, () =>
      this.#connection.run(sql, bound(options.parameters)),
    );
    return result.rowsChanged;
  }

  async *query(sql: string, options: QueryOptions = {}): AsyncIterable<Batch> {
    const result = await this.#guarded(options, () =>
      this.#connection.stream(sql, bound(options.parameters)),
    );
    const names = result.columnNames();
    for (;;) {
      const chunk = await this.#guarded(options, () => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return;
      yield batchOf(chunk, names);
    }
  }

  async rows(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    const result: DuckDBResult = await this.#guarded(options, () =>
      this.#connection.stream(sql, bound(options.parameters)),
    );
    const names = result.columnNames();
    const rows: Row[] = [];
    for (;;) {
      const chunk = await this.#guarded(options, () => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return rows;
      if (rows.length + chunk.rowCount > MAX_SMALL_RESULT_ROWS) {
        throw new WaybillError(
          "out_of_range",
          `The result has more than ${MAX_SMALL_RESULT_ROWS.toLocaleString("en")} rows.`,
          { hint: "Pull it in batches with query(), or aggregate it in SQL." },
        );
      }
      rows.push(...rowsOf(batchOf(chunk, names)));
    }
  }

  async columns(relation: string, options: QueryOptions = {}): Promise<Column[]> {
    const described = await this.rows(`DESCRIBE SELECT * FROM ${relation}`, options);
    return described.map((row) => ({
      name: String(row["column_name"]),
      type: String(row["column_type"]),
    }));
  }

  session<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    return work(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The engine that opened this session ends it.
  }

  async #guarded<T>(options: QueryOptions, run: () => Promise<T>): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) throw new WaybillError("cancelled", "Interrupted.");
    const interrupt = () => this.#connection.interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      return await run();
    } catch (error) {
      throw engineError(error);
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  }
}

function bound(parameters: readonly Parameter[] = []): DuckDBValue[] {
  return parameters.map((parameter) =>
    parameter instanceof Date
      ? new DuckDBTimestampTZValue(BigInt(parameter.getTime()) * 1000n)
      : parameter,
  );
}

function rowsOf(batch: Batch): Row[] {
  const rows: Record<string, Cell>[] = Array.from({ length: batch.rowCount }, () => ({}));
  for (const column of batch.columns) {
    for (const [index, row] of rows.entries()) {
      row[column.name] = column.isNull(index) ? null : cellOf(column, index);
    }
  }
  return rows;
}

function cellOf(column: Batch["columns"][number], row: number): Cell {
  switch (column.kind) {
    case "timestamp":
      return new Date(Number((column.values[row] ?? 0n) / 1000n));
    case "date":
      return new Date((column.values[row] ?? 0) * 86_400_000);
    case "object":
      // The vectors decode to plain values only: text, numbers, bytes, dates, arrays and records.
      return column.get(row) as Cell;
    default:
      return column.values[row] ?? null;
  }
}

/** An error of DuckDB as ours: its class is told by the first words of its message. */
function engineError(caught: unknown): WaybillError {
  if (caught instanceof WaybillError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  const text = message.replace(/\n\s*\n[\s\S]*$/, "").trim();
  const options = { cause: caught };
  if (/^INTERRUPT/i.test(text)) return new WaybillError("cancelled", "Interrupted.", options);
  if (/No space left on device/i.test(text)) {
    return new WaybillError("resource_exhausted", text, { ...options, hint: "The disk is full." });
  }
  if (/No files found|Cannot open file|No such file/i.test(text)) {
    return new WaybillError("not_found", text, options);
  }
  if (/^Out of Memory/i.test(text)) {
    return new WaybillError("resource_exhausted", text, {
      ...options,
      hint: "Raise the engine's memory limit, or give it a temporary folder to spill to.",
    });
  }
  if (/^(Parser|Binder|Catalog|Syntax|Not implemented|Failed to extract)/i.test(text)) {
    return new WaybillError("invalid_argument", text, options);
  }
  if (/^(Invalid Input|Invalid|Conversion|Out of Range|Serialization|IO) Error/i.test(text)) {
    return new WaybillError("data_loss", text, options);
  }
  return new WaybillError("internal", text, options);
}
