import { WaybillError } from "../../foundation/index.ts";
import { readSome, writeAll } from "./objects.ts";

/** Bytes that one packet carries at most: 65,520 less its four digits of length. */
export const PACKET_BYTES_MAX = 65_516;
const HEADER_BYTES = 4;
const BUFFER_BYTES = 1 << 20;
const PACKETS_A_WRITE = 15;

/**
 * Git's packets on two file descriptors, blocking: git waits for each answer anyway.
 * Source: git, Documentation/gitprotocol-common.txt, "pkt-line Format".
 */
export interface PacketStream {
  /**
   * The next packet's bytes, valid until the next call; `flush`, or `end` where no packet begins.
   * @throws WaybillError `data_loss` when the stream ends within a packet or has no length
   */
  read(): Uint8Array | "flush" | "end";
  /** The text lines up to the next flush, without their newlines; undefined at the end of the stream. */
  readList(): string[] | undefined;
  writeList(lines: readonly string[]): void;
  /** Writes content in packets; several calls make one content, which a flush ends. */
  writeContent(content: Uint8Array): void;
  flush(): void;
}

/** Opens git's end of a filter: `input` is read, `output` written. */
export function openPackets(input: number, output: number): PacketStream {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let start = 0;
  let end = 0;

  /** Makes `count` bytes available at `start`; false when the stream ends before the first of them. */
  function fill(count: number): boolean {
    if (end - start >= count) return true;
    if (start === end || start + count > buffer.length) {
      buffer.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    while (end - start < count) {
      const read = readSome(input, buffer.subarray(end));
      if (read === 0) {
        if (end === start) return false;
        throw new WaybillError("data_loss", "Git's stream ended within a packet.");
      }
      end += read;
    }
    return true;
  }

  function read(): Uint8Array | "flush" | "end" {
    if (!fill(HEADER_BYTES)) return "end";
    const digits = buffer.toString("latin1", start, start + HEADER_BYTES);
    const length = /^[0-9a-fA-F]{4}$/u.test(digits) ? Number.parseInt(digits, 16) : -1;
    start += HEADER_BYTES;
    if (length === 0) return "flush";
    const size = length - HEADER_BYTES;
    if (size < 0 || size > PACKET_BYTES_MAX) {
      throw new WaybillError(
        "data_loss",
        `Git's stream has ${JSON.stringify(digits)} as a length.`,
      );
    }
    if (size > 0 && !fill(size)) {
      throw new WaybillError("data_loss", "Git's stream ended within a packet.");
    }
    start += size;
    return buffer.subarray(start - size, start);
  }

  const outgoing = Buffer.allocUnsafe(PACKETS_A_WRITE * (PACKET_BYTES_MAX + HEADER_BYTES));

  return {
    read,
    readList() {
      const lines: string[] = [];
      for (;;) {
        const packet = read();
        if (packet === "flush") return lines;
        if (packet === "end") {
          if (lines.length === 0) return undefined;
          throw new WaybillError("data_loss", "Git's stream ended within a list.");
        }
        lines.push(Buffer.from(packet).toString("utf8").replace(/\n$/u, ""));
      }
    },
    writeList(lines) {
      const packets = lines.map((line) => {
        const bytes = Buffer.from(`${line}\n`);
        return Buffer.concat([Buffer.from(header(bytes.length)), bytes]);
      });
      writeAll(output, Buffer.concat([...packets, Buffer.from("0000")]));
    },
    writeContent(content) {
      for (let at = 0; at < content.length; ) {
        let used = 0;
        for (let count = 0; count < PACKETS_A_WRITE && at < content.length; count++) {
          const size = Math.min(PACKET_BYTES_MAX, content.length - at);
          outgoing.write(header(size), used, "latin1");
          outgoing.set(content.subarray(at, at + size), used + HEADER_BYTES);
          used += HEADER_BYTES + size;
          at += size;
        }
        writeAll(output, outgoing.subarray(0, used));
      }
    },
    flush() {
      writeAll(output, Buffer.from("0000"));
    },
  };
}

function header(size: number): string {
  return (size + HEADER_BYTES).toString(16).padStart(HEADER_BYTES, "0");
}
