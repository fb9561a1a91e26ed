import { WaybillError } from "../foundation/index.ts";
import {
  elementTypeOf,
  type FeatureValue,
  isListType,
  type ScalarType,
  VALUE_TYPES,
  type ValueType,
} from "./value-type.ts";

/**
 * The bytes of one row of a view in an online store: a format number, then a cell for each feature:
 * id of the feature (u32), number of its value type (u8, 0 for null), value. All numbers are little
 * endian; text and bytes have a u32 length before them, lists a u32 count and the type number of each
 * element. A row says of itself what it holds, so features may be added to a view at any time.
 */
const FORMAT = 1;
const NULL_TYPE = 0;

/** The id of a feature inside rows: the 32-bit FNV-1a hash of its name. */
export function featureId(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name, "utf8")) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Writes rows one after the other into memory that is used again. */
export class RowWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  /** Starts the next row. */
  start(): void {
    this.#length = 0;
    this.#reserve(1);
    this.#bytes[this.#length++] = FORMAT;
  }

  /** Adds a cell; the value must be of the type, as {@link FeatureValue} says. */
  cell(id: number, type: ValueType, value: FeatureValue): void {
    this.#reserve(5);
    this.#length = this.#bytes.writeUInt32LE(id, this.#length);
    if (value === null) {
      this.#bytes[this.#length++] = NULL_TYPE;
    } else if (isListType(type)) {
      this.#bytes[this.#length++] = VALUE_TYPES[type];
      // A value of a list type is an array: the types of values say so.
      this.#list(elementTypeOf(type), value as readonly FeatureValue[]);
    } else {
      this.#bytes[this.#length++] = VALUE_TYPES[type];
      this.#scalar(elementTypeOf(type), value);
    }
  }

  /** The row, in memory of its own. */
  finish(): Uint8Array {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #list(type: ScalarType, values: readonly FeatureValue[]): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(values.length, this.#length);
    for (const value of values) {
      this.#reserve(1);
      this.#bytes[this.#length++] = value === null ? NULL_TYPE : VALUE_TYPES[type];
      if (value !== null) this.#scalar(type, value);
    }
  }

  // The casts below hold because a FeatureValue of a type is what its documentation says.
  #scalar(type: ScalarType, value: FeatureValue): void {
    this.#reserve(8);
    switch (type) {
      case "BYTES":
        this.#chunk(value as Uint8Array);
        return;
      case "STRING":
        this.#chunk(Buffer.from(value as string, "utf8"));
        return;
      case "INT32":
        this.#length = this.#bytes.writeInt32LE(value as number, this.#length);
        return;
      case "INT64":
      case "UNIX_TIMESTAMP":
        this.#length = this.#bytes.writeBigInt64LE(value as bigint, this.#length);
        return;
      case "DOUBLE":
        this.#length = this.#bytes.writeDoubleLE(value as number, this.#length);
        return;
      case "FLOAT":
        this.#length = this.#bytes.writeFloatLE(value as number, this.#length);
        return;
      case "BOOL":
        this.#bytes[this.#length++] = value === true ? 1 : 0;
        return;
    }
  }

  #chunk(bytes: Uint8Array): void {
    this.#reserve(4 + bytes.length);
    this.#length = this.#bytes.writeUInt32LE(bytes.length, this.#length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/**
 * The values of some features of a row. `wanted` gives the place of each feature id in the result;
 * a feature that the row does not have stays undefined there.
 * @throws `data_loss` when the bytes are no row
 */
export function readRow(
  bytes: Uint8Array,
  wanted: ReadonlyMap<number, number>,
): (FeatureValue | undefined)[] {
  const values: (FeatureValue | undefined)[] = new Array(wanted.size).fill(undefined);
  const reader = new RowReader(bytes);
  try {
    if (reader.u8() !== FORMAT) throw damaged();
    while (reader.more) {
      const place = wanted.get(reader.u32());
      const value = reader.value(place !== undefined);
      if (place !== undefined) values[place] = value;
    }
  } catch (error) {
    if (error instanceof RangeError) throw damaged(error);
    throw error;
  }
  return values;
}

const TYPE_NAMES = new Map<number, ValueType>(
  // Object.entries loses the key type that the table has.
  Object.entries(VALUE_TYPES).map(([name, number]) => [number, name as ValueType]),
);

class RowReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get more(): boolean {
    return this.#offset < this.#bytes.length;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** The next value; with `keep` unset it is only passed over. */
  value(keep: boolean): FeatureValue {
    const number = this.u8();
    if (number === NULL_TYPE) return null;
    const type = TYPE_NAMES.get(number);
    if (type === undefined) throw damaged();
    if (!isListType(type)) return this.#scalar(elementTypeOf(type), keep);
    const count = this.u32();
    const values: FeatureValue[] = [];
    for (let index = 0; index < count; index++) {
      const value = this.u8() === NULL_TYPE ? null : this.#scalar(elementTypeOf(type), keep);
      if (keep) values.push(value);
    }
    return values;
  }

  #scalar(type: ScalarType, keep: boolean): FeatureValue {
    switch (type) {
      case "BYTES":
      case "STRING": {
        const length = this.u32();
        const start = this.#take(length);
        if (!keep) return null;
        return type === "STRING"
          ? this.#bytes.toString("utf8", start, start + length)
          : Buffer.from(this.#bytes.subarray(start, start + length));
      }
      case "INT32":
        return this.#bytes.readInt32LE(this.#take(4));
      case "INT64":
      case "UNIX_TIMESTAMP": {
        const start = this.#take(8);
        return keep ? this.#bytes.readBigInt64LE(start) : null;
      }
      case "DOUBLE":
        return this.#bytes.readDoubleLE(this.#take(8));
      case "FLOAT":
        return this.#bytes.readFloatLE(this.#take(4));
      case "BOOL":
        return this.#bytes.readUInt8(this.#take(1)) === 1;
    }
  }

  #take(count: number): number {
    const start = this.#offset;
    this.#offset += count;
    if (this.#offset > this.#bytes.length) throw damaged();
    return start;
  }
}

function damaged(cause?: unknown): WaybillError {
  return new WaybillError("data_loss", "A row of the online store cannot be decoded.", {
    hint: "Materialize the view again.",
    cause,
  });
}
