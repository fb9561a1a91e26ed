import { WaybillError } from "../../foundation/index.ts";

/**
 * TFRecord framing: a record is its length (8 bytes, little-endian), the masked CRC32C of those 8
 * bytes, the data, and the masked CRC32C of the data.
 */
export const TFRECORD_HEADER_BYTES = 12;
export const TFRECORD_FOOTER_BYTES = 4;

/** No record of ours or of TensorFlow's is near this; a longer one is a damaged length. */
export const MAX_RECORD_BYTES = 1 << 30;

/** One record around `data`. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(TFRECORD_HEADER_BYTES + data.length + TFRECORD_FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record, 0, 8), true);
  record.set(data, TFRECORD_HEADER_BYTES);
  view.setUint32(TFRECORD_HEADER_BYTES + data.length, maskedCrc32c(data, 0, data.length), true);
  return record;
}

/**
 * The records of `bytes`, as views of it, checked.
 * @param where the file's name, for messages
 * @param offset position of `bytes` in the file, for messages
 * @returns the records that are whole and how many bytes they take; the rest is the head of a record
 * @throws `data_loss` at the first record whose checksum is wrong
 */
export function readRecords(
  bytes: Uint8Array,
  where: string,
  offset = 0,
): { readonly records: Uint8Array[]; readonly consumed: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at + TFRECORD_HEADER_BYTES <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    if (
      view.getUint32(at + 8, true) !== maskedCrc32c(bytes, at, at + 8) ||
      length > MAX_RECORD_BYTES
    ) {
      throw damaged(where, offset + at, "its length has a wrong checksum");
    }
    const start = at + TFRECORD_HEADER_BYTES;
    const end = start + length;
    if (end + TFRECORD_FOOTER_BYTES > bytes.length) break;
    if (view.getUint32(end, true) !== maskedCrc32c(bytes, start, end)) {
      throw damaged(where, offset + at, "its data has a wrong checksum");
    }
    records.push(bytes.subarray(start, end));
    at = end + TFRECORD_FOOTER_BYTES;
  }
  return { records, consumed: at };
}

/** The error for a TFRecord file that cannot be read on. */
export function damaged(where: string, offset: number, what: string): WaybillError {
  return new WaybillError(
    "data_loss",
    `"${where}" is not a whole TFRecord file: at byte ${offset.toLocaleString("en")}, ${what}.`,
    { hint: "The file was cut short or changed, or it is not a TFRecord file. Fetch it again." },
  );
}

/** TensorFlow's mask: checksums of data that holds checksums are weak. */
function maskedCrc32c(bytes: Uint8Array, start: number, end: number): number {
  const crc = crc32c(bytes, start, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const CRC32C_POLYNOMIAL = 0x82f63b78;

/** Eight tables, so that eight bytes are folded in one step. */
const TABLES = crcTables();

function crcTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  const tables = [first];
  for (let table = 1; table < 8; table++) {
    const previous = tables[table - 1]!;
    tables.push(previous.map((crc) => (crc >>> 8) ^ first[crc & 255]!));
  }
  return tables;
}

function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}
