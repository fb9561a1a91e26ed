import { createHash, hash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryPathFor, WaybillError } from "../foundation/index.ts";
import { type FolderEntry, parseFolderObject } from "./formats/dir-object.ts";
import type { TrackedData } from "./formats/dvc-file.ts";
import type { LinkType, Repo } from "./repo.ts";

/** How a digest was taken; it also decides where in the cache its object lies. */
export type HashName = TrackedData["hashName"];

const READ_CHUNK_BYTES = 1 << 20;
/** Files up to this size are read, hashed and written in one go each. */
const WHOLE_READ_BYTES_MAX = 1 << 20;
const CACHE_MODE = 0o444;
const LEFTOVER_AGE_MS = 24 * 3600 * 1000;

/** The objects of a repository's cache, by their digest. */
export interface Cache {
  readonly folder: string;
  /** Where an object lies, or would lie. */
  pathOf(md5: string, hashName?: HashName): string;
  /** Whether an object is there. */
  has(md5: string, hashName?: HashName): boolean;
  /** Which of many objects are missing; cheaper than asking one by one. */
  missing(md5s: Iterable<string>, hashName?: HashName): string[];
  /**
   * Reads a file once, copying it into the cache under its md5.
   * @returns the md5
   */
  storeFile(path: string, sizeBytes: number, signal?: AbortSignal): Promise<string>;
  /** Stores bytes that are known to have this md5, a folder object for one. */
  storeBytes(md5: string, bytes: Uint8Array | string): void;
  /**
   * Reads a folder object.
   * @throws WaybillError `not_found`, or `data_loss` when its bytes do not have its name
   */
  readFolderObject(md5: string, hashName?: HashName): readonly FolderEntry[];
  /**
   * Puts an object into the workspace by the first link type that works.
   * @returns the type that worked
   */
  link(md5: string, target: string, types: readonly LinkType[], hashName?: HashName): LinkType;
}

/** Opens a repository's cache; nothing is made until something is stored. */
export function openCache(repo: Repo): Cache {
  const folder = repo.cacheFolder;
  const objects = join(folder, "files", "md5");
  const staging = join(folder, ".staging");
  const madeFolders = new Set<string>();
  let canReflink = true;

  function pathOf(md5: string, hashName: HashName = "md5"): string {
    return join(hashName === "md5" ? objects : folder, md5.slice(0, 2), md5.slice(2));
  }

  function has(md5: string, hashName: HashName = "md5"): boolean {
    return statSync(pathOf(md5, hashName), { throwIfNoEntry: false }) !== undefined;
  }

  /** A temporary file's path, on the file system of the cache. */
  function stage(): string {
    if (!madeFolders.has(staging)) {
      makeFolder(staging);
      sweep(staging);
    }
    return temporaryPathFor(join(staging, String(process.pid)));
  }

  function makeFolder(path: string): void {
    if (madeFolders.has(path)) return;
    mkdirSync(path, { recursive: true });
    madeFolders.add(path);
  }

  /** Gives a finished temporary file its name. Whoever had the name before had the same bytes. */
  function publish(temporary: string, md5: string): void {
    const target = pathOf(md5);
    makeFolder(dirname(target));
    renameSync(temporary, target);
  }

  /** Whether an object of this name is there whole. One that was cut short is written again. */
  function isStored(md5: string, sizeBytes: number): boolean {
    return statSync(pathOf(md5), { throwIfNoEntry: false })?.size === sizeBytes;
  }

  function storeBytes(md5: string, bytes: Uint8Array | string): void {
    if (isStored(md5, Buffer.byteLength(bytes))) return;
    const temporary = stage();
    try {
      writeFileSync(temporary, bytes, { flag: "wx", mode: CACHE_MODE });
      publish(temporary, md5);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw WaybillError.from(error);
    }
  }

  /** A copy that shares its blocks with the source, where the file system can. */
  function reflink(source: string, target: string): boolean {
    if (!canReflink) return false;
    try {
      copyFileSync(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      return true;
    } catch {
      rmSync(target, { force: true });
      canReflink = false;
      return false;
    }
  }

  async function storeLargeFile(
    path: string,
    sizeBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const temporary = stage();
    try {
      const isClone = repo.linkTypes[0] === "reflink" && reflink(path, temporary);
      const md5 = await readThrough(isClone ? temporary : path, {
        ...(isClone ? {} : { copyTo: temporary }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (isStored(md5, sizeBytes)) {
        rmSync(temporary, { force: true });
      } else {
        chmodSync(temporary, CACHE_MODE);
        publish(temporary, md5);
      }
      return md5;
    } catch (error) {
      rmSync(temporary, { force: true });
      throw WaybillError.from(error);
    }
  }

  return {
    folder,
    pathOf,
    has,

    missing(md5s, hashName = "md5") {
      const wanted = [...new Set(md5s)];
      const base = hashName === "md5" ? objects : folder;
      const prefixes = new Set(wanted.map((md5) => md5.slice(0, 2)));
      if (wanted.length < prefixes.size * 4) return wanted.filter((md5) => !has(md5, hashName));
      const present = new Set<string>();
      for (const prefix of prefixes) {
        for (const name of namesIn(join(base, prefix))) present.add(prefix + name);
      }
      return wanted.filter((md5) => !present.has(md5));
    },

    async storeFile(path, sizeBytes, signal) {
      if (sizeBytes > WHOLE_READ_BYTES_MAX) return storeLargeFile(path, sizeBytes, signal);
      let bytes: Uint8Array;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        throw WaybillError.from(error);
      }
      const md5 = hash("md5", bytes, "hex");
      storeBytes(md5, bytes);
      return md5;
    },

    storeBytes,

    readFolderObject(md5, hashName = "md5") {
      let text: string;
      try {
        text = readFileSync(pathOf(md5, hashName), "utf8");
      } catch (error) {
        const failure = WaybillError.from(error);
        if (failure.code !== "not_found") throw failure;
        throw missingObject(md5);
      }
      const digest = `${hash("md5", text, "hex")}.dir`;
      if (hashName === "md5" && digest !== md5) throw damagedObject(md5, digest);
      return parseFolderObject(text, md5);
    },

    link(md5, target, types, hashName = "md5") {
      const source = pathOf(md5, hashName);
      const size = statSync(source, { throwIfNoEntry: false })?.size;
      if (size === undefined) throw missingObject(md5);
      const temporary = temporaryPathFor(target);
      try {
        mkdirSync(dirname(target), { recursive: true });
        const type = types.find((candidate) => {
          // Many links to one empty file would soon reach the file system's limit of links.
          if (candidate === "hardlink" && size === 0) return false;
          return makeLink(source, temporary, candidate, reflink);
        });
        if (type === undefined) copyPrivate(source, temporary);
        renameSync(temporary, target);
        return type ?? "copy";
      } catch (error) {
        rmSync(temporary, { force: true });
        throw WaybillError.from(error);
      }
    },
  };
}

/** The error for an object that the cache does not have. */
export function missingObject(md5: string): WaybillError {
  return new WaybillError("not_found", `The cache has no object ${md5}.`, {
    hint: 'Fetch it from a remote ("waybill fetch"), or add the data again.',
  });
}

/** The error for an object whose bytes are not those that its name says. */
export function damagedObject(md5: string, digest: string): WaybillError {
  return new WaybillError(
    "data_loss",
    `The cache object ${md5} is damaged: its bytes have the digest ${digest}.`,
    { hint: "Remove it and fetch it again from a remote, or add the data again." },
  );
}

/**
 * The digest of a file, taken as `hashName` says, in constant memory.
 * @throws WaybillError when the file cannot be read
 */
export async function digestWorkspaceFile(
  path: string,
  sizeBytes: number,
  hashName: HashName,
  signal?: AbortSignal,
): Promise<string> {
  try {
    if (hashName === "md5-dos2unix") return digestLegacy(path);
    if (sizeBytes <= WHOLE_READ_BYTES_MAX) return hash("md5", readFileSync(path), "hex");
    return await readThrough(path, signal === undefined ? {} : { signal });
  } catch (error) {
    throw WaybillError.from(error);
  }
}

/** Reads a file once for its md5, writing what it reads; the next read runs while this one is hashed. */
async function readThrough(
  path: string,
  options: { readonly copyTo?: string; readonly signal?: AbortSignal },
): Promise<string> {
  const hasher = createHash("md5");
  await using source = await open(path, "r");
  await using target =
    options.copyTo === undefined ? undefined : await open(options.copyTo, "wx", 0o600);
  let spare = Buffer.allocUnsafe(READ_CHUNK_BYTES);
  let pendingWrite: Promise<unknown> = Promise.resolve();
  let pendingRead = source.read(Buffer.allocUnsafe(READ_CHUNK_BYTES), 0, READ_CHUNK_BYTES);
  for (;;) {
    options.signal?.throwIfAborted();
    const { bytesRead, buffer } = await pendingRead;
    if (bytesRead === 0) break;
    await pendingWrite;
    pendingRead = source.read(spare, 0, READ_CHUNK_BYTES);
    spare = buffer;
    const chunk = buffer.subarray(0, bytesRead);
    pendingWrite = target?.writeFile(chunk) ?? Promise.resolve();
    hasher.update(chunk);
  }
  await pendingWrite;
  return hasher.digest("hex");
}

/**
 * dvc 2's digest: in a file that looks like text, CRLF counts as LF. A file looks like text when its first
 * 512 bytes hold no NUL and at most 30% of bytes outside printable ASCII and white space.
 */
function digestLegacy(path: string): string {
  const file = openSync(path, "r");
  try {
    const hasher = createHash("md5");
    const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
    let isText: boolean | undefined;
    let heldReturn = false;
    for (;;) {
      const bytesRead = readSync(file, buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const chunk = buffer.subarray(0, bytesRead);
      isText ??= looksLikeText(chunk.subarray(0, 512));
      if (!isText) {
        hasher.update(chunk);
        continue;
      }
      const text: Buffer = heldReturn ? Buffer.concat([CARRIAGE_RETURN, chunk]) : chunk;
      heldReturn = text.at(-1) === 13;
      const whole = heldReturn ? text.subarray(0, -1) : text;
      hasher.update(whole.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    }
    if (heldReturn) hasher.update(CARRIAGE_RETURN);
    return hasher.digest("hex");
  } finally {
    closeSync(file);
  }
}

const CARRIAGE_RETURN = Buffer.from("\r");
/** Backspace, tab, line feed, form feed, carriage return. */
const TEXT_CONTROLS: ReadonlySet<number> = new Set([8, 9, 10, 12, 13]);

function looksLikeText(head: Uint8Array): boolean {
  let odd = 0;
  for (const byte of head) {
    if (byte === 0) return false;
    if (!(byte >= 32 && byte <= 126) && !TEXT_CONTROLS.has(byte)) odd += 1;
  }
  return odd / Math.max(head.length, 1) <= 0.3;
}

function makeLink(
  source: string,
  target: string,
  type: LinkType,
  reflink: (source: string, target: string) => boolean,
): boolean {
  try {
    if (type === "reflink") {
      if (!reflink(source, target)) return false;
      chmodSync(target, 0o666 & ~process.umask());
    } else if (type === "hardlink") linkSync(source, target);
    else if (type === "symlink") symlinkSync(source, target);
    else copyPrivate(source, target);
    return true;
  } catch (error) {
    rmSync(target, { force: true });
    if (type === "copy") throw error;
    return false;
  }
}

/** A writable copy: large ones are left to the kernel, for small ones that would cost more calls. */
function copyPrivate(source: string, target: string): void {
  const size = statSync(source).size;
  if (size <= WHOLE_READ_BYTES_MAX) {
    writeFileSync(target, readFileSync(source), { flag: "wx" });
    return;
  }
  copyFileSync(source, target, constants.COPYFILE_EXCL);
  chmodSync(target, 0o666 & ~process.umask());
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Removes what killed processes left in the staging folder. */
function sweep(staging: string): void {
  for (const name of namesIn(staging)) {
    const path = join(staging, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (info !== undefined && info.mtimeMs < Date.now() - LEFTOVER_AGE_MS) {
      rmSync(path, { force: true });
    }
  }
}
