import { WaybillError } from "../foundation/index.ts";
import type { FeatureValue, KeyType } from "./value-type.ts";
import { VALUE_TYPES } from "./value-type.ts";

/** A join key of a view: its name and type. */
export interface KeyPart {
  readonly name: string;
  readonly type: KeyType;
}

/** What views without entities are keyed by, as Feast does it. */
export const NO_ENTITY_KEY: KeyPart = { name: "__dummy_id", type: "STRING" };

/**
 * Makes the entity keys of a view, in Feast's serialization version 3: the count of keys, each name in
 * sorted order as (STRING, length, UTF-8), then each value in that order as (type, length, bytes); all
 * numbers u32 little endian.
 */
export class EntityKeyWriter {
  readonly #prefix: Buffer;
  /** Place of each value among the values given, in the order in which they are written. */
  readonly #order: readonly { readonly place: number; readonly type: KeyType }[];

  constructor(parts: readonly KeyPart[]) {
    const sorted = parts
      .map((part, place) => ({ ...part, place }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    const chunks = [u32(sorted.length)];
    for (const { name } of sorted) chunks.push(lengthPrefixed("STRING", Buffer.from(name, "utf8")));
    this.#prefix = Buffer.concat(chunks);
    this.#order = sorted.map(({ place, type }) => ({ place, type }));
  }

  /**
   * The key of a row; values in the order of the parts, none of them null.
   * @throws `invalid_argument` when a value is null
   */
  key(values: readonly FeatureValue[]): Uint8Array {
    const chunks = [this.#prefix];
    for (const { place, type } of this.#order) {
      const value = values[place];
      if (value === null || value === undefined) {
        throw new WaybillError("invalid_argument", "An entity key holds a null.");
      }
      chunks.push(lengthPrefixed(type, keyBytes(type, value)));
    }
    return Buffer.concat(chunks);
  }
}

function keyBytes(type: KeyType, value: FeatureValue): Buffer {
  // A FeatureValue of a type is what its documentation says; the casts hold by it.
  switch (type) {
    case "STRING":
      return Buffer.from(value as string, "utf8");
    case "BYTES":
      return Buffer.from(value as Uint8Array);
    case "INT32": {
      const bytes = Buffer.allocUnsafe(4);
      bytes.writeInt32LE(value as number);
      return bytes;
    }
    case "INT64":
    case "UNIX_TIMESTAMP": {
      const bytes = Buffer.allocUnsafe(8);
      // Feast's timestamps as keys are whole seconds; ours are microseconds inside.
      bytes.writeBigInt64LE(type === "INT64" ? (value as bigint) : (value as bigint) / 1_000_000n);
      return bytes;
    }
  }
}

function lengthPrefixed(type: KeyType, bytes: Buffer): Buffer {
  const chunk = Buffer.allocUnsafe(8 + bytes.length);
  chunk.writeUInt32LE(VALUE_TYPES[type], 0);
  chunk.writeUInt32LE(bytes.length, 4);
  bytes.copy(chunk, 8);
  return chunk;
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
