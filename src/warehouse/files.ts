import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { syncFolder, temporaryPathFor, WaybillError } from "../foundation/index.ts";
import type { ObjectStore } from "../storage/index.ts";

/**
 * The files of a warehouse by URI, which is how table metadata names them. A URI outside of the
 * warehouse's own root is refused: metadata that others wrote must not make us read or delete elsewhere.
 */
export interface TableFiles {
  /** The URI of an object of the warehouse. */
  uriOf(key: string): string;
  /** The key of a URI. @throws `permission_denied` when it lies outside of the warehouse */
  keyOf(uri: string): string;
  /** Reads a file whole. @throws `data_loss` when it is gone, since something points at it */
  read(uri: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Writes a new file; it is durable when the promise resolves. Returns its URI. */
  write(key: string, content: Uint8Array | string): Promise<string>;
  /**
   * Lets an engine write local files into a folder of its own, and makes those it names durable in
   * `folder`, under names of ours. Returns their keys, in the order of `paths`.
   */
  publishAll<T>(
    folder: string,
    prefix: string,
    write: (
      temporaryFolder: string,
    ) => Promise<{ readonly paths: readonly string[]; readonly value: T }>,
  ): Promise<{ readonly keys: readonly string[]; readonly value: T }>;
  /** Makes a folder for engines that write without making one; nothing where folders are no thing. */
  makeFolder(key: string): Promise<void>;
  /** A path that an engine can read. @throws `unimplemented` when the store is not local */
  localPath(uri: string): string;
  /** The first of the files that is not there, or undefined. */
  firstMissing(uris: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  readonly store: ObjectStore;
}

/** Files that are looked for at the same time. */
const STAT_WIDTH = 32;

/** The files of the warehouse that lies in an object store. */
export function openTableFiles(store: ObjectStore): TableFiles {
  // Engines compare locations as plain text and decode nothing, so a path goes in as it is.
  const local = store.url.startsWith("file:") ? fileURLToPath(store.url) : undefined;
  const root = (local === undefined ? store.url : `file://${local}`).replace(/\/+$/, "");

  const keyOf = (uri: string): string => {
    const plain = normalised(uri);
    if (plain.startsWith(`${root}/`)) return plain.slice(root.length + 1);
    throw new WaybillError(
      "permission_denied",
      `The table points at ${uri}, outside of the warehouse at ${root}.`,
      { hint: "A warehouse that was moved must be opened at its old place, or its tables copied." },
    );
  };

  return {
    store,
    uriOf: (key) => `${root}/${key}`,
    keyOf,

    async read(uri, signal) {
      const chunks: Uint8Array[] = [];
      try {
        const options = signal === undefined ? {} : { signal };
        for await (const chunk of store.get(keyOf(uri), options)) chunks.push(chunk);
      } catch (error) {
        if (error instanceof WaybillError && error.code === "not_found") throw gone(uri, error);
        throw error;
      }
      return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    },

    async write(key, content) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await store.put(key, bytes, { ifAbsent: true });
      return `${root}/${key}`;
    },

    async publishAll(folder, prefix, write) {
      const target = store.localPath(`${folder}/x`);
      if (target === undefined) throw notLocal(root);
      const temporaryFolder = temporaryPathFor(join(dirname(target), prefix));
      await mkdir(temporaryFolder, { recursive: true });
      try {
        const { paths, value } = await write(temporaryFolder);
        const keys: string[] = [];
        for (const [index, path] of paths.entries()) {
          const file = await open(path, "r+");
          await file.sync();
          await file.close();
          const key = `${folder}/${prefix}-${String(index).padStart(5, "0")}.parquet`;
          await rename(path, store.localPath(key) ?? "");
          keys.push(key);
        }
        await syncFolder(dirname(target));
        return { keys, value };
      } catch (error) {
        throw WaybillError.from(error);
      } finally {
        await rm(temporaryFolder, { recursive: true, force: true });
      }
    },

    async makeFolder(key) {
      const path = store.localPath(key);
      if (path !== undefined) await mkdir(path, { recursive: true });
    },

    localPath(uri) {
      const path = store.localPath(keyOf(uri));
      if (path === undefined) throw notLocal(root);
      return path;
    },

    async firstMissing(uris, signal) {
      for (let start = 0; start < uris.length; start += STAT_WIDTH) {
        signal?.throwIfAborted();
        const some = uris.slice(start, start + STAT_WIDTH);
        const found = await Promise.all(some.map((uri) => store.stat(keyOf(uri))));
        const missing = found.indexOf(undefined);
        if (missing >= 0) return some[missing];
      }
      return undefined;
    },
  };
}

/** Says that a file which the table needs is gone. */
export function gone(uri: string, cause?: unknown): WaybillError {
  return new WaybillError("data_loss", `The table needs the file ${uri}, and it is gone.`, {
    hint: "Restore it from a copy, or roll the table back to a snapshot that does not need it.",
    cause,
  });
}

/** `file:/a`, `file:///a` and `/a` are written for the same file. */
function normalised(uri: string): string {
  if (uri.startsWith("/")) return `file://${uri}`;
  return uri.replace(/^file:\/+/, "file:///");
}

function notLocal(root: string): WaybillError {
  return new WaybillError(
    "unimplemented",
    `The warehouse at ${root} is not on this machine's file system, where the engine reads.`,
    { hint: "Open the warehouse in a folder." },
  );
}
