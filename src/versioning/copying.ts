import { createHash, hash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  cpSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { temporaryPathFor, WaybillError } from "../foundation/index.ts";
import type { TrackedData } from "./formats/dvc-file.ts";
import type { LinkType } from "./repo.ts";

/** How a digest was taken; it also decides where in the cache its object lies. */
export type HashName = TrackedData["hashName"];

/** Files up to this size are read, hashed and written in one go each. */
export const WHOLE_READ_BYTES_MAX = 1 << 20;
/** Asking for the umask means setting it for a moment, so it is asked for once. */
export const UMASK = process.umask();

const READ_CHUNK_BYTES = 1 << 20;

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
    if (sizeBytes <= WHOLE_READ_BYTES_MAX) return hash("md5", readWhole(path, sizeBytes), "hex");
    return await readThrough(path, signal === undefined ? {} : { signal });
  } catch (error) {
    throw WaybillError.from(error);
  }
}

/** Small files are read here, so that a million of them need one buffer. */
const scratch = Buffer.allocUnsafe((64 << 10) + 1);

/**
 * Reads a file whose size is known, in as few calls as can be. The bytes hold until the next call.
 * @param sizeBytes as it was when last looked at; a file that has grown or shrunk since is read as it is
 */
export function readWhole(path: string, sizeBytes: number): Uint8Array {
  if (sizeBytes >= scratch.length) return readFileSync(path);
  const file = openSync(path, "r");
  try {
    const bytesRead = readSync(file, scratch, 0, sizeBytes + 1, 0);
    if (bytesRead === sizeBytes) return scratch.subarray(0, bytesRead);
  } finally {
    closeSync(file);
  }
  return readFileSync(path);
}

/** Reads a file once for its md5, writing what it reads; the next read runs while this one is hashed. */
export async function readThrough(
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

/** Makes a link of one type; false where the file system cannot. */
export function makeLink(
  source: string,
  target: string,
  type: Exclude<LinkType, "copy">,
  reflink: (source: string, target: string) => boolean,
): boolean {
  try {
    if (type === "hardlink") linkSync(source, target);
    else if (type === "symlink") symlinkSync(source, target);
    else if (reflink(source, target)) chmodSync(target, 0o666 & ~UMASK);
    else return false;
    return true;
  } catch {
    rmSync(target, { force: true });
    return false;
  }
}

/** Copies a file to a new, writable one; gives the md5 of what was copied. */
export async function copyWithDigest(
  source: string,
  target: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (size <= WHOLE_READ_BYTES_MAX) {
    const bytes = readWhole(source, size);
    writeFileSync(target, bytes, { flag: "wx" });
    return hash("md5", bytes, "hex");
  }
  const md5 = await readThrough(source, {
    copyTo: target,
    ...(signal === undefined ? {} : { signal }),
  });
  chmodSync(target, 0o666 & ~UMASK);
  return md5;
}

/** Renames a finished file into the workspace, which may lie on another file system. */
export function moveInto(temporary: string, target: string): void {
  try {
    renameSync(temporary, target);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
    const beside = temporaryPathFor(target);
    cpSync(temporary, beside, { verbatimSymlinks: true, mode: constants.COPYFILE_EXCL });
    renameSync(beside, target);
    rmSync(temporary, { force: true });
  }
}
