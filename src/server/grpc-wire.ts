import { gunzipSync } from "node:zlib";
import { WaybillError } from "../foundation/index.ts";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;

/** A message as it goes over gRPC: one byte of flags, four of length, the bytes. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/**
 * Gathers the one message of a unary request from chunks that may be cut anywhere. The claimed length
 * is checked before any of its bytes are waited for.
 */
export interface MessageReader {
  /** @throws WaybillError `resource_exhausted` beyond the limit, `unimplemented` for a second message */
  push(chunk: Buffer): void;
  /** @throws WaybillError `internal` when the message is cut off, absent or cannot be decompressed */
  end(): Uint8Array;
}

/**
 * @param options.coding the request's `grpc-encoding`; a flag without it is an error
 * @param options.bytesMax of a message, before and after decompression
 */
export function messageReader(options: {
  readonly coding: string | undefined;
  readonly bytesMax: number;
}): MessageReader {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = -1;
  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      if (wanted < 0 && size >= PREFIX_BYTES) {
        chunks = [Buffer.concat(chunks)];
        wanted = PREFIX_BYTES + (chunks[0]?.readUInt32BE(1) ?? 0);
        if (wanted - PREFIX_BYTES > options.bytesMax) throw tooLarge(options.bytesMax);
      }
      if (wanted >= 0 && size > wanted) {
        throw new WaybillError("unimplemented", "A unary call takes one message.");
      }
      if (size > options.bytesMax + PREFIX_BYTES) throw tooLarge(options.bytesMax);
    },
    end() {
      if (wanted < 0 || size < wanted) {
        const what = size === 0 ? "has no message" : "was cut off within its message";
        throw new WaybillError("internal", `The request ${what}.`);
      }
      const [first] = chunks;
      const whole = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      return unwrap(whole[0] ?? 0, whole.subarray(PREFIX_BYTES), options);
    },
  };
}

/**
 * Cuts a stream of chunks into messages, decompressed where they are compressed.
 * @throws WaybillError `resource_exhausted` beyond the limit, `internal` when the last is cut off
 */
export async function* splitMessages(
  chunks: AsyncIterable<Buffer>,
  options: { readonly coding: string | undefined; readonly bytesMax: number },
): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  let size = 0;
  let wanted = PREFIX_BYTES;
  for await (const chunk of chunks) {
    pending.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const whole = pending.length === 1 ? (pending[0] ?? chunk) : Buffer.concat(pending);
      const length = whole.readUInt32BE(1);
      if (length > options.bytesMax) throw tooLarge(options.bytesMax);
      wanted = PREFIX_BYTES + length;
      pending = [whole];
      if (size < wanted) break;
      yield unwrap(whole[0] ?? 0, whole.subarray(PREFIX_BYTES, wanted), options);
      pending = [whole.subarray(wanted)];
      size -= wanted;
      wanted = PREFIX_BYTES;
    }
  }
  if (size > 0) throw new WaybillError("internal", "The request was cut off within its message.");
}

/** Milliseconds of a `grpc-timeout` header, or undefined when there is none. */
export function timeoutMsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/u.exec(header) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new WaybillError("internal", `The timeout ${JSON.stringify(header)} is not one.`);
  }
  return Number(digits) * (MILLISECONDS[unit] ?? 1);
}

const MILLISECONDS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** A status message as the trailer carries it: printable ASCII, the rest and `%` percent-encoded. */
export function encodeGrpcMessage(message: string): string {
  if (/^[ -$&-~]*$/u.test(message)) return message;
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8")) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Takes a message out of its coding, if its flags say that it has one. */
function unwrap(
  flags: number,
  message: Uint8Array,
  options: { readonly coding: string | undefined; readonly bytesMax: number },
): Uint8Array {
  if (flags === 0) return message;
  if (flags !== COMPRESSED || options.coding === undefined || options.coding === "identity") {
    throw new WaybillError("internal", "A message is compressed without naming its coding.");
  }
  return decompress(message, options.bytesMax);
}

function decompress(message: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return gunzipSync(message, { maxOutputLength: bytesMax });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(bytesMax);
    throw new WaybillError("internal", "A compressed message is damaged.", { cause });
  }
}

function tooLarge(bytesMax: number): WaybillError {
  return new WaybillError(
    "resource_exhausted",
    `A message is larger than the ${bytesMax} bytes that this server takes.`,
  );
}
