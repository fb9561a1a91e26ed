import { createHash } from "node:crypto";
import { mediaTypeOf, SNIFF_BYTES } from "./media-type.ts";
import type { SourceFile } from "./source.ts";

/** What is known of bytes that were read to their end. */
export interface Content {
  /** Hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

/** Passes bytes through, keeping their digest, their count and their start. */
export class HashingReader implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #hasher = createHash("sha256");
  #sizeBytes = 0;
  #head = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.#hasher.update(chunk);
      this.#sizeBytes += chunk.length;
      if (this.#head.length < SNIFF_BYTES) {
        const missing = SNIFF_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)]);
      }
      yield chunk;
    }
  }

  /** What was read, once it was read to its end; the name helps to tell its type. */
  content(name: string): Content {
    return {
      sha256: this.#hasher.digest("hex"),
      sizeBytes: this.#sizeBytes,
      mediaType: mediaTypeOf(name, this.#head),
    };
  }
}

/** Reads a file without keeping its bytes. */
export async function digestOf(file: SourceFile, signal: AbortSignal): Promise<Content> {
  const reader = new HashingReader(file.read());
  for await (const _ of reader) signal.throwIfAborted();
  return reader.content(file.name);
}
