import type { Dirent } from "node:fs";
import {
  constants,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Clock,
  publishFile,
  syncFolder,
  systemClock,
  temporaryPathFor,
  WaybillError,
} from "../foundation/index.ts";
import { compareKeys, isTemporaryName, parseKey } from "./key.ts";
import type { ObjectInfo, ObjectStore } from "./port.ts";

const READ_CHUNK_BYTES = 1 << 20;
/** A temporary file that nobody wrote to for so long belongs to a process that is gone. */
const LEFTOVER_AGE_MS = 24 * 3600 * 1000;

/**
 * A folder of this machine as an object store. The folder is made with the first object. Symbolic links
 * inside it are followed while they stay inside; listing passes them by.
 * @param options.clock decides which temporary files are old enough to be swept while listing
 */
export function openFileStore(
  folder: string,
  options: { readonly clock?: Clock } = {},
): ObjectStore {
  const root = resolve(folder);
  const clock = options.clock ?? systemClock;

  return {
    url: pathToFileURL(root).href,

    async put(key, content, { ifAbsent = false, signal } = {}) {
      const path = await locate(root, key);
      if (ifAbsent && (await statOf(path)) !== undefined) throw taken(key, root);
      const write = async (file: FileHandle) => {
        for await (const chunk of chunksOf(content)) {
          signal?.throwIfAborted();
          await file.writeFile(chunk);
        }
      };
      try {
        await (ifAbsent ? publishOnce(path, write) : publishFile(path, write));
      } catch (error) {
        const failure = WaybillError.from(error);
        throw ifAbsent && failure.code === "already_exists" ? taken(key, root) : failure;
      }
      const info = await statOf(path);
      if (info === undefined) throw missing(key, root);
      return { key, ...info };
    },

    async *get(key, { start = 0, length = Number.POSITIVE_INFINITY, signal } = {}) {
      const file = await openToRead(await locate(root, key), key, root);
      try {
        let position = start;
        const end = start + length;
        while (position < end) {
          signal?.throwIfAborted();
          const buffer = Buffer.allocUnsafe(Math.min(READ_CHUNK_BYTES, end - position));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
          if (bytesRead === 0) return;
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } catch (error) {
        throw WaybillError.from(error);
      } finally {
        await file.close();
      }
    },

    async stat(key) {
      const info = await statOf(await locate(root, key));
      return info === undefined ? undefined : { key, ...info };
    },

    async *list(prefix = "") {
      if (prefix !== "") parseKey(prefix.replace(/\/$/u, "").concat("x"));
      yield* walk(root, "", prefix, clock.nowMs() - LEFTOVER_AGE_MS);
    },

    async move(from, to) {
      const source = await locate(root, from);
      const target = await locate(root, to);
      if ((await statOf(source)) === undefined) throw missing(from, root);
      try {
        await mkdir(dirname(target), { recursive: true });
        await rename(source, target);
      } catch (error) {
        throw WaybillError.from(error);
      }
      await syncFolder(dirname(target));
      await syncFolder(dirname(source));
    },

    async delete(key) {
      const path = await locate(root, key);
      if ((await statOf(path)) === undefined) return;
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw WaybillError.from(error);
      }
    },

    localPath(key) {
      return join(root, ...parseKey(key));
    },
  };
}

/**
 * The one place where a key becomes a path. Refuses keys that a symbolic link takes out of the root,
 * by resolving the deepest folder of the path that exists.
 */
async function locate(root: string, key: string): Promise<string> {
  const path = join(root, ...parseKey(key));
  const realRoot = await realpath(root).catch(() => undefined);
  if (realRoot === undefined) return path;
  for (let existing = path; existing.length >= root.length; existing = dirname(existing)) {
    const real = await realpath(existing).catch((error: NodeJS.ErrnoException) => {
      // A path that runs through a file holds nothing; a loop of links leads nowhere.
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw WaybillError.from(error);
    });
    if (real === undefined) continue;
    if (real === realRoot || real.startsWith(realRoot + sep)) return path;
    throw new WaybillError(
      "permission_denied",
      `The key ${JSON.stringify(key)} leads out of the store "${root}" through a symbolic link.`,
      { hint: "Put the file itself into the store, or open a store on the folder it lies in." },
    );
  }
  return path;
}

/**
 * As foundation's publishFile, but only where nothing is yet: of racing writers one wins, since a hard
 * link, unlike a rename, is refused when its name is taken.
 */
async function publishOnce(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporaryPath = temporaryPathFor(path);
  try {
    await using file = await open(temporaryPath, "wx");
    await write(file);
    await file.sync();
    await link(temporaryPath, path);
  } finally {
    await rm(temporaryPath, { force: true });
  }
  await syncFolder(dirname(path));
}

async function statOf(path: string): Promise<Omit<ObjectInfo, "key"> | undefined> {
  try {
    const info = await stat(path);
    return info.isFile()
      ? { sizeBytes: info.size, modifiedMs: Math.trunc(info.mtimeMs) }
      : undefined;
  } catch (error) {
    const failure = WaybillError.from(error);
    // ENOTDIR: a longer key of a name that is an object.
    if (failure.code === "not_found" || failure.code === "invalid_argument") return undefined;
    throw failure;
  }
}

async function openToRead(path: string, key: string, root: string): Promise<FileHandle> {
  if ((await statOf(path)) === undefined) throw missing(key, root);
  try {
    // Without O_NONBLOCK a FIFO that took the file's place would hang the open.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw WaybillError.from(error);
  }
}

async function* walk(
  root: string,
  folderKey: string,
  prefix: string,
  leftoversBeforeMs: number,
): AsyncGenerator<ObjectInfo> {
  const entries = await readdir(join(root, folderKey), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException): Dirent[] => {
      if (error.code === "ENOENT") return [];
      throw WaybillError.from(error);
    },
  );
  const keys = new Map(
    entries.map((entry) => [folderKey + entry.name + (entry.isDirectory() ? "/" : ""), entry]),
  );
  for (const key of [...keys.keys()].sort(compareKeys)) {
    const entry = keys.get(key);
    if (entry === undefined) continue;
    if (entry.isDirectory()) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) {
        yield* walk(root, key, prefix, leftoversBeforeMs);
      }
    } else if (entry.isFile()) {
      const info = await statOf(join(root, key));
      if (info === undefined) continue;
      if (isTemporaryName(entry.name)) {
        if (info.modifiedMs < leftoversBeforeMs) await rm(join(root, key), { force: true });
      } else if (key.startsWith(prefix)) {
        yield { key, ...info };
      }
    }
  }
}

async function* chunksOf(
  content: Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}

function missing(key: string, root: string): WaybillError {
  return new WaybillError("not_found", `No object "${key}" in the store "${root}".`);
}

function taken(key: string, root: string): WaybillError {
  return new WaybillError("already_exists", `The store "${root}" has an object "${key}" already.`);
}
