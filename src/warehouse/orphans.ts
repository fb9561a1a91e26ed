import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { TableState } from "./catalog.ts";
import type { WarehouseContext } from "./commit.ts";
import type { ManifestFile } from "./formats/manifest.ts";
import type { TableMetadata } from "./formats/table-metadata.ts";
import { entriesOf, manifestsOf } from "./snapshot.ts";

/** What a clean-up removed. */
export interface CleanUp {
  readonly removedFiles: number;
  readonly removedBytes: number;
  readonly keptFiles: number;
}

/** A younger file may belong to a commit that is on its way. */
const LEAST_AGE_MS = 3_600_000;

/**
 * Removes the files of a table's folder that none of its snapshots needs: those of expired snapshots,
 * of failed or killed writes, and metadata that the table's log no longer names.
 * @param olderThan only files last written before; at least an hour ago, so that writers which have
 *   not committed yet keep theirs
 */
export async function removeOrphanFiles(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  olderThan: Date,
): Promise<CleanUp> {
  const { files } = context;
  const youngest = context.clock.nowMs() - LEAST_AGE_MS;
  if (!(olderThan.getTime() <= youngest)) {
    throw new WaybillError(
      "invalid_argument",
      `Files of the last hour are not cleaned up: a writer may not have committed them yet.`,
      { hint: `Give a time before ${new Date(youngest).toISOString()}.` },
    );
  }
  const needed = await reachableFiles(context, state);
  let removedFiles = 0;
  let removedBytes = 0;
  let keptFiles = 0;
  const folder = files.keyOf(state.metadata.location);
  for await (const { key, sizeBytes, modifiedMs } of files.store.list(`${folder}/`)) {
    step.signal.throwIfAborted();
    if (needed.has(key) || modifiedMs >= olderThan.getTime()) {
      keptFiles += 1;
      continue;
    }
    await files.store.delete(key);
    removedFiles += 1;
    removedBytes += sizeBytes;
    step.progress.report(`cleaning up ${state.name.full}`, removedFiles, undefined, "files");
  }
  step.note("removed_files", BigInt(removedFiles));
  step.note("removed_bytes", BigInt(removedBytes));
  return { removedFiles, removedBytes, keptFiles };
}

/** The keys of all files that a table's snapshots and log need, its metadata file included. */
export async function reachableFiles(
  { files }: WarehouseContext,
  table: { readonly metadata: TableMetadata; readonly metadataUri: string | undefined },
): Promise<ReadonlySet<string>> {
  const { metadata, metadataUri } = table;
  const needed = new Set(metadataUri === undefined ? [] : [files.keyOf(metadataUri)]);
  for (const { "metadata-file": uri } of metadata["metadata-log"]) needed.add(files.keyOf(uri));
  for (const uri of statisticsFiles(metadata)) needed.add(files.keyOf(uri));
  const manifests = new Map<string, ManifestFile>();
  for (const snapshot of metadata.snapshots) {
    needed.add(files.keyOf(snapshot["manifest-list"]));
    for (const manifest of await manifestsOf(files, snapshot))
      manifests.set(manifest.path, manifest);
  }
  for (const manifest of manifests.values()) {
    needed.add(files.keyOf(manifest.path));
    for (const { status, file } of await entriesOf(files, manifest)) {
      if (status !== "deleted") needed.add(files.keyOf(file.path));
    }
  }
  return needed;
}

/** Files that the metadata names and we do not read: Puffin statistics of other engines. */
function statisticsFiles({ rest }: TableMetadata): readonly string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const member of value) visit(member);
    else if (value !== null && typeof value === "object") {
      for (const [key, member] of Object.entries(value)) {
        if (key === "statistics-path" && typeof member === "string") found.push(member);
        else visit(member);
      }
    }
  };
  visit(rest);
  return found;
}
