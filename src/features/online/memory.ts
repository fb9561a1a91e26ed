import {
  checkKeyLength,
  type OnlineRow,
  type OnlineStore,
  outcomeOf,
  type StoredRow,
  type WriteCounts,
} from "./port.ts";

const SCAN_ROWS = 1000;

/** An online store in this process's memory, gone with it. For tests and trials. */
export function memoryOnlineStore(): OnlineStore {
  return new MemoryOnlineStore();
}

class MemoryOnlineStore implements OnlineStore {
  readonly url = "memory:";
  readonly #collections = new Map<string, Map<string, OnlineRow>>();

  async write(collection: string, rows: readonly OnlineRow[]): Promise<WriteCounts> {
    for (const { key } of rows) checkKeyLength(collection, key);
    const stored = this.#collections.get(collection) ?? new Map<string, OnlineRow>();
    this.#collections.set(collection, stored);
    const counts = { written: 0, superseded: 0, unchanged: 0 };
    for (const row of rows) {
      const id = idOf(row.key);
      const outcome = outcomeOf(row, stored.get(id));
      counts[outcome]++;
      if (outcome !== "written") continue;
      stored.set(id, { ...row, key: row.key.slice(), value: row.value.slice() });
    }
    return counts;
  }

  async read(
    collection: string,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredRow | undefined)[]> {
    const stored = this.#collections.get(collection);
    return keys.map((key) => stored?.get(idOf(key)));
  }

  async *scan(collection: string): AsyncIterable<readonly OnlineRow[]> {
    const rows = [...(this.#collections.get(collection)?.values() ?? [])];
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    for (let start = 0; start < rows.length; start += SCAN_ROWS) {
      yield rows.slice(start, start + SCAN_ROWS);
    }
  }

  async count(collection: string): Promise<number> {
    return this.#collections.get(collection)?.size ?? 0;
  }

  async delete(collection: string, keys: readonly Uint8Array[]): Promise<number> {
    const stored = this.#collections.get(collection);
    return keys.filter((key) => stored?.delete(idOf(key))).length;
  }

  async deleteOlderThan(collection: string, eventUs: bigint): Promise<number> {
    const stored = this.#collections.get(collection) ?? new Map<string, OnlineRow>();
    let removed = 0;
    for (const [id, row] of stored) {
      if (row.eventUs >= eventUs) continue;
      stored.delete(id);
      removed++;
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#collections.clear();
  }
}

function idOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
