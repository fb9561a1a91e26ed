import { WaybillError } from "../../foundation/index.ts";

/** A row of a view as an online store keeps it: opaque bytes, and the times that decide which row wins. */
export interface StoredRow {
  /** When the values hold from: microseconds since the epoch. */
  readonly eventUs: bigint;
  /** When the row was written at its source: microseconds since the epoch, the least integer if unknown. */
  readonly createdUs: bigint;
  readonly value: Uint8Array;
}

/** A row and the entity key it is found by. */
export interface OnlineRow extends StoredRow {
  readonly key: Uint8Array;
}

/** What became of the rows of a write. */
export interface WriteCounts {
  readonly written: number;
  /** Rows left out because the store has a newer one of their key. */
  readonly superseded: number;
  /** Rows that the store already had, with the same times and bytes. */
  readonly unchanged: number;
}

/** The longest key that every store takes, collection and all. */
export const ONLINE_KEY_BYTES_MAX = 1024;

/**
 * The latest row of each key, by collection (one for each view). Keys and values are bytes that the store
 * does not look into. A store may be used by several processes at once.
 */
export interface OnlineStore extends AsyncDisposable {
  /** How the store is named to `openOnlineStore`. */
  readonly url: string;

  /**
   * Writes rows, all of them or none; when it returns they are durable. For each key the row with the
   * greatest (eventUs, createdUs) stays, whatever the order of the writes; of equal times the last written.
   * Hence writing rows again changes nothing.
   * @throws `invalid_argument` for a key longer than {@link ONLINE_KEY_BYTES_MAX} with its collection;
   * `resource_exhausted` when the disk is full
   */
  write(collection: string, rows: readonly OnlineRow[]): Promise<WriteCounts>;

  /**
   * The row of each key in the order of the keys, undefined where there is none. The rows are of one
   * moment: no write shows in some and not in others.
   */
  read(
    collection: string,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredRow | undefined)[]>;

  /** All rows of a collection in the byte order of their keys, a batch at a time. */
  scan(collection: string): AsyncIterable<readonly OnlineRow[]>;

  /** How many rows a collection has. */
  count(collection: string): Promise<number>;

  /** Removes rows by key; returns how many there were. */
  delete(collection: string, keys: readonly Uint8Array[]): Promise<number>;

  /** Removes rows whose event time is before a time; returns how many there were. */
  deleteOlderThan(collection: string, eventUs: bigint): Promise<number>;
}

/** What becomes of a row where another may be stored. */
export function outcomeOf(row: StoredRow, stored: StoredRow | undefined): keyof WriteCounts {
  if (stored === undefined || row.eventUs > stored.eventUs) return "written";
  if (row.eventUs < stored.eventUs || row.createdUs < stored.createdUs) return "superseded";
  const isSame =
    row.createdUs === stored.createdUs && Buffer.compare(row.value, stored.value) === 0;
  return isSame ? "unchanged" : "written";
}

/**
 * Checks the length of a key with its collection, which every driver does before it writes.
 * @throws `invalid_argument`
 */
export function checkKeyLength(collection: string, key: Uint8Array): void {
  const length = Buffer.byteLength(collection, "utf8") + key.length;
  if (length <= ONLINE_KEY_BYTES_MAX) return;
  throw new WaybillError(
    "invalid_argument",
    `An entity key of ${key.length} bytes is too long for the online store.`,
    {
      hint: `Key and view have at most ${ONLINE_KEY_BYTES_MAX} bytes together; use a digest as the key.`,
    },
  );
}
