import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";

const READ_CHUNK_BYTES = 1 << 20;

/** Hex digest of bytes or of a string's UTF-8. */
export function digestOf(algorithm: "sha256" | "md5", data: Uint8Array | string): string {
  return hash(algorithm, data, "hex");
}

/**
 * Hex digest and size of a file, streamed in constant memory.
 * @throws the file system's error when the file cannot be read
 */
export async function digestFile(
  algorithm: "sha256" | "md5",
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ digest: string; sizeBytes: number }> {
  const hasher = createHash(algorithm);
  let sizeBytes = 0;
  const stream = createReadStream(path, {
    highWaterMark: READ_CHUNK_BYTES,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  for await (const chunk of stream) {
    hasher.update(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: hasher.digest("hex"), sizeBytes };
}

/**
 * JSON with object keys sorted by code unit and no white space, so that equal values give equal text.
 * bigint is written as an integer; undefined members are left out.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
