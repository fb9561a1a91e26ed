import { WaybillError } from "../../foundation/index.ts";
import { readSome, writeAll } from "./descriptors.ts";

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

  const outgoing = Buffer.allocUnsafe(PACKETS_A_WRITE * (PACKET_BYTES_MAX + HEADER_BYTES));
  let used = 0;

  /** Answers are kept until git is waited for, or there is no more room: one write a file, not four. */
  function send(): void {
    writeAll(output, outgoing.subarray(0, used));
    used = 0;
  }

  function writePacket(content: Uint8Array): void {
    if (used + HEADER_BYTES + content.length > outgoing.length) send();
    outgoing.write(header(content.length), used, "latin1");
    outgoing.set(content, used + HEADER_BYTES);
    used += HEADER_BYTES + content.length;
  }

  function writeFlush(): void {
    if (used + HEADER_BYTES > outgoing.length) send();
    used += outgoing.write("0000", used, "latin1");
  }

  /** Makes `count` bytes available at `start`; false when the stream ends before the first of them. */
  function fill(count: number): boolean {
    if (end - start >= count) return true;
    if (start === end || start + count > buffer.length) {
      buffer.copyWithin(0, start, end);
      end -= start;
      start = 0;
    }
    while (end - start < count) {
      send();
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
      for (const line of lines) writePacket(Buffer.from(`${line}\n`));
      writeFlush();
    },
    writeContent(content) {
      for (let at = 0; at < content.length; at += PACKET_BYTES_MAX) {
        writePacket(content.subarray(at, at + PACKET_BYTES_MAX));
      }
    },
    flush: writeFlush,
  };
}

function header(size: number): string {
  return (size + HEADER_BYTES).toString(16).padStart(HEADER_BYTES, "0");
}
