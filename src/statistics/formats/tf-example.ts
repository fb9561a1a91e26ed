import assert from "node:assert";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { type Progress, WaybillError } from "../../foundation/index.ts";
import {
  EXAMPLES_PER_BATCH,
  type Example,
  type ExampleSource,
  type FeatureValue,
} from "../examples/example.ts";
import { type InputFile, readError } from "../input.ts";
import { damaged, MAX_RECORD_BYTES, readRecords } from "./tfrecord.ts";

const READ_BYTES = 1 << 20;
const GZIP = [0x1f, 0x8b] as const;

/**
 * The tf.Examples of TFRecord files, gzip or not. A feature without a kind is missing; one whose list is
 * empty is present without values.
 * @throws WaybillError `data_loss` for a wrong checksum, a cut file, or a record that is no tf.Example
 */
export async function* readTfExamples(
  files: readonly InputFile[],
  options: { readonly signal?: AbortSignal | undefined; readonly progress?: Progress | undefined },
): ExampleSource {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBefore = 0;
  for (const file of files) {
    let record = 0;
    let batch: Example[] = [];
    for await (const records of recordsOf(file, options.signal)) {
      for (const bytes of records.list) {
        batch.push(decodeExample(bytes, file.path, ++record));
        if (batch.length < EXAMPLES_PER_BATCH) continue;
        yield batch;
        batch = [];
      }
      options.progress?.report("statistics", doneBefore + records.done, total, "bytes");
    }
    if (batch.length > 0) yield batch;
    doneBefore += file.sizeBytes;
  }
}

async function* recordsOf(
  file: InputFile,
  signal: AbortSignal | undefined,
): AsyncIterable<{ list: Uint8Array[]; done: number }> {
  let kept: Uint8Array = new Uint8Array(0);
  let offset = 0;
  for await (const { bytes, done } of chunksOf(file, signal)) {
    // Records hold views: the next chunk gets memory of its own.
    const data = kept.length === 0 ? bytes : Buffer.concat([kept, bytes]);
    if (data.length > MAX_RECORD_BYTES) throw damaged(file.path, offset, "a record is too long");
    const { records, consumed } = readRecords(data, file.path, offset);
    yield { list: records, done };
    offset += consumed;
    kept = data.subarray(consumed);
  }
  if (kept.length > 0) throw damaged(file.path, offset, "the file ends inside a record");
}

async function* chunksOf(
  file: InputFile,
  signal: AbortSignal | undefined,
): AsyncIterable<{ bytes: Buffer; done: number }> {
  try {
    const isGzip = await startsWith(file.path, GZIP);
    const stream = createReadStream(file.path, {
      highWaterMark: READ_BYTES,
      ...(signal === undefined ? {} : { signal }),
    });
    const chunks: AsyncIterable<Buffer> = isGzip
      ? stream.compose(createGunzip({ chunkSize: READ_BYTES }))
      : stream;
    for await (const bytes of chunks) yield { bytes, done: stream.bytesRead };
  } catch (caught) {
    if (caught instanceof WaybillError) throw caught;
    if (isZlibError(caught)) {
      throw new WaybillError("data_loss", `"${file.path}" is not whole: ${caught.message}.`, {
        hint: "The gzip file was cut short or changed. Fetch it again.",
        cause: caught,
      });
    }
    throw readError(file.path, caught);
  }
}

async function startsWith(path: string, signature: readonly number[]): Promise<boolean> {
  await using handle = await open(path, "r");
  const bytes = new Uint8Array(signature.length);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
  return bytesRead === bytes.length && signature.every((byte, index) => bytes[index] === byte);
}

function isZlibError(caught: unknown): caught is Error {
  return caught instanceof Error && "code" in caught && String(caught.code).startsWith("Z_");
}

/**
 * A tf.Example: features (field 1) with a map (field 1) of names to lists of bytes (1), floats (2) or
 * 64-bit integers (3). Read by hand: a record costs a few microseconds.
 */
function decodeExample(bytes: Uint8Array, path: string, record: number): Example {
  const example = new Map<string, FeatureValue>();
  try {
    const reader = new WireReader(bytes);
    for (const features of reader.fields(1, bytes.length)) {
      for (const entry of reader.fields(1, features)) decodeEntry(reader, entry, example);
    }
    return example;
  } catch (caught) {
    throw new WaybillError(
      "data_loss",
      `"${path}": record ${record.toLocaleString("en")} is not a tf.Example.`,
      {
        hint: "TFRecord files of tf.Example are read; this one holds something else.",
        cause: caught,
      },
    );
  }
}

function decodeEntry(reader: WireReader, end: number, example: Map<string, FeatureValue>): void {
  let name = "";
  let value: FeatureValue | undefined;
  while (reader.at < end) {
    const tag = reader.varint();
    const stop = reader.lengthEnd(tag);
    if (tag >>> 3 === 1) name = reader.text(stop);
    else if (tag >>> 3 === 2) value = decodeFeature(reader, stop);
    reader.at = stop;
  }
  if (value !== undefined) example.set(name, value);
}

function decodeFeature(reader: WireReader, end: number): FeatureValue | undefined {
  let value: FeatureValue | undefined;
  while (reader.at < end) {
    const tag = reader.varint();
    const stop = reader.lengthEnd(tag);
    switch (tag >>> 3) {
      case 1:
        value = { kind: "string", depth: 1, items: reader.byteStrings(stop) };
        break;
      case 2:
        value = { kind: "float", depth: 1, items: reader.floats(stop) };
        break;
      case 3:
        value = { kind: "int", depth: 1, items: reader.integers(stop) };
        break;
      default:
        break;
    }
    reader.at = stop;
  }
  return value;
}

const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const VARINT = 0;

/** Reads protobuf's wire format. Anything out of its bounds is an assertion, caught per record. */
class WireReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The ends of the fields of one number, one after the other; others are passed over. */
  *fields(number: number, end: number): Iterable<number> {
    while (this.at < end) {
      const tag = this.varint();
      const stop = this.lengthEnd(tag);
      if (tag >>> 3 === number) yield stop;
      this.at = stop;
    }
  }

  /** Where a length-delimited field ends; every field of a tf.Example is one. */
  lengthEnd(tag: number): number {
    assert.equal(tag & 7, LENGTH_DELIMITED);
    const end = this.varint() + this.at;
    assert.ok(end <= this.#bytes.length);
    return end;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.at++];
      assert.ok(byte !== undefined);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    assert.fail("a number is too long");
  }

  /** A 64-bit integer as a double: ten bytes when it is negative. */
  int64(): number {
    let low = 0;
    let high = 0;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.at++];
      assert.ok(byte !== undefined);
      const bits = byte & 127;
      if (count < 4) low |= bits << (7 * count);
      else if (count === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (7 * count - 32);
      if (byte < 128) return (high | 0) * 2 ** 32 + (low >>> 0);
    }
    assert.fail("a number is too long");
  }

  text(end: number): string {
    return Buffer.from(
      this.#bytes.buffer,
      this.#bytes.byteOffset + this.at,
      end - this.at,
    ).toString("utf8");
  }

  byteStrings(end: number): Uint8Array[] {
    const items: Uint8Array[] = [];
    for (const stop of this.fields(1, end)) items.push(this.#bytes.subarray(this.at, stop));
    return items;
  }

  floats(end: number): number[] {
    const items: number[] = [];
    while (this.at < end) {
      const tag = this.varint();
      const stop = (tag & 7) === FIXED32 ? this.at + 4 : this.lengthEnd(tag);
      for (; this.at < stop; this.at += 4) items.push(this.#view.getFloat32(this.at, true));
    }
    return items;
  }

  integers(end: number): number[] {
    const items: number[] = [];
    while (this.at < end) {
      const tag = this.varint();
      if ((tag & 7) === VARINT) items.push(this.int64());
      else for (const stop = this.lengthEnd(tag); this.at < stop; ) items.push(this.int64());
    }
    return items;
  }
}
