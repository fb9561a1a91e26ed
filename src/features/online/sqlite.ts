import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { WaybillError } from "../../foundation/index.ts";
import {
  checkKeyLength,
  type OnlineRow,
  type OnlineStore,
  outcomeOf,
  type StoredRow,
  type WriteCounts,
} from "./port.ts";

const SCAN_ROWS = 1000;
/** How long a writer waits for another process that writes. */
const BUSY_MS = 10_000;
/** Marks the file as ours: "WBON". */
const APPLICATION_ID = 0x57424f4e;
const LAYOUT_VERSION = 1;

const LAYOUT = `
  CREATE TABLE online (
    collection TEXT NOT NULL,
    key BLOB NOT NULL,
    event_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (collection, key)
  ) WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${LAYOUT_VERSION};`;

/**
 * Opens an online store in one SQLite file, made when it is missing: for machines on which LMDB's native
 * package does not load. It reads at less than half of LMDB's rate.
 * @throws `data_loss` for a file that is no such store, `failed_precondition` for one of a newer layout
 */
export async function openSqliteOnlineStore(file: string): Promise<OnlineStore> {
  const path = resolve(file);
  try {
    await mkdir(dirname(path), { recursive: true });
    // SQLite says only that it cannot open a file; the system says why.
    await (await open(path, "a")).close();
    const { DatabaseSync: Database } = await import("node:sqlite");
    const db = new Database(path, { timeout: BUSY_MS });
    try {
      prepareLayout(path, db);
    } catch (error) {
      db.close();
      throw error;
    }
    return new SqliteOnlineStore(path, db);
  } catch (error) {
    throw sqliteError(path, error);
  }
}

function prepareLayout(path: string, db: DatabaseSync): void {
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
  const applicationId = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  const isEmpty = prepare(db, "SELECT count(*) AS n FROM sqlite_schema").get()?.["n"] === 0n;
  if (isEmpty) {
    db.exec(LAYOUT);
  } else if (applicationId !== BigInt(APPLICATION_ID)) {
    throw new WaybillError("data_loss", `"${path}" is a database, but no online store.`, {
      hint: "Name another file; this one is left as it is.",
    });
  } else if (version > BigInt(LAYOUT_VERSION)) {
    throw new WaybillError(
      "failed_precondition",
      `Online store "${path}" has layout ${version}; this Waybill knows ${LAYOUT_VERSION}.`,
      { hint: "Use the Waybill that wrote it, or a newer one." },
    );
  }
  db.exec("COMMIT");
}

/** A statement whose integers are read as bigint: times do not fit a number. */
function prepare(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}

function pragma(db: DatabaseSync, name: string): bigint {
  const value = prepare(db, `PRAGMA ${name}`).get()?.[name];
  return typeof value === "bigint" ? value : 0n;
}

class SqliteOnlineStore implements OnlineStore {
  readonly url: string;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #page: StatementSync;
  readonly #count: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteOlder: StatementSync;

  constructor(path: string, db: DatabaseSync) {
    this.url = `sqlite:${path}`;
    this.#path = path;
    this.#db = db;
    this.#get = prepare(
      db,
      "SELECT event_us, created_us, value FROM online WHERE collection = ? AND key = ?",
    );
    this.#put = prepare(db, "INSERT OR REPLACE INTO online VALUES (?, ?, ?, ?, ?)");
    this.#page = prepare(
      db,
      `SELECT key, event_us, created_us, value
       FROM online
       WHERE collection = ? AND key > ?
       ORDER BY key
       LIMIT ${SCAN_ROWS}`,
    );
    this.#count = prepare(db, "SELECT count(*) AS n FROM online WHERE collection = ?");
    this.#delete = prepare(db, "DELETE FROM online WHERE collection = ? AND key = ?");
    this.#deleteOlder = prepare(db, "DELETE FROM online WHERE collection = ? AND event_us < ?");
  }

  async write(collection: string, rows: readonly OnlineRow[]): Promise<WriteCounts> {
    for (const { key } of rows) checkKeyLength(collection, key);
    return this.#transaction("IMMEDIATE", () => {
      const counts = { written: 0, superseded: 0, unchanged: 0 };
      for (const row of rows) {
        const outcome = outcomeOf(row, this.#stored(collection, row.key));
        counts[outcome]++;
        if (outcome !== "written") continue;
        this.#put.run(collection, row.key, row.eventUs, row.createdUs, row.value);
      }
      return counts;
    });
  }

  async read(
    collection: string,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredRow | undefined)[]> {
    return this.#transaction("DEFERRED", () => keys.map((key) => this.#stored(collection, key)));
  }

  async *scan(collection: string): AsyncIterable<readonly OnlineRow[]> {
    // Every key is longer than none, so the first page starts at the first.
    let after: Uint8Array = new Uint8Array();
    for (;;) {
      const rows = this.#guarded(() => this.#page.all(collection, after)).map(
        (row): OnlineRow => ({ key: bytesOf(row["key"]), ...storedRow(row) }),
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      after = last.key;
    }
  }

  async count(collection: string): Promise<number> {
    return Number(this.#guarded(() => this.#count.get(collection))?.["n"] ?? 0);
  }

  async delete(collection: string, keys: readonly Uint8Array[]): Promise<number> {
    return this.#transaction("IMMEDIATE", () =>
      keys.reduce((sum, key) => sum + Number(this.#delete.run(collection, key).changes), 0),
    );
  }

  async deleteOlderThan(collection: string, eventUs: bigint): Promise<number> {
    return Number(this.#guarded(() => this.#deleteOlder.run(collection, eventUs)).changes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db.close();
  }

  #stored(collection: string, key: Uint8Array): StoredRow | undefined {
    const row = this.#get.get(collection, key);
    return row === undefined ? undefined : storedRow(row);
  }

  #transaction<T>(kind: "IMMEDIATE" | "DEFERRED", work: () => T): T {
    return this.#guarded(() => {
      this.#db.exec(`BEGIN ${kind}`);
      try {
        const result = work();
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(this.#path, error);
    }
  }
}

function storedRow(row: Readonly<Record<string, unknown>>): StoredRow {
  return {
    // The layout makes both integers, which are read as bigint.
    eventUs: row["event_us"] as bigint,
    createdUs: row["created_us"] as bigint,
    value: bytesOf(row["value"]),
  };
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new WaybillError("data_loss", "A row of the online store holds no bytes.");
}

/** Primary result codes of SQLite that say what to do. */
const CODE = { busy: 5, corrupt: 11, full: 13, notDb: 26 } as const;

function sqliteError(path: string, caught: unknown): WaybillError {
  if (caught instanceof WaybillError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  const code =
    caught instanceof Error && "errcode" in caught && typeof caught.errcode === "number"
      ? caught.errcode & 0xff
      : undefined;
  const what = `Online store "${path}"`;
  switch (code) {
    case CODE.busy:
      return new WaybillError("unavailable", `${what} is being written by another process.`, {
        hint: "Try again when it is done.",
        cause: caught,
      });
    case CODE.full:
      return new WaybillError("resource_exhausted", `${what}: the disk is full.`, {
        hint: "Free some space and write again; nothing of this write is stored.",
        cause: caught,
      });
    case CODE.corrupt:
    case CODE.notDb:
      return new WaybillError("data_loss", `${what} is damaged: ${message}.`, {
        hint: "Remove the file and materialize its views again.",
        cause: caught,
      });
    case undefined:
      return WaybillError.from(caught);
    default:
      return new WaybillError("unavailable", `${what} cannot be used: ${message}.`, {
        cause: caught,
      });
  }
}
