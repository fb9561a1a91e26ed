import { randomBytes, randomUUID } from "node:crypto";
import { WaybillError } from "../foundation/index.ts";
import type { TableFiles } from "./files.ts";
import {
  type DataFile,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from "./formats/manifest.ts";
import {
  currentSchema,
  type PartitionSpec,
  type Snapshot,
  snapshotWithId,
  specWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import { partitionAvroType, summarisePartitions } from "./partition.ts";

/** What a commit does to the files of a table. */
export interface FileChange {
  readonly operation: "append" | "overwrite" | "delete" | "replace";
  /** New files; all of the table's default spec. */
  readonly added: readonly DataFile[];
  /** Paths of files that the snapshot no longer has. */
  readonly removed?: ReadonlySet<string>;
  /** The branch whose head moves; `main` by default. */
  readonly branch?: string;
  /** Facts of the caller's own, added to the snapshot's summary. */
  readonly summary?: Readonly<Record<string, string>>;
}

/** Manifests smaller than this are merged, once there are many, into one of up to this size. */
const MERGED_MANIFEST_BYTES = 8 << 20;
const MANIFESTS_TO_MERGE = 100;

/**
 * Writes the manifests and the manifest list of the snapshot that a change makes of a branch's head,
 * and returns the metadata with it. Nothing of it is visible until that metadata is committed.
 * @throws `internal` when a removed path is not in the snapshot: the caller planned on another one
 */
export async function addSnapshot(
  files: TableFiles,
  metadata: TableMetadata,
  change: FileChange,
  nowMs: number,
): Promise<{ readonly metadata: TableMetadata; readonly snapshot: Snapshot }> {
  const branch = change.branch ?? "main";
  const head = metadata.refs[branch];
  const parent = head === undefined ? undefined : snapshotWithId(metadata, head["snapshot-id"]);
  const id = freshSnapshotId(metadata);
  const sequence = metadata["last-sequence-number"] + 1n;
  const writer = manifestWriter(files, metadata, id, sequence);

  const kept: ManifestFile[] = [];
  const dropped = { files: 0, rows: 0, bytes: 0, deleteFiles: 0 };
  const removed = change.removed ?? new Set<string>();
  const listed = parent === undefined ? [] : await manifestsOf(files, parent);
  for (const manifest of listed) {
    if (removed.size === 0) {
      kept.push(manifest);
      continue;
    }
    const entries = (await entriesOf(files, manifest)).filter(({ status }) => status !== "deleted");
    if (!entries.some(({ file }) => removed.has(file.path))) {
      kept.push(manifest);
      continue;
    }
    const rewritten = entries.map((entry): ManifestEntry => {
      if (!removed.has(entry.file.path)) return { ...entry, status: "existing" };
      if (entry.file.content === "data") {
        dropped.files += 1;
        dropped.rows += entry.file.rowCount;
      } else dropped.deleteFiles += 1;
      dropped.bytes += entry.file.sizeBytes;
      return { ...entry, status: "deleted", snapshotId: id };
    });
    kept.push(await writer(rewritten, manifest.specId, manifest.content));
  }
  if (dropped.files + dropped.deleteFiles < removed.size) {
    throw new WaybillError("internal", "A file to be removed is not in the snapshot.");
  }

  const manifests = await mergeSmall(files, kept, id, writer);
  if (change.added.length > 0) {
    const entries = change.added.map(
      (file): ManifestEntry => ({
        status: "added",
        snapshotId: id,
        sequenceNumber: sequence,
        fileSequenceNumber: sequence,
        file,
      }),
    );
    manifests.unshift(await writer(entries, metadata["default-spec-id"], "data"));
  }

  const timestampMs = Math.max(nowMs, metadata["last-updated-ms"] + 1);
  const draft = {
    "snapshot-id": id,
    ...(parent === undefined ? {} : { "parent-snapshot-id": parent["snapshot-id"] }),
    "sequence-number": sequence,
  };
  const list = await files.write(
    `${files.keyOf(metadata.location)}/metadata/snap-${id}-1-${randomUUID()}.avro`,
    writeManifestList(manifests, draft),
  );
  const snapshot: Snapshot = {
    ...draft,
    "timestamp-ms": timestampMs,
    "manifest-list": list,
    "schema-id": metadata["current-schema-id"],
    summary: summaryOf(change, parent, dropped),
  };
  return { metadata: withSnapshot(metadata, snapshot, branch), snapshot };
}

/** The metadata with one more snapshot, at the head of a branch. */
export function withSnapshot(
  metadata: TableMetadata,
  snapshot: Snapshot,
  branch: string,
): TableMetadata {
  const id = snapshot["snapshot-id"];
  const ref = { ...metadata.refs[branch], "snapshot-id": id, type: "branch" as const };
  const next: TableMetadata = {
    ...metadata,
    "last-sequence-number": snapshot["sequence-number"],
    "last-updated-ms": snapshot["timestamp-ms"],
    snapshots: [...metadata.snapshots, snapshot],
    refs: { ...metadata.refs, [branch]: ref },
  };
  if (branch !== "main") return next;
  return {
    ...next,
    "current-snapshot-id": id,
    "snapshot-log": [
      ...metadata["snapshot-log"],
      { "snapshot-id": id, "timestamp-ms": snapshot["timestamp-ms"] },
    ],
  };
}

/** The manifests of a snapshot. @throws `data_loss` naming the manifest list */
export async function manifestsOf(
  files: TableFiles,
  snapshot: Snapshot,
): Promise<readonly ManifestFile[]> {
  const path = snapshot["manifest-list"];
  return readManifestList(await files.read(path), path);
}

/** The entries of a manifest. @throws `data_loss` naming the manifest */
export async function entriesOf(
  files: TableFiles,
  manifest: ManifestFile,
): Promise<readonly ManifestEntry[]> {
  return readManifest(await files.read(manifest.path), manifest).entries;
}

type WriteManifest = (
  entries: readonly ManifestEntry[],
  specId: number,
  content: "data" | "deletes",
) => Promise<ManifestFile>;

function manifestWriter(
  files: TableFiles,
  metadata: TableMetadata,
  snapshotId: bigint,
  sequence: bigint,
): WriteManifest {
  const folder = `${files.keyOf(metadata.location)}/metadata`;
  const commit = randomUUID();
  let count = 0;
  return async (entries, specId, content) => {
    const spec: PartitionSpec = specWithId(metadata, specId);
    const bytes = writeManifest(entries, {
      schema: currentSchema(metadata),
      spec,
      partitionType: (fieldId) => partitionAvroType(metadata, spec, fieldId),
      content,
    });
    const path = await files.write(`${folder}/${commit}-m${count++}.avro`, bytes);
    const tally = { added: [0, 0], existing: [0, 0], deleted: [0, 0] };
    let least = sequence;
    for (const { status, sequenceNumber, file } of entries) {
      const counts = tally[status];
      counts[0] = (counts[0] ?? 0) + 1;
      counts[1] = (counts[1] ?? 0) + file.rowCount;
      if (status !== "deleted" && sequenceNumber < least) least = sequenceNumber;
    }
    return {
      path,
      sizeBytes: bytes.length,
      specId,
      content,
      sequenceNumber: sequence,
      minSequenceNumber: least,
      addedSnapshotId: snapshotId,
      addedFiles: tally.added[0] ?? 0,
      existingFiles: tally.existing[0] ?? 0,
      deletedFiles: tally.deleted[0] ?? 0,
      addedRows: tally.added[1] ?? 0,
      existingRows: tally.existing[1] ?? 0,
      deletedRows: tally.deleted[1] ?? 0,
      partitions: summarisePartitions(metadata, spec, entries),
    };
  };
}

/** Puts the entries of many small manifests into few, so that planning does not open a file a commit. */
async function mergeSmall(
  files: TableFiles,
  manifests: readonly ManifestFile[],
  snapshotId: bigint,
  write: WriteManifest,
): Promise<ManifestFile[]> {
  const groups = Map.groupBy(manifests, ({ specId, content }) => `${specId} ${content}`);
  const result: ManifestFile[] = [];
  for (const group of groups.values()) {
    // What this snapshot wrote itself says what it deleted, and stays as it is.
    const small = group.filter(
      ({ sizeBytes, addedSnapshotId }) =>
        sizeBytes < MERGED_MANIFEST_BYTES / 2 && addedSnapshotId !== snapshotId,
    );
    const first = small[0];
    if (first === undefined || small.length < MANIFESTS_TO_MERGE) {
      result.push(...group);
      continue;
    }
    result.push(...group.filter((manifest) => !small.includes(manifest)));
    for (const bin of binsOf(small)) {
      const entries: ManifestEntry[] = [];
      for (const manifest of bin) {
        for (const entry of await entriesOf(files, manifest)) {
          // What an earlier snapshot deleted is its own history, not this one's.
          if (entry.status !== "deleted") entries.push({ ...entry, status: "existing" });
        }
      }
      if (entries.length > 0) result.push(await write(entries, first.specId, first.content));
    }
  }
  return result;
}

function binsOf(manifests: readonly ManifestFile[]): readonly (readonly ManifestFile[])[] {
  const bins: ManifestFile[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const manifest of manifests) {
    if (filled + manifest.sizeBytes > MERGED_MANIFEST_BYTES) {
      bins.push([]);
      filled = 0;
    }
    bins.at(-1)?.push(manifest);
    filled += manifest.sizeBytes;
  }
  return bins;
}

/** Positive and below 2^53, so that clients which read JSON numbers as doubles see the same id. */
function freshSnapshotId(metadata: TableMetadata): bigint {
  for (;;) {
    const id = BigInt(randomBytes(6).readUIntBE(0, 6)) + 1n;
    if (snapshotWithId(metadata, id) === undefined) return id;
  }
}

function summaryOf(
  change: FileChange,
  parent: Snapshot | undefined,
  dropped: {
    readonly files: number;
    readonly rows: number;
    readonly bytes: number;
    readonly deleteFiles: number;
  },
): Readonly<Record<string, string>> {
  const before = (key: string) => Number(parent?.summary[key] ?? 0) || 0;
  const addedRows = sum(change.added.map(({ rowCount }) => rowCount));
  const addedBytes = sum(change.added.map(({ sizeBytes }) => sizeBytes));
  const counts: Record<string, number> = {
    "added-data-files": change.added.length,
    "added-records": addedRows,
    "added-files-size": addedBytes,
    "deleted-data-files": dropped.files,
    "deleted-records": dropped.rows,
    "removed-files-size": dropped.bytes,
    "removed-delete-files": dropped.deleteFiles,
  };
  const deleteFiles = Math.max(0, before("total-delete-files") - dropped.deleteFiles);
  // How many rows a delete file takes away is not known here: without such files there are none.
  const deletes = (key: string) => (deleteFiles === 0 ? 0 : before(key));
  const totals = {
    "total-data-files": before("total-data-files") + change.added.length - dropped.files,
    "total-records": before("total-records") + addedRows - dropped.rows,
    "total-files-size": before("total-files-size") + addedBytes - dropped.bytes,
    "total-delete-files": deleteFiles,
    "total-position-deletes": deletes("total-position-deletes"),
    "total-equality-deletes": deletes("total-equality-deletes"),
  };
  return {
    ...change.summary,
    operation: change.operation,
    ...Object.fromEntries(
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([key, count]) => [key, String(count)]),
    ),
    ...Object.fromEntries(
      Object.entries(totals).map(([key, total]) => [key, String(Math.max(0, total))]),
    ),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
