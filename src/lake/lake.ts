import { createHash, randomUUID } from "node:crypto";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { Artifact_State } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import {
  listRefs,
  type MetadataStore,
  propertiesOf,
  readRef,
  type Step,
} from "../metadata/index.ts";
import type { ObjectStore } from "../storage/index.ts";
import { type Content, digestOf, HashingReader } from "./content.ts";
import { artifactName, checkName, objectKey, REF_PREFIX } from "./names.ts";
import { filesOf, type LakeSource, type SourceFile } from "./source.ts";

/** The artifact type of a file in the lake. */
export const RAW_FILE = "RawFile";

/** One version of a file in the lake. */
export interface LakeFile {
  readonly name: string;
  /** Counts from 1; a name's latest version is its head. */
  readonly version: bigint;
  /** Hex; also what the object is called. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** By the first bytes and the name. */
  readonly mediaType: string;
  /** A URL, where one is known. */
  readonly source: string | undefined;
  readonly originalName: string | undefined;
  readonly tags: readonly string[];
  readonly description: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  /** Where the bytes are. */
  readonly uri: string;
  readonly artifact: Artifact;
}

/** What putting one file came to. */
export interface PutFile {
  readonly name: string;
  readonly version: bigint;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** True when the name's head has these bytes already: nothing was stored, nothing is recorded. */
  readonly isReused: boolean;
  /** The head's artifact when reused, else the one that the step records. */
  readonly artifact: Artifact;
}

export interface PutOptions {
  /** The name in the lake; for a path its base name by default. A folder's files are below it. */
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly description?: string;
  /** Where a stream came from, a URL; paths say it themselves. */
  readonly source?: string;
}

export interface VersionOption {
  /** The head by default. */
  readonly version?: bigint | undefined;
}

export interface LakeOptions {
  readonly store: ObjectStore;
  readonly metadata: MetadataStore;
  /** Tells what a killed put left behind long ago from what is still being written. */
  readonly clock?: Clock;
}

/** The raw zone: files as they came, immutable, named by their content, catalogued in the metadata store. */
export interface Lake {
  /**
   * Stores a file, a folder's files, bytes or a stream, each read once and in constant memory, as new
   * versions of their names; the heads move when the step closes, all or none.
   * @returns one entry a file, by name; equal bytes are reported as reused
   * @throws WaybillError `invalid_argument` for a name that does not stay in the lake
   */
  put(step: Step, source: LakeSource, options?: PutOptions): Promise<readonly PutFile[]>;
  /** The heads of names that start with `prefix`, by name. */
  list(prefix?: string): Promise<readonly LakeFile[]>;
  /** @throws WaybillError `not_found` */
  describe(name: string, options?: VersionOption): Promise<LakeFile>;
  /** Every version of a name that is known, the latest first. */
  versions(name: string): Promise<readonly LakeFile[]>;
  /**
   * Streams a file's bytes. The size is checked before the first byte, the digest behind the last: a stream
   * that ends without an error was the file.
   * @throws WaybillError `not_found`, `data_loss`
   */
  open(
    name: string,
    options?: VersionOption & { readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /**
   * The path of a file's bytes on this machine, for engines; undefined when the store is elsewhere.
   * @throws WaybillError `not_found`, `data_loss` when the object is not of the recorded size
   */
  localPath(name: string, options?: VersionOption): Promise<string | undefined>;
}

/** Streams land under this prefix until their digest is known. */
const INCOMING = "incoming/";
/** What was not finished for so long never will be. */
const INCOMING_AGE_MS = 24 * 3600 * 1000;
/** Files that are stored at once: their fsyncs overlap. */
const PUT_CONCURRENCY = 8;

/** Opens the lake whose bytes are in `store` and whose catalogue is in `metadata`. */
export function openLake({ store, metadata, clock = systemClock }: LakeOptions): Lake {
  let isSwept = false;

  async function head(name: string): Promise<LakeFile | undefined> {
    return metadata.snapshot(async (calls, rows) => {
      const id = await readRef(rows, REF_PREFIX + name);
      if (id === undefined) return undefined;
      const { artifacts } = await calls.getArtifactsByID({ artifactIds: [id] });
      return artifacts[0] && toLakeFile(artifacts[0]);
    });
  }

  async function heads(prefix: string): Promise<LakeFile[]> {
    return metadata.snapshot(async (calls, rows) => {
      const refs = await listRefs(rows, REF_PREFIX + prefix);
      if (refs.length === 0) return [];
      const artifactIds = refs.map(({ artifactId }) => artifactId);
      const { artifacts } = await calls.getArtifactsByID({ artifactIds });
      return artifacts.map(toLakeFile).sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  async function describe(name: string, { version }: VersionOption = {}): Promise<LakeFile> {
    checkName(name);
    const found =
      version === undefined
        ? await head(name)
        : await metadata
            .getArtifactByTypeAndName({
              typeName: RAW_FILE,
              artifactName: artifactName(name, version),
            })
            .then(({ artifact }) => artifact && toLakeFile(artifact));
    if (found === undefined) {
      const which = version === undefined ? "" : ` version ${version} of`;
      throw new WaybillError("not_found", `The lake has no${which} "${name}".`, {
        hint: 'See what is there with "waybill lake ls".',
      });
    }
    if (found.artifact.state === Artifact_State.DELETED) {
      throw new WaybillError("not_found", `"${name}" version ${found.version} was erased.`);
    }
    return found;
  }

  /** The object of a file, checked to be there with the size that is recorded. */
  async function objectOf(file: LakeFile): Promise<string> {
    const key = objectKey(file.sha256);
    const info = await store.stat(key);
    if (info?.sizeBytes === file.sizeBytes) return key;
    const fault = info === undefined ? "is gone" : `has ${info.sizeBytes} bytes`;
    throw new WaybillError(
      "data_loss",
      `The object of "${file.name}" version ${file.version} ${fault}; ${file.sizeBytes} bytes were stored.`,
      { hint: "Put the file again from its source, or restore the lake from a backup." },
    );
  }

  async function sweepIncoming(): Promise<void> {
    if (isSwept) return;
    isSwept = true;
    for await (const { key, modifiedMs } of store.list(INCOMING)) {
      if (modifiedMs < clock.nowMs() - INCOMING_AGE_MS) await store.delete(key);
    }
  }

  /** Brings a file's bytes to their key; where `before` has them already, only reads. */
  async function storeBytes(
    step: Step,
    file: SourceFile,
    before: LakeFile | undefined,
  ): Promise<Content> {
    const { signal } = step;
    if (file.isRepeatable && before !== undefined && file.sizeBytes === before.sizeBytes) {
      const content = await digestOf(file, signal);
      if (content.sha256 === before.sha256 && (await isStored(content))) return content;
    }
    const incoming = `${INCOMING}${randomUUID()}`;
    const reader = new HashingReader(file.read());
    try {
      await store.put(incoming, reader, { signal });
      const content = reader.content(file.name);
      if (await isStored(content)) await store.delete(incoming);
      else await store.move(incoming, objectKey(content.sha256));
      return content;
    } catch (error) {
      await store.delete(incoming).catch(() => {});
      throw error;
    }
  }

  /** Whether the lake has these bytes whole; an object of another size was cut short and is replaced. */
  async function isStored({ sha256, sizeBytes }: Content): Promise<boolean> {
    return (await store.stat(objectKey(sha256)))?.sizeBytes === sizeBytes;
  }

  async function putOne(
    step: Step,
    file: SourceFile,
    before: LakeFile | undefined,
    options: PutOptions,
  ): Promise<{ file: SourceFile; content: Content; before: LakeFile | undefined }> {
    step.signal.throwIfAborted();
    const content = await storeBytes(step, file, before);
    const isSame = before?.sha256 === content.sha256 && hasSameNotes(before, options);
    return { file, content, before: isSame ? before : undefined };
  }

  return {
    async put(step, source, options = {}) {
      if (options.name !== undefined) checkName(options.name);
      const files = await filesOf(source, options.name);
      for (const { name } of files) checkName(name);
      await sweepIncoming();
      const isFolder = files.length !== 1;
      const known = isFolder
        ? await heads(options.name ?? files[0]?.name.split("/", 1)[0] ?? "")
        : [await head(files[0]?.name ?? "")];
      const headOf = new Map(
        known.flatMap((entry) => (entry ? [[entry.name, entry] as const] : [])),
      );
      let done = 0;
      const stored = await mapConcurrently(files, PUT_CONCURRENCY, async (file) => {
        const result = await putOne(step, file, headOf.get(file.name), options);
        done += 1;
        step.progress.report("files put", done, files.length);
        return result;
      });
      // Only when every file is durable is anything declared: a folder is put whole or not at all.
      return stored.map(({ file, content, before }): PutFile => {
        const { name } = file;
        const facts = { name, ...content };
        if (before !== undefined) {
          const { version, artifact } = before;
          return { ...facts, version, isReused: true, artifact };
        }
        const last = headOf.get(name);
        const version = (last?.version ?? 0n) + 1n;
        const artifact = declare(step, store, file, content, version, last, options);
        return { ...facts, version, isReused: false, artifact };
      });
    },

    list: heads,
    describe,

    async versions(name) {
      const latest = await describe(name);
      const { artifacts } = await metadata.snapshot(async (calls) => {
        const found: Artifact[] = [];
        for (let version = latest.version; version > 0n; version--) {
          const { artifact } = await calls.getArtifactByTypeAndName({
            typeName: RAW_FILE,
            artifactName: artifactName(name, version),
          });
          if (artifact !== undefined) found.push(artifact);
        }
        return { artifacts: found };
      });
      return artifacts.map(toLakeFile);
    },

    async open(name, { version, signal } = {}) {
      const file = await describe(name, { version });
      const key = await objectOf(file);
      return verified(store.get(key, signal === undefined ? {} : { signal }), file);
    },

    async localPath(name, { version } = {}) {
      const file = await describe(name, { version });
      return store.localPath(await objectOf(file));
    },
  };
}

/** Bytes of a stored file, with an error in place of the end when they are not what was stored. */
async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  file: LakeFile,
): AsyncGenerator<Uint8Array> {
  const hasher = createHash("sha256");
  for await (const chunk of bytes) {
    hasher.update(chunk);
    yield chunk;
  }
  const digest = hasher.digest("hex");
  if (digest === file.sha256) return;
  throw new WaybillError(
    "data_loss",
    `"${file.name}" version ${file.version} is damaged: its bytes have the sha256 ${digest}, ${file.sha256} was stored.`,
    { hint: "Put the file again from its source, or restore the lake from a backup." },
  );
}

function declare(
  step: Step,
  store: ObjectStore,
  file: SourceFile,
  content: Content,
  version: bigint,
  last: LakeFile | undefined,
  options: PutOptions,
): Artifact {
  const source = options.source ?? file.source;
  const { tags = [], description } = options;
  return step.output("files", RAW_FILE, {
    uri: `${store.url.replace(/\/$/u, "")}/${objectKey(content.sha256)}`,
    name: artifactName(file.name, version),
    customProperties: {
      name: file.name,
      version,
      sha256: content.sha256,
      size_bytes: BigInt(content.sizeBytes),
      media_type: content.mediaType,
      ...(source === undefined ? {} : { source }),
      ...(file.originalName === undefined ? {} : { original_name: file.originalName }),
      ...(tags.length === 0 ? {} : { tags }),
      ...(description === undefined ? {} : { description }),
    },
    ref: { name: REF_PREFIX + file.name, expect: last?.artifact.id },
  });
}

function toLakeFile(artifact: Artifact): LakeFile {
  const properties = propertiesOf(artifact);
  const text = (name: string): string | undefined => {
    const value = properties[name];
    return typeof value === "string" ? value : undefined;
  };
  const integer = (name: string): bigint => {
    const value = properties[name];
    return typeof value === "bigint" ? value : 0n;
  };
  const tags: unknown = properties["tags"];
  return {
    name: text("name") ?? "",
    version: integer("version"),
    sha256: text("sha256") ?? "",
    sizeBytes: Number(integer("size_bytes")),
    mediaType: text("media_type") ?? "application/octet-stream",
    source: text("source"),
    originalName: text("original_name"),
    tags: Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [],
    description: text("description"),
    createdMs: Number(artifact.createTimeSinceEpoch),
    uri: artifact.uri,
    artifact,
  };
}

/** Whether tags and description are as before; what is not given is not asked to change. */
function hasSameNotes(before: LakeFile, { tags, description }: PutOptions): boolean {
  return (
    (tags === undefined || tags.join("\0") === before.tags.join("\0")) &&
    (description === undefined || description === before.description)
  );
}

/** Runs `work` on every item, at most `limit` at once; results in the items' order. A throw ends it all. */
async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const item = items[index];
      try {
        if (item !== undefined) results[index] = await work(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, worker);
  // All of them, so that nothing is still being written when the step is closed.
  for (const ended of await Promise.allSettled(workers)) {
    if (ended.status === "rejected") throw ended.reason;
  }
  return results;
}
