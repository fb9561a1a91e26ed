import { closeSync, openSync, readSync } from "node:fs";
import { WaybillError } from "../../foundation/index.ts";
import { blockingOutput, readSome, writeAll } from "./descriptors.ts";
import { type Cleaned, hasObject, objectPath, startClean } from "./objects.ts";
import { type PathFilter, pathFilter, patternsOf } from "./path-filter.ts";
import { POINTER_BYTES_LIMIT, type Pointer, parsePointer, printPointer } from "./pointer.ts";
import type { LfsRepository } from "./repository.ts";
import { downloadObjects, type TransferOptions } from "./transfer.ts";

const CHUNK_BYTES = 960 << 10;

/**
 * Git's clean filter for one file: content from one descriptor, its pointer to the other.
 * Extensions that the settings name (`lfs.extension.*`) are not run; with them it refuses.
 */
export function clean(repository: LfsRepository, input: number, output: number): Cleaned {
  refuseExtensions(repository);
  const cleaner = startClean(repository);
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    for (let count = readSome(input, buffer); count > 0; count = readSome(input, buffer)) {
      cleaner.push(buffer.subarray(0, count));
    }
  } catch (error) {
    cleaner.abandon();
    throw WaybillError.from(error);
  }
  const cleaned = cleaner.finish();
  writeAll(output, cleaned.bytes);
  return cleaned;
}

/** What a smudge needs to know besides the pointer. */
export interface SmudgeOptions extends TransferOptions {
  /** Leaves pointers as they are; so does GIT_LFS_SKIP_SMUDGE=1. */
  readonly skip?: boolean;
  /** The file's path in the repository, for `lfs.fetchinclude` and `lfs.fetchexclude`. */
  readonly path?: string;
}

/**
 * Git's smudge filter for one file: a pointer from one descriptor, its object's bytes to the other. What is no
 * pointer passes through. An object that is not here is downloaded.
 * @throws WaybillError `not_found` and others when it cannot be had
 */
export async function smudge(
  repository: LfsRepository,
  input: number,
  output: number,
  options: SmudgeOptions = {},
): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let size = 0;
  while (size < POINTER_BYTES_LIMIT) {
    const count = readSome(input, buffer.subarray(size));
    if (count === 0) break;
    size += count;
  }
  using out = blockingOutput(output);
  const head = buffer.subarray(0, size);
  const pointer = parsePointer(head);
  if (pointer === undefined) {
    writeAll(out.descriptor, head);
    for (let count = readSome(input, buffer); count > 0; count = readSome(input, buffer)) {
      writeAll(out.descriptor, buffer.subarray(0, count));
    }
    return;
  }
  if (isSkipped(repository, options)) {
    writeAll(out.descriptor, Buffer.from(printPointer(pointer)));
    return;
  }
  await ensureObject(repository, pointer, options);
  for (const chunk of readObjectSync(repository, pointer)) writeAll(out.descriptor, chunk);
}

/** Whether pointers stay pointers: by option, by environment, or by the path's settings. */
export function isSkipped(
  repository: LfsRepository,
  { skip = false, path }: SmudgeOptions,
): boolean {
  if (skip || isSkipSmudgeSet()) return true;
  return path !== undefined && !fetchFilter(repository)(path);
}

/** The paths that `lfs.fetchinclude` and `lfs.fetchexclude` want. */
export function fetchFilter(
  repository: LfsRepository,
  include?: readonly string[],
  exclude?: readonly string[],
): PathFilter {
  const { config } = repository;
  return pathFilter(
    include ?? patternsOf(config.get("lfs.fetchinclude")),
    exclude ?? patternsOf(config.get("lfs.fetchexclude")),
  );
}

/**
 * Makes sure that a pointer's object is here.
 * @throws WaybillError `not_found` and others when it cannot be had
 */
export async function ensureObject(
  repository: LfsRepository,
  pointer: Pointer,
  options: TransferOptions = {},
): Promise<void> {
  refuseExtensionsOf(pointer);
  if (pointer.size === 0 || hasObject(repository, pointer.oid, pointer.size)) return;
  const { failed } = await downloadObjects(repository, [pointer], options);
  const [failure] = failed;
  if (failure !== undefined) throw failure.error;
}

/** An object's bytes in chunks, each valid until the next. */
export function* readObjectSync(
  repository: LfsRepository,
  { oid, size }: Pointer,
): Generator<Uint8Array> {
  if (size === 0) return;
  const file = openSync(objectPath(repository, oid), "r");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size));
    for (let at = 0; at < size; ) {
      const count = readSync(file, buffer, 0, buffer.length, at);
      if (count === 0) throw new WaybillError("data_loss", `The object ${oid} was cut short.`);
      at += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    closeSync(file);
  }
}

/** @throws WaybillError `unimplemented` when the settings name programs to filter content by */
export function refuseExtensions(repository: LfsRepository): void {
  const name = [...repository.config.all.keys()].find((key) => /^lfs\.extension\./u.test(key));
  if (name === undefined) return;
  throw new WaybillError("unimplemented", `The setting ${name} names an extension; none are run.`, {
    hint: "Remove the setting, or use git-lfs for this repository.",
  });
}

function refuseExtensionsOf({ oid, extensions }: Pointer): void {
  const [first] = extensions;
  if (first === undefined) return;
  const message = `The object ${oid} was made by the extension "${first.name}"; none are run.`;
  throw new WaybillError("unimplemented", message, {
    hint: "Use git-lfs for files that were stored through an extension.",
  });
}

function isSkipSmudgeSet(): boolean {
  const value = process.env["GIT_LFS_SKIP_SMUDGE"]?.toLowerCase() ?? "";
  return !["", "0", "false", "no", "off"].includes(value);
}
