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
    let length = this.#prefix.length;
    for (const { place, type } of this.#order) length += 8 + valueLength(type, values[place]);
    const bytes = Buffer.allocUnsafe(length);
    let offset = this.#prefix.copy(bytes);
    for (const { place, type } of this.#order) {
      offset = bytes.writeUInt32LE(VALUE_TYPES[type], offset);
      offset = writeValue(bytes, offset, type, values[place]);
    }
    return bytes;
  }
}

/**
 * The values in an entity key by the name of their join key; times are microseconds.
 * @throws `data_loss` when the bytes are no entity key
 */
export function readEntityKey(key: Uint8Array): ReadonlyMap<string, FeatureValue> {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  try {
    let offset = 4;
    const next = () => {
      const type = bytes.readUInt32LE(offset);
      const start = offset + 8;
      offset = start + bytes.readUInt32LE(offset + 4);
      if (offset > bytes.length) throw new RangeError("the key ends early");
      return { type, value: bytes.subarray(start, offset) };
    };
    const names = Array.from({ length: bytes.readUInt32LE(0) }, () =>
      next().value.toString("utf8"),
    );
    return new Map(
      names.map((name) => {
        const { type, value } = next();
        return [name, readValue(type, value)];
      }),
    );
  } catch (error) {
    throw new WaybillError("data_loss", "A key of the online store cannot be decoded.", {
      hint: "Materialize the view again.",
      cause: error,
    });
  }
}

function readValue(type: number, bytes: Buffer): FeatureValue {
  switch (type) {
    case VALUE_TYPES.STRING:
      return bytes.toString("utf8");
    case VALUE_TYPES.INT32:
      return bytes.readInt32LE();
    case VALUE_TYPES.INT64:
      return bytes.readBigInt64LE();
    case VALUE_TYPES.UNIX_TIMESTAMP:
      return bytes.readBigInt64LE() * 1_000_000n;
    default:
      return Buffer.from(bytes);
  }
}

// The casts below hold because a FeatureValue of a type is what its documentation says.
function valueLength(type: KeyType, value: FeatureValue | undefined): number {
  if (value === null || value === undefined) {
    throw new WaybillError("invalid_argument", "An entity key holds a null.");
  }
  switch (type) {
    case "STRING":
      return Buffer.byteLength(value as string, "utf8");
    case "BYTES":
      return (value as Uint8Array).length;
    case "INT32":
      return 4;
    case "INT64":
    case "UNIX_TIMESTAMP":
      return 8;
  }
}

/** Writes the length of a value, and the value; returns where the next begins. */
function writeValue(
  bytes: Buffer,
  offset: number,
  type: KeyType,
  value: FeatureValue | undefined,
): number {
  switch (type) {
    case "STRING": {
      const length = bytes.write(value as string, offset + 4, "utf8");
      bytes.writeUInt32LE(length, offset);
      return offset + 4 + length;
    }
    case "BYTES": {
      const given = value as Uint8Array;
      bytes.writeUInt32LE(given.length, offset);
      bytes.set(given, offset + 4);
      return offset + 4 + given.length;
    }
    case "INT32":
      return bytes.writeInt32LE(value as number, bytes.writeUInt32LE(4, offset));
    case "INT64":
      return bytes.writeBigInt64LE(value as bigint, bytes.writeUInt32LE(8, offset));
    case "UNIX_TIMESTAMP":
      // Feast's timestamps as keys are whole seconds; ours are microseconds inside.
      return bytes.writeBigInt64LE((value as bigint) / 1_000_000n, bytes.writeUInt32LE(8, offset));
  }
}

function lengthPrefixed(type: KeyType, bytes: Buffer): Buffer {
  return Buffer.concat([u32(VALUE_TYPES[type]), u32(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
