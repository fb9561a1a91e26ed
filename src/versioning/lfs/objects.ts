import { createHash, type Hash, hash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import { writeAll } from "./descriptors.ts";
import { isOid, POINTER_BYTES_LIMIT, parsePointer, printPointer } from "./pointer.ts";
import type { LfsRepository } from "./repository.ts";

/** Content up to here is kept in memory until its name is known; beyond it goes to a temporary file. */
const MEMORY_BYTES_MAX = 1 << 20;

/**
 * Where an object lies, as git-lfs lays them: `objects/ab/cd/OID`.
 * @throws WaybillError `invalid_argument` for what is no id, so that no name can leave the folder
 */
export function objectPath(repository: LfsRepository, oid: string): string {
  if (!isOid(oid)) {
    throw new WaybillError("invalid_argument", `${JSON.stringify(oid)} is no object id.`);
  }
  return join(repository.storage, "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
}

/** Whether an object is here with its size. Whether its bytes are right is for `fsck` to say. */
export function hasObject(repository: LfsRepository, oid: string, size: number): boolean {
  const info = statSync(objectPath(repository, oid), { throwIfNoEntry: false });
  return info?.isFile() === true && info.size === size;
}

/** A name for a file of this process below the repository's LFS folder, where git-lfs has its own. */
export function temporaryPath(repository: LfsRepository): string {
  const folder = join(repository.storage, "tmp");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${process.pid}-${randomBytes(6).toString("hex")}`);
}

/**
 * Gives a finished temporary file its object's name. Two processes that store one object both succeed.
 * There is no fsync: the objects are a cache, checked by size whenever used and by hash by `fsck`.
 */
export function adoptObject(repository: LfsRepository, oid: string, temporary: string): void {
  const path = objectPath(repository, oid);
  mkdirSync(dirname(path), { recursive: true });
  renameSync(temporary, path);
}

/** Takes an object of another repository on this machine: a hard link where it can be, else a copy. */
export function linkObject(repository: LfsRepository, oid: string, source: string): void {
  const path = objectPath(repository, oid);
  mkdirSync(dirname(path), { recursive: true });
  try {
    linkSync(source, path);
  } catch (error) {
    const { code } = WaybillError.from(error);
    if (code === "already_exists" && existsSync(path)) return;
    copyObject(repository, oid, source);
  }
}

function copyObject(repository: LfsRepository, oid: string, source: string): void {
  const temporary = temporaryPath(repository);
  const from = openSync(source, "r");
  const to = openSync(temporary, "wx");
  try {
    const buffer = Buffer.allocUnsafe(MEMORY_BYTES_MAX);
    for (;;) {
      const count = readSync(from, buffer);
      if (count === 0) break;
      writeAll(to, buffer.subarray(0, count));
    }
    closeSync(to);
    adoptObject(repository, oid, temporary);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw WaybillError.from(error);
  } finally {
    closeSync(from);
  }
}

/** What content turns into when it is cleaned. */
export interface Cleaned {
  /** What git is to store: the pointer, or the content itself when it already was one. */
  readonly bytes: Uint8Array;
  /** The object's id, or undefined when the content was a pointer or empty. */
  readonly oid: string | undefined;
}

/** Takes content chunk by chunk, stores it as an object and gives its pointer. */
export interface Cleaner {
  push(chunk: Uint8Array): void;
  finish(): Cleaned;
  /** Throws away what came so far. */
  abandon(): void;
}

/**
 * Starts to clean one file. Content that is a pointer already passes through as it is, and so does none.
 * Working without promises is what makes thousands of small files quick.
 */
export function startClean(repository: LfsRepository): Cleaner {
  let chunks: Uint8Array[] = [];
  let size = 0;
  let hasher: Hash | undefined;
  let file: number | undefined;
  let temporary = "";

  function spill(): void {
    hasher ??= createHash("sha256");
    if (file === undefined) {
      temporary = temporaryPath(repository);
      file = openSync(temporary, "wx");
    }
    for (const chunk of chunks) {
      hasher.update(chunk);
      writeAll(file, chunk);
    }
    chunks = [];
  }

  function abandon(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
    if (temporary !== "") rmSync(temporary, { force: true });
  }

  return {
    push(chunk) {
      size += chunk.length;
      if (file === undefined) chunks.push(Buffer.from(chunk));
      else chunks = [chunk];
      if (file !== undefined || size > MEMORY_BYTES_MAX) spill();
    },
    finish() {
      try {
        if (size < POINTER_BYTES_LIMIT) {
          const content = Buffer.concat(chunks);
          const isPointer = size === 0 || parsePointer(content) !== undefined;
          if (isPointer) return { bytes: content, oid: undefined };
        }
        const content = file === undefined ? Buffer.concat(chunks) : undefined;
        const oid = content === undefined ? (hasher?.digest("hex") ?? "") : hash("sha256", content);
        if (file !== undefined) closeSync(file);
        file = undefined;
        if (hasObject(repository, oid, size)) {
          if (temporary !== "") rmSync(temporary, { force: true });
        } else {
          if (content !== undefined) {
            temporary = temporaryPath(repository);
            writeFileSync(temporary, content, { flag: "wx" });
          }
          adoptObject(repository, oid, temporary);
        }
        return { bytes: Buffer.from(printPointer({ oid, size, extensions: [] })), oid };
      } catch (error) {
        abandon();
        throw WaybillError.from(error);
      }
    },
    abandon,
  };
}
