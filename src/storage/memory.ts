import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import { compareKeys, parseKey } from "./key.ts";
import type { ObjectInfo, ObjectStore } from "./port.ts";

/** An object store in this process's memory, for tests and for what need not outlive it. */
export function openMemoryStore(options: { readonly clock?: Clock } = {}): ObjectStore {
  const clock = options.clock ?? systemClock;
  const objects = new Map<string, { readonly bytes: Uint8Array; readonly modifiedMs: number }>();

  function infoOf(key: string): ObjectInfo | undefined {
    const found = objects.get(key);
    return found && { key, sizeBytes: found.bytes.length, modifiedMs: found.modifiedMs };
  }

  return {
    url: "memory:",

    async put(key, content, { ifAbsent = false, signal } = {}) {
      parseKey(key);
      const bytes = await collect(content, signal);
      if (ifAbsent && objects.has(key)) {
        throw new WaybillError("already_exists", `The store has an object "${key}" already.`);
      }
      const modifiedMs = clock.nowMs();
      objects.set(key, { bytes, modifiedMs });
      return { key, sizeBytes: bytes.length, modifiedMs };
    },

    async *get(key, { start = 0, length = Number.POSITIVE_INFINITY, signal } = {}) {
      parseKey(key);
      const found = objects.get(key);
      if (found === undefined) throw missing(key);
      signal?.throwIfAborted();
      const part = found.bytes.slice(start, start + length);
      if (part.length > 0) yield part;
    },

    async stat(key) {
      parseKey(key);
      return infoOf(key);
    },

    async *list(prefix = "") {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
      for (const key of keys) {
        const info = infoOf(key);
        if (info !== undefined) yield info;
      }
    },

    async move(from, to) {
      parseKey(from);
      parseKey(to);
      const found = objects.get(from);
      if (found === undefined) throw missing(from);
      objects.delete(from);
      objects.set(to, found);
    },

    async delete(key) {
      parseKey(key);
      objects.delete(key);
    },

    localPath(key) {
      parseKey(key);
      return undefined;
    },
  };
}

async function collect(
  content: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content.slice();
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) {
    signal?.throwIfAborted();
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}

function missing(key: string): WaybillError {
  return new WaybillError("not_found", `No object "${key}" in the store in memory.`);
}
