import { open, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WaybillError } from "../foundation/index.ts";

const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";

/** What lies at a path where a database is to be opened. */
export type FileState = "absent" | "empty" | "database";

/** A path or a `file:` URL as a path. Query parameters of the URL are not ours to obey. */
export function databasePath(pathOrUrl: string): string {
  if (!pathOrUrl.startsWith("file:")) return pathOrUrl;
  const bare = pathOrUrl.split(/[?#]/, 1)[0] ?? pathOrUrl;
  // SQLite takes `file:name.db` as a relative path, which no URL parser does.
  return bare.startsWith("file:/") ? fileURLToPath(bare) : decodeURIComponent(bare.slice(5));
}

/**
 * Looks at a database file before SQLite does, which would report a cut-off file only when it reads
 * the missing page, and might write a journal beside it first.
 * @throws `data_loss` when the file is not an SQLite database or is shorter than its header says
 */
export async function inspectFile(path: string): Promise<FileState> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw WaybillError.from(error);
  });
  if (info === undefined) return "absent";
  if (!info.isFile()) {
    throw new WaybillError("invalid_argument", `"${path}" is not a file.`, {
      hint: "Give the path of a database file.",
    });
  }
  if (info.size === 0) return "empty";
  const header = await readHeader(path);
  if (header.subarray(0, MAGIC.length).toString("latin1") !== MAGIC) {
    throw new WaybillError("data_loss", `"${path}" is not an SQLite database.`, {
      hint: "Check the path. If it was a database, restore it from a copy.",
    });
  }
  const needed = expectedSize(header);
  const hasJournal = await Promise.all(
    ["-wal", "-journal"].map((suffix) => stat(path + suffix).catch(() => undefined)),
  ).then((found) => found.some((file) => file !== undefined && file.size > 0));
  // With a journal beside it the file may rightly be shorter: SQLite recovers it when it opens it.
  if (needed > info.size && !hasJournal) {
    throw new WaybillError(
      "data_loss",
      `Database "${path}" is cut off: it has ${info.size} bytes of ${needed}.`,
      { hint: "Restore the file from a copy; nothing was written to it." },
    );
  }
  return "database";
}

async function readHeader(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw WaybillError.from(error);
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

/** Size in bytes that the header promises; 0 when an old SQLite wrote last and it is not known. */
function expectedSize(header: Buffer): number {
  // Source: sqlite.org/fileformat2.html, 1.3: page size at 16 (1 means 65536), change counter at 24,
  // page count at 28, which holds only when "version valid for" at 92 equals the change counter.
  const stored = header.readUInt16BE(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  return header.readUInt32BE(24) === header.readUInt32BE(92)
    ? header.readUInt32BE(28) * pageSize
    : 0;
}
