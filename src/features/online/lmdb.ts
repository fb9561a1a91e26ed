import { statfsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { RootDatabase } from "lmdb";
import { WaybillError } from "../../foundation/index.ts";
import { checkLmdbFile } from "./lmdb-file.ts";
import {
  checkKeyLength,
  type OnlineRow,
  type OnlineStore,
  outcomeOf,
  type StoredRow,
  type WriteCounts,
} from "./port.ts";

const SCAN_ROWS = 1000;
/** Event time and created time, before the value. */
const HEADER_BYTES = 16;

/**
 * Opens an online store in a folder, made when it is missing. LMDB maps the file into memory, takes one
 * writer at a time and any number of readers, and survives a kill at any instant.
 * @throws `data_loss` when the folder holds something that is no LMDB store, or one cut short
 */
export async function openLmdbOnlineStore(folder: string): Promise<OnlineStore> {
  const path = resolve(folder);
  try {
    await mkdir(path, { recursive: true });
    await checkLmdbFile(path);
    const { open } = await import("lmdb");
    // `keyEncoding` and `encoding` make keys and values the bytes that they are given as.
    const db: RootDatabase<Buffer, Uint8Array> = open({
      path,
      encoding: "binary",
      keyEncoding: "binary",
      noSubdir: false,
    });
    // A process that was killed while it read would keep old pages from being used again.
    db.readerCheck();
    return new LmdbOnlineStore(path, db);
  } catch (error) {
    throw lmdbError(path, error);
  }
}

class LmdbOnlineStore implements OnlineStore {
  readonly url: string;
  readonly #path: string;
  readonly #db: RootDatabase<Buffer, Uint8Array>;

  constructor(path: string, db: RootDatabase<Buffer, Uint8Array>) {
    this.url = `lmdb:${path}`;
    this.#path = path;
    this.#db = db;
  }

  async write(collection: string, rows: readonly OnlineRow[]): Promise<WriteCounts> {
    const prefix = prefixOf(collection);
    const entries = rows.map((row) => {
      checkKeyLength(collection, row.key);
      return { row, id: idOf(prefix, row.key) };
    });
    return this.#change(() => {
      const counts = { written: 0, superseded: 0, unchanged: 0 };
      for (const { row, id } of entries) {
        // The bytes are good until the next get, which is long enough to compare them.
        const present = this.#db.getBinaryFast(id);
        const outcome = outcomeOf(row, present === undefined ? undefined : decode(present));
        counts[outcome]++;
        if (outcome === "written") this.#db.putSync(id, encode(row));
      }
      return counts;
    });
  }

  async read(
    collection: string,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredRow | undefined)[]> {
    const prefix = prefixOf(collection);
    return this.#guarded(() => {
      // Gets of one turn of the event loop share one read transaction.
      return keys.map((key) => {
        const bytes = this.#db.getBinary(idOf(prefix, key));
        return bytes === undefined ? undefined : decode(bytes);
      });
    });
  }

  async *scan(collection: string): AsyncIterable<readonly OnlineRow[]> {
    const prefix = prefixOf(collection);
    let start: Uint8Array = prefix;
    for (;;) {
      const rows = this.#guarded(() => this.#page(prefix, start));
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      start = Buffer.concat([prefix, last.key, Buffer.of(0)]);
    }
  }

  async count(collection: string): Promise<number> {
    const prefix = prefixOf(collection);
    return this.#guarded(() => this.#db.getKeysCount({ start: prefix, end: endOf(prefix) }));
  }

  async delete(collection: string, keys: readonly Uint8Array[]): Promise<number> {
    const prefix = prefixOf(collection);
    const ids = keys.map((key) => idOf(prefix, key));
    return this.#change(() => ids.filter((id) => this.#db.removeSync(id)).length);
  }

  async deleteOlderThan(collection: string, eventUs: bigint): Promise<number> {
    const prefix = prefixOf(collection);
    let removed = 0;
    for await (const rows of this.scan(collection)) {
      const ids = rows
        .filter((row) => row.eventUs < eventUs)
        .map(({ key }) => Buffer.concat([prefix, key]));
      if (ids.length === 0) continue;
      removed += await this.#change(() => {
        let count = 0;
        for (const id of ids) {
          // Between the scan and this transaction a newer row may have come.
          const present = this.#db.getBinaryFast(id);
          if (present === undefined || timesOf(present).eventUs >= eventUs) continue;
          this.#db.removeSync(id);
          count++;
        }
        return count;
      });
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#db.close();
  }

  /**
   * Runs changes in one write transaction; returns when it is on disk. It is synchronous because only then
   * does LMDB's client take everything back when the work throws, and give the error of a failed commit to
   * its caller instead of to the process.
   */
  async #change<T>(work: () => T): Promise<T> {
    return this.#guarded(() => this.#db.transactionSync(work));
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw lmdbError(this.#path, error);
    }
  }

  #page(prefix: Buffer, start: Uint8Array): OnlineRow[] {
    const rows: OnlineRow[] = [];
    const range = { start, end: endOf(prefix), limit: SCAN_ROWS };
    for (const { key, value } of this.#db.getRange(range)) {
      rows.push({ key: Buffer.from(key.subarray(prefix.length)), ...decode(Buffer.from(value)) });
    }
    return rows;
  }
}

/** Collections lie one after the other: a length and the name stand before each key. */
function prefixOf(collection: string): Buffer {
  const name = Buffer.from(collection, "utf8");
  if (name.length > 255) {
    throw new WaybillError(
      "invalid_argument",
      `The collection "${collection}" has too long a name.`,
    );
  }
  return Buffer.concat([Buffer.of(name.length), name]);
}

/** The least key after all that start with a prefix; a prefix starts with a length below 255. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let index = end.length - 1; index >= 0; index--) {
    const byte = end[index] ?? 0;
    if (byte < 255) {
      end[index] = byte + 1;
      return end.subarray(0, index + 1);
    }
  }
  return end;
}

function idOf(prefix: Buffer, key: Uint8Array): Buffer {
  return Buffer.concat([prefix, key]);
}

function encode(row: OnlineRow): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + row.value.length);
  bytes.writeBigInt64LE(row.eventUs, 0);
  bytes.writeBigInt64LE(row.createdUs, 8);
  bytes.set(row.value, HEADER_BYTES);
  return bytes;
}

function timesOf(bytes: Buffer): { readonly eventUs: bigint; readonly createdUs: bigint } {
  if (bytes.length < HEADER_BYTES) {
    throw new WaybillError("data_loss", "A row of the online store is cut short.");
  }
  return { eventUs: bytes.readBigInt64LE(0), createdUs: bytes.readBigInt64LE(8) };
}

function decode(bytes: Buffer): StoredRow {
  // What getBinaryFast gives is part of a larger buffer; its `length` is right, its end is not.
  return { ...timesOf(bytes), value: bytes.subarray(HEADER_BYTES, bytes.length) };
}

/** With less than this a disk counts as full: more than a transaction of one row takes. */
const NEARLY_FULL_BYTES = 16 << 20;

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function lmdbError(path: string, caught: unknown): WaybillError {
  if (caught instanceof WaybillError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  const what = `Online store "${path}"`;
  // LMDB calls a write that was cut short, as on a full disk, an input/output error.
  const isCutShort = /input\/output error/i.test(message) && freeBytes(path) < NEARLY_FULL_BYTES;
  if (isCutShort || /no space left|MDB_MAP_FULL/i.test(message)) {
    return new WaybillError("resource_exhausted", `${what} cannot be written: the disk is full.`, {
      hint: "Free some space and write again; nothing of this write is stored.",
      cause: caught,
    });
  }
  if (/MDB_(INVALID|CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH|PANIC)/i.test(message)) {
    return new WaybillError("data_loss", `${what} is damaged: ${message}.`, {
      hint: "Remove the folder and materialize its views again.",
      cause: caught,
    });
  }
  const known = WaybillError.from(caught);
  return known.code === "unknown"
    ? new WaybillError("unavailable", `${what} cannot be used: ${message}.`, { cause: caught })
    : known;
}
