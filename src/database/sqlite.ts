import { existsSync } from "node:fs";
import { access, open, rename, rm } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { syncFolder, temporaryPathFor, WaybillError } from "../foundation/index.ts";
import { type SqlDialect, sqliteDialect } from "./dialect.ts";
import type { Database, ReadTransaction, WriteTransaction } from "./port.ts";
import { Connection } from "./sqlite-connection.ts";
import { isBusy, sqliteCode, sqliteError } from "./sqlite-error.ts";
import { databasePath, inspectFile } from "./sqlite-file.ts";

/** Read connections beside the writer; more reads at once wait for one of them. */
const READER_COUNT_MAX = 4;
/** SQLite's own waiting blocks the event loop, so the writer hardly uses it and waits here instead. */
const WRITER_BUSY_TIMEOUT_MS = 20;
const READER_BUSY_TIMEOUT_MS = 5_000;
const BUSY_WAIT_MAX_MS = 30_000;
const BUSY_DELAY_MAX_MS = 50;
/** Pages that a connection keeps in memory; SQLite's own default is 2,000 KiB. */
const CACHE_KIB = 32_768;
/** Pages that the log grows to before they go to the file; a page changed twice till then goes once. */
const LOG_PAGE_COUNT = 4_000;
const CANNOT_OPEN = 14;

/** How a database file is opened; names as ML Metadata's connection modes. */
export type SqliteMode = "READONLY" | "READWRITE" | "READWRITE_OPENCREATE";

export interface SqliteOptions {
  readonly mode?: SqliteMode;
  /** `FULL` survives power loss; `NORMAL` may lose the last commits then, but never consistency. */
  readonly synchronous?: "FULL" | "NORMAL";
  /** How long a write waits for writers of other processes before it is `aborted`. */
  readonly busyWaitMs?: number;
}

/**
 * Opens a database file. Nothing is written before the first write transaction, which also turns the
 * file to write-ahead logging; a new file appears at once in mode READWRITE_OPENCREATE.
 * @param path a path or a `file:` URL
 * @throws `not_found` when the file is absent and the mode does not create it
 * @throws `data_loss` when it is no SQLite database, or is cut off
 */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<Database> {
  const { mode = "READWRITE_OPENCREATE" } = options;
  const file = databasePath(path);
  const state = await inspectFile(file);
  if (state === "absent" && mode !== "READWRITE_OPENCREATE") {
    throw new WaybillError("not_found", `Database "${file}" does not exist.`, {
      hint: "Check the path, or open it in mode READWRITE_OPENCREATE to create it.",
    });
  }
  if (state === "absent") {
    await access(dirOf(file)).catch((error: unknown) => {
      throw new WaybillError("not_found", `The folder of database "${file}" does not exist.`, {
        hint: "Make the folder first.",
        cause: error,
      });
    });
  }
  const { DatabaseSync } = await import("node:sqlite");
  const database = new SqliteDatabase(DatabaseSync, file, { mode, ...options });
  try {
    if (state !== "database" && mode !== "READONLY") await database.write(async () => {});
    // The first read makes SQLite look at the file, so that a damaged one is told of here.
    await database.read((transaction) => transaction.get("SELECT COUNT(*) FROM sqlite_master"));
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return database;
}

/**
 * Copies a database file as one committed state, also while others write to it. The copy appears whole.
 * @throws `already_exists` when something lies at `target`
 */
export async function backupSqlite(file: string, target: string): Promise<void> {
  if (existsSync(target)) {
    throw new WaybillError("already_exists", `"${target}" exists already.`, {
      hint: "Move the earlier copy away; it is not overwritten.",
    });
  }
  const { DatabaseSync, backup } = await import("node:sqlite");
  const temporary = temporaryPathFor(target);
  const source = new DatabaseSync(file, { readOnly: true });
  try {
    await backup(source, temporary);
    const copy = await open(temporary, "r");
    await copy.sync();
    await copy.close();
    await rename(temporary, target);
    await syncFolder(dirOf(target));
  } catch (error) {
    await rm(temporary, { force: true });
    throw sqliteError(error, file);
  } finally {
    source.close();
  }
}

/** A database in memory, its own for each call, gone when it is disposed. */
export async function openSqliteInMemory(): Promise<Database> {
  const { DatabaseSync } = await import("node:sqlite");
  return new SqliteDatabase(DatabaseSync, ":memory:", { mode: "READWRITE_OPENCREATE" });
}

function dirOf(file: string): string {
  const slash = file.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : file.slice(0, slash);
}

type Settings = SqliteOptions & { readonly mode: SqliteMode };

class SqliteDatabase implements Database {
  readonly dialect: SqlDialect = sqliteDialect;
  readonly location: string;
  readonly isReadOnly: boolean;
  readonly #open: typeof DatabaseSync;
  readonly #settings: Settings;
  readonly #isInMemory: boolean;
  #writer: Connection | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #readers: Connection[] = [];
  readonly #idle: Connection[] = [];
  readonly #waiting: ((reader: Connection) => void)[] = [];
  #isClosed = false;

  constructor(open: typeof DatabaseSync, location: string, settings: Settings) {
    this.#open = open;
    this.location = location;
    this.#settings = settings;
    this.isReadOnly = settings.mode === "READONLY";
    this.#isInMemory = location === ":memory:";
  }

  async read<T>(work: (transaction: ReadTransaction) => Promise<T>): Promise<T> {
    // A database in memory has one connection, where a read must not see half of a write.
    if (this.#isInMemory) return this.#alone(() => this.#transact("BEGIN", this.#writing(), work));
    this.#assertOpen();
    const reader = this.#idle.pop() ?? (await this.#anotherReader());
    try {
      return await this.#transact("BEGIN", reader, work);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(reader);
      else next(reader);
    }
  }

  async write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    if (this.isReadOnly) {
      throw new WaybillError(
        "failed_precondition",
        `Database "${this.location}" is open for reading only.`,
        { hint: "Open it in mode READWRITE to change it." },
      );
    }
    return this.#alone(async () => {
      await this.#useWriteAheadLog();
      return this.#transact("BEGIN IMMEDIATE", this.#writing(), work);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    await this.#queue.catch(() => {});
    this.#isClosed = true;
    for (const reader of this.#readers) reader.close();
    this.#writer?.close();
  }

  /** Runs `work` when all that came before it has ended, well or badly. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #transact<T>(
    begin: "BEGIN" | "BEGIN IMMEDIATE",
    connection: Connection,
    work: (transaction: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    try {
      await this.#unlessBusy(connection, begin);
      const result = await work(connection);
      await this.#unlessBusy(connection, "COMMIT");
      return result;
    } catch (error) {
      if (connection.isInTransaction) connection.execute("ROLLBACK");
      throw sqliteError(error, this.location);
    }
  }

  /** Runs a statement, at once where nobody is in the way: that is nearly always. */
  #unlessBusy(connection: Connection, sql: string): Promise<void> | undefined {
    try {
      connection.execute(sql);
      return undefined;
    } catch (error) {
      if (!isBusy(error)) throw error;
      return this.#whileBusy(() => connection.execute(sql));
    }
  }

  /** Tries again while another process holds the lock, leaving the event loop free in between. */
  async #whileBusy(attempt: () => void): Promise<void> {
    const deadlineMs = performance.now() + (this.#settings.busyWaitMs ?? BUSY_WAIT_MAX_MS);
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadlineMs) throw error;
        await delay(1 + Math.random() * BUSY_DELAY_MAX_MS);
      }
    }
  }

  #writing(): Connection {
    this.#assertOpen();
    this.#writer ??= this.#connect(
      this.#isInMemory ? this.location : this.#url("mode", this.#writerMode()),
      { timeout: WRITER_BUSY_TIMEOUT_MS },
    );
    return this.#writer;
  }

  #writerMode(): string {
    return this.#settings.mode === "READWRITE_OPENCREATE" ? "rwc" : "rw";
  }

  #isLogging = false;

  /** Write-ahead logging stays with the file, but another program may have turned it off again. */
  async #useWriteAheadLog(): Promise<void> {
    if (this.#isLogging || this.#isInMemory) return;
    const writer = this.#writing();
    try {
      await this.#whileBusy(() => writer.execute("PRAGMA journal_mode = WAL"));
      writer.execute(`PRAGMA synchronous = ${this.#settings.synchronous ?? "FULL"}`);
      writer.execute(`PRAGMA cache_size = -${CACHE_KIB}`);
      writer.execute(`PRAGMA wal_autocheckpoint = ${LOG_PAGE_COUNT}`);
    } catch (error) {
      throw sqliteError(error, this.location);
    }
    this.#isLogging = true;
  }

  async #anotherReader(): Promise<Connection> {
    if (this.#readers.length >= READER_COUNT_MAX) {
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    const reader = await this.#openReader();
    this.#readers.push(reader);
    return reader;
  }

  async #openReader(): Promise<Connection> {
    const options = { readOnly: true, timeout: READER_BUSY_TIMEOUT_MS };
    let reader: Connection | undefined;
    try {
      reader = this.#connect(this.#url("mode", "ro"), options);
      reader.execute("PRAGMA schema_version");
      reader.execute(`PRAGMA cache_size = -${CACHE_KIB}`);
      return reader;
    } catch (error) {
      reader?.close();
      // A write-ahead-logged file in a folder that cannot be written opens only as one that nobody
      // changes, which holds when no log lies beside it.
      const log = await access(`${this.location}-wal`).then(
        () => true,
        () => false,
      );
      if (sqliteCode(error) === CANNOT_OPEN && !log) {
        try {
          return this.#connect(this.#url("immutable", "1"), options);
        } catch (second) {
          throw sqliteError(second, this.location);
        }
      }
      throw sqliteError(error, this.location);
    }
  }

  #connect(location: string | URL, options: { timeout: number; readOnly?: boolean }): Connection {
    try {
      return new Connection(
        new this.#open(location, { readBigInts: true, ...options }),
        this.location,
      );
    } catch (error) {
      throw sqliteError(error, this.location);
    }
  }

  #url(parameter: string, value: string): URL {
    const url = pathToFileURL(this.location);
    url.searchParams.set(parameter, value);
    return url;
  }

  #assertOpen(): void {
    if (this.#isClosed) {
      throw new WaybillError("failed_precondition", `Database "${this.location}" is closed.`);
    }
  }
}
