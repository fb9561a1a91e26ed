import { inflateRawSync, zstdDecompressSync } from "node:zlib";
import { WaybillError } from "../../foundation/index.ts";

/** Larger blocks are taken for an attack: writers of manifests close a block at 64 KiB to 16 MiB. */
const MAX_BLOCK_BYTES = 256 << 20;
/** Values that take no bytes (null, an empty record) could be counted in billions by a few bytes. */
const MAX_EMPTY_VALUES = 1_000_000;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Bytes that grow as Avro's primitives are put to their end. */
export class AvroWriter {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  sized(bytes: Uint8Array): void {
    this.long(bytes.length);
    this.raw(bytes);
  }

  float(value: number): void {
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A zigzag varint. */
  long(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === "number" && value >= 0 && value < 1 << 30) {
      let rest = value * 2;
      for (; rest > 127; rest = Math.floor(rest / 128)) this.#push((rest % 128) | 128);
      this.#push(rest);
      return;
    }
    const signed = BigInt(value);
    if (BigInt.asIntN(64, signed) !== signed) throw unfit("long", value);
    let rest = BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n));
    for (; rest > 127n; rest >>= 7n) this.#push(Number(rest & 127n) | 128);
    this.#push(Number(rest));
  }

  #push(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads forward through bytes that may lie: nothing is allocated that the bytes cannot back. */
export class AvroReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  #emptyValues = 0;

  constructor(bytes: Uint8Array) {
    // Not a Buffer, whose slice() is no copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#position];
    if (value === undefined) throw damaged("it is cut short");
    this.#position += 1;
    return value;
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#position) throw damaged("it is cut short");
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  view(length: number): DataView {
    const bytes = this.take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** A zigzag varint: a number where that is exact, else a bigint. */
  long(): number | bigint {
    let low = 0;
    let scale = 1;
    for (let length = 0; length < 6; length++) {
      const byte = this.byte();
      low += (byte & 127) * scale;
      if (byte < 128) return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
      scale *= 128;
    }
    let value = BigInt(low);
    for (let shift = 42n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        if (value >= 1n << 64n) throw damaged("a number is beyond 64 bits");
        const signed = (value >> 1n) ^ -(value & 1n);
        const number = Number(signed);
        return Number.isSafeInteger(number) ? number : signed;
      }
    }
    throw damaged("a number is beyond 64 bits");
  }

  /** A count or length: never negative, never beyond what is addressable. */
  count(what: string): number {
    const value = this.long();
    if (typeof value === "bigint" || value < 0) throw damaged(`a ${what} is ${value}`);
    return value;
  }

  /** The counts of the chunks that an array or map is written in. */
  *chunks(minBytes: number): Generator<number> {
    for (;;) {
      const count = this.long();
      if (count === 0) return;
      if (typeof count === "bigint") throw damaged(`an array counts ${count} values`);
      if (count < 0) this.count("chunk size");
      this.checkCount(Math.abs(count), minBytes);
      yield Math.abs(count);
    }
  }

  checkCount(count: number, minBytes: number): void {
    if (minBytes > 0) {
      if (count * minBytes <= this.#bytes.length - this.#position) return;
      throw damaged(`${count} values are announced and it is too short for them`);
    }
    this.#emptyValues += count;
    if (this.#emptyValues > MAX_EMPTY_VALUES) throw damaged(`${count} empty values are announced`);
  }
}

/** How blocks are unpacked. @throws `unimplemented` for a codec that we lack */
export function unpacker(codec: string): (packed: Uint8Array) => Uint8Array {
  const guarded = (unpack: (packed: Uint8Array) => Uint8Array) => (packed: Uint8Array) => {
    try {
      return unpack(packed);
    } catch (cause) {
      throw damaged("a block does not unpack", cause);
    }
  };
  const limit = { maxOutputLength: MAX_BLOCK_BYTES };
  switch (codec) {
    case "null":
      return (packed) => packed;
    case "deflate":
      return guarded((packed) => inflateRawSync(packed, limit));
    case "zstandard":
      return guarded((packed) => zstdDecompressSync(packed, limit));
    default:
      throw new WaybillError("unimplemented", `The Avro codec "${codec}" is not supported.`, {
        hint: "Rewrite the file with deflate or zstandard.",
      });
  }
}

/** Bytes as text. @throws `data_loss` for what is no UTF-8 */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw damaged("a text is no UTF-8", cause);
  }
}

/** Says that a file is no whole Avro file. */
export function damaged(why: string, cause?: unknown): WaybillError {
  return new WaybillError("data_loss", `The Avro file is damaged: ${why}.`, { cause });
}

/** Says that a value is not of its schema: a mistake of ours. */
export function unfit(type: string, value: unknown): WaybillError {
  return new WaybillError("internal", `A ${typeof value} cannot be written as Avro ${type}.`);
}
