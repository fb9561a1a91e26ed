import { lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { WaybillError } from "../foundation/index.ts";

/** What can be put into the lake: a path of this machine, bytes, or a stream of bytes. */
export type LakeSource = string | Uint8Array | AsyncIterable<Uint8Array>;

/** One file to put. */
export interface SourceFile {
  /** The name in the lake. */
  readonly name: string;
  /** Where the bytes come from, for the record: a URL, or undefined. */
  readonly source: string | undefined;
  readonly originalName: string | undefined;
  /** Known in advance for local files. */
  readonly sizeBytes: number | undefined;
  /** Whether `read` may be called again. */
  readonly isRepeatable: boolean;
  read(): AsyncIterable<Uint8Array>;
}

const READ_CHUNK_BYTES = 1 << 20;

/**
 * The files that a source stands for: one, or those of a folder, recursively, by name.
 * @param name the name in the lake; for a path its base name by default
 * @throws WaybillError `not_found`, `permission_denied` for a link in a folder that leads out of it,
 *   `invalid_argument` for what is neither file nor folder or needs a name
 */
export async function filesOf(source: LakeSource, name: string | undefined): Promise<SourceFile[]> {
  if (typeof source !== "string") {
    if (name === undefined) {
      throw new WaybillError("invalid_argument", "Bytes that come from no file need a name.");
    }
    return [streamed(source, name)];
  }
  const path = resolve(source);
  const lakeName = name ?? basename(path);
  const info = await statOf(path);
  if (info.isDirectory()) return filesOfFolder(path, lakeName);
  return [await localFile(path, lakeName)];
}

function streamed(source: Uint8Array | AsyncIterable<Uint8Array>, name: string): SourceFile {
  return {
    name,
    source: undefined,
    originalName: undefined,
    sizeBytes: source instanceof Uint8Array ? source.length : undefined,
    isRepeatable: source instanceof Uint8Array,
    async *read() {
      if (source instanceof Uint8Array) yield source;
      else yield* source;
    },
  };
}

async function localFile(path: string, name: string): Promise<SourceFile> {
  const info = await statOf(path);
  if (!info.isFile()) {
    throw new WaybillError("invalid_argument", `"${path}" is neither a file nor a folder.`, {
      hint: "Pipes and devices can be put as a stream.",
    });
  }
  return {
    name,
    source: pathToFileURL(path).href,
    originalName: basename(path),
    sizeBytes: info.size,
    isRepeatable: true,
    read: () => readFileInChunks(path),
  };
}

async function filesOfFolder(folder: string, name: string): Promise<SourceFile[]> {
  const root = await realpath(folder);
  const files: SourceFile[] = [];
  const pending = [{ path: folder, name }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of await namesOf(next.path)) {
      const path = join(next.path, entry);
      const inLake = `${next.name}/${entry}`;
      const info = await lstatOf(path);
      if (info.isDirectory()) {
        pending.push({ path, name: inLake });
        continue;
      }
      if (info.isSymbolicLink()) {
        const real = await realpathOf(path);
        if (real !== root && !real.startsWith(root + sep)) {
          throw new WaybillError(
            "permission_denied",
            `The link "${path}" leads out of "${folder}".`,
            {
              hint: "Copy the file into the folder, or put it by its own path.",
            },
          );
        }
        // The files behind a link to a folder are put under their own names already.
        if ((await statOf(path)).isDirectory()) continue;
      }
      files.push(await localFile(path, inLake));
    }
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function* readFileInChunks(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r").catch((error: unknown) => {
    throw WaybillError.from(error);
  });
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function asOurs(error: unknown): never {
  throw WaybillError.from(error);
}

function statOf(path: string) {
  return stat(path).catch(asOurs);
}

function lstatOf(path: string) {
  return lstat(path).catch(asOurs);
}

function realpathOf(path: string) {
  return realpath(path).catch(asOurs);
}

function namesOf(folder: string) {
  return readdir(folder).catch(asOurs);
}
