import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file so that a reader, or a kill at any instant, sees the old content or the new:
 * temporary file in the same folder, fsync, rename, fsync of the folder. Makes missing folders.
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string,
): Promise<void> {
  await publishFile(path, (file) => file.writeFile(content));
}

/**
 * As {@link writeFileAtomically}, for content that is streamed: `write` fills the open temporary
 * file, and only when it returns does the file appear at `path`. A throw leaves nothing behind.
 */
export async function publishFile<T>(
  path: string,
  write: (file: FileHandle, temporaryPath: string) => Promise<T>,
): Promise<T> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporaryPath = temporaryPathFor(path);
  const file = await open(temporaryPath, "wx");
  try {
    const result = await write(file, temporaryPath);
    await file.sync();
    await file.close();
    await rename(temporaryPath, path);
    await syncFolder(folder);
    return result;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporaryPath, { force: true });
    throw error;
  }
}

/** A fresh name beside `path`, hidden and marked, so that a sweep can tell leftovers from data. */
export function temporaryPathFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

/** Makes a rename in `folder` durable. Systems that cannot sync a folder are left as they are. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync();
  } catch {
    // Windows refuses to sync folders; the rename is then as durable as the system makes it.
  } finally {
    await handle.close();
  }
}
