import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { WaybillError } from "../../foundation/index.ts";

/**
 * Checks that a folder's `data.mdb` may be mapped into memory. A file that is shorter than its own tables
 * say ends the process with a bus error on the first page that is missing, so that is found out here.
 * No file, or an empty one, is a new store. What lies inside pages is not checked.
 * @throws `data_loss`
 * Source: LMDB's mdb.c as shipped with lmdb 3.5 (data version 2): page header, MDB_meta, MDB_node.
 */
export async function checkLmdbFile(folder: string): Promise<void> {
  const path = join(folder, "data.mdb");
  const file = await open(path, "r").catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    await checkPages(path, file);
  } finally {
    await file.close();
  }
}

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const PAGE_HEADER_BYTES = 24;
const META_BYTES = PAGE_HEADER_BYTES + 136;
/** The least page size LMDB takes; the second meta page lies one page after the first. */
const PAGE_BYTES_MIN = 256;
const NO_PAGE = 0xffffffffffffffffn;
const FLAG = { branch: 0x01, leaf: 0x02, overflowData: 0x01 } as const;

interface Meta {
  readonly pageBytes: number;
  /** Roots of the free list and of the data; absent where they are empty. */
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

async function checkPages(path: string, file: FileHandle): Promise<void> {
  const first = await readMeta(file, 0);
  if (first === "empty") return;
  const second = first === undefined ? undefined : await readMeta(file, first.pageBytes);
  if (first === undefined || second === undefined || second === "empty") {
    throw new WaybillError("data_loss", `"${path}" is no LMDB file.`, { hint: REBUILD });
  }
  const current = first.transaction > second.transaction ? first : second;
  const { size } = await file.stat();
  // LMDB writes no page that was freed in the transaction that took it, so the file may end early.
  if (BigInt(size) >= (current.lastPage + 1n) * BigInt(current.pageBytes)) return;
  const pageCount = BigInt(Math.floor(size / current.pageBytes));
  for (const root of current.roots) {
    if (await reaches(file, current.pageBytes, root, pageCount)) continue;
    throw new WaybillError("data_loss", `"${path}" is cut short: pages of it are missing.`, {
      hint: REBUILD,
    });
  }
}

const REBUILD = "Remove the folder and materialize its views again.";

async function readMeta(file: FileHandle, offset: number): Promise<Meta | "empty" | undefined> {
  const bytes = Buffer.alloc(META_BYTES);
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, offset);
  if (bytesRead === 0 && offset === 0) return "empty";
  if (bytesRead < META_BYTES) return undefined;
  const meta = bytes.subarray(PAGE_HEADER_BYTES);
  if (meta.readUInt32LE(0) !== MAGIC || (meta.readUInt32LE(4) & 0xffff) !== DATA_VERSION) {
    return undefined;
  }
  // After magic, version, address and map size come two tables of 48 bytes: the free list, whose first
  // field is the page size, and the data; the root is the last field of each.
  const pageBytes = meta.readUInt32LE(24);
  if (pageBytes < PAGE_BYTES_MIN) return undefined;
  return {
    pageBytes,
    roots: [meta.readBigUInt64LE(64), meta.readBigUInt64LE(112)].filter((root) => root !== NO_PAGE),
    lastPage: meta.readBigUInt64LE(120),
    transaction: meta.readBigUInt64LE(128),
  };
}

/** Whether all pages that a tree refers to lie within the file. */
async function reaches(
  file: FileHandle,
  pageBytes: number,
  root: bigint,
  pageCount: bigint,
): Promise<boolean> {
  const page = Buffer.alloc(pageBytes);
  const pending = [root];
  for (let number = pending.pop(); number !== undefined; number = pending.pop()) {
    if (number >= pageCount) return false;
    await file.read(page, 0, pageBytes, Number(number) * pageBytes);
    const flags = page.readUInt16LE(18);
    const nodeCount = page.readUInt16LE(20) >> 1;
    for (let index = 0; index < nodeCount; index++) {
      const slot = PAGE_HEADER_BYTES + index * 2;
      if (slot + 2 > pageBytes) return false;
      const node = PAGE_HEADER_BYTES + page.readUInt16LE(slot);
      if (node + 8 > pageBytes) return false;
      if ((flags & FLAG.branch) !== 0) {
        pending.push(branchTarget(page, node));
      } else if ((flags & FLAG.leaf) !== 0) {
        const end = lastOverflowPage(page, node, pageBytes);
        if (end !== undefined && end >= pageCount) return false;
      }
    }
  }
  return true;
}

/** A branch node keeps the number of its page in the fields that hold size and flags in a leaf. */
function branchTarget(page: Buffer, node: number): bigint {
  return BigInt(page.readUInt32LE(node)) | (BigInt(page.readUInt16LE(node + 4)) << 32n);
}

/** The last page of a value too large for its leaf; undefined for a value that lies in the leaf. */
function lastOverflowPage(page: Buffer, node: number, pageBytes: number): bigint | undefined {
  const flags = page.readUInt16LE(node + 4);
  if ((flags & FLAG.overflowData) === 0) return undefined;
  const keyBytes = page.readUInt16LE(node + 6);
  const data = node + 8 + keyBytes;
  if (data + 8 > pageBytes) return undefined;
  const sizeBytes = page.readUInt32LE(node);
  const count = Math.ceil((sizeBytes + PAGE_HEADER_BYTES) / pageBytes);
  return page.readBigUInt64LE(data) + BigInt(count) - 1n;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
