import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { TableState } from "./catalog.ts";
import { gone, type TableFiles } from "./files.ts";
import type { ManifestEntry } from "./formats/manifest.ts";
import {
  currentSchema,
  currentSnapshot,
  type Snapshot,
  schemaWithId,
  snapshotWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { type Condition, type Pruner, prunerOf } from "./prune.ts";
import { checkFieldIds, relationOf } from "./relation.ts";
import { entriesOf, manifestsOf } from "./snapshot.ts";

/** Which state of a table is meant: a time, a snapshot's id, or the name of a branch or tag. */
export type AsOf = Date | bigint | string;

/** A state of a table, ready to be read. */
export interface Scan {
  readonly snapshot: Snapshot | undefined;
  readonly schema: TableSchema;
  /** Its data files, and the delete files of other engines. */
  readonly entries: readonly ManifestEntry[];
  /** A table expression of the engine that gives the rows. */
  readonly relation: string;
}

/**
 * Plans the reading of a table's state: which files, and which columns by field id, so that files
 * written before a column was renamed or added are read right.
 * @throws `not_found` when there is no such state, `data_loss` when one of its files is gone
 */
export async function scanTable(
  engine: Engine,
  files: TableFiles,
  state: TableState,
  options: { readonly asOf?: AsOf; readonly filter?: readonly Condition[] } = {},
): Promise<Scan> {
  const { metadata } = state;
  const { asOf, filter = [] } = options;
  const snapshot = asOf === undefined ? currentSnapshot(metadata) : snapshotAsOf(state, asOf);
  const schema = schemaOf(metadata, snapshot, asOf);
  const pruner = prunerOf(metadata, schema, filter);
  const entries = snapshot === undefined ? [] : await liveFiles(files, snapshot, pruner);
  const missing = await files.firstMissing(entries.map(({ file }) => file.path));
  if (missing !== undefined) throw gone(missing);
  await checkFieldIds(engine, files, metadata, entries);
  return {
    snapshot,
    schema,
    entries,
    relation: relationOf(engine, files, { metadata, schema }, entries),
  };
}

/** The number of rows: from the manifests, or counted where delete files take some away. */
export async function countRows(engine: Engine, scan: Scan): Promise<number> {
  if (scan.entries.every(({ file }) => file.content === "data")) {
    return scan.entries.reduce((total, { file }) => total + file.rowCount, 0);
  }
  const [row] = await engine.rows(`SELECT count(*) AS n FROM ${scan.relation}`);
  return Number(row?.["n"]);
}

/** Manifests that are read at the same time. */
const READ_WIDTH = 8;

/**
 * The files that a snapshot has, data and deletes, the oldest first.
 * @param pruner leaves out data files without rows that a filter is about; delete files stay
 */
export async function liveFiles(
  files: TableFiles,
  snapshot: Snapshot,
  pruner?: Pruner,
): Promise<readonly ManifestEntry[]> {
  const manifests = (await manifestsOf(files, snapshot)).filter(
    (manifest) => manifest.content === "deletes" || (pruner?.mayHold(manifest) ?? true),
  );
  const live: ManifestEntry[] = [];
  for (let start = 0; start < manifests.length; start += READ_WIDTH) {
    const some = manifests.slice(start, start + READ_WIDTH);
    const read = await Promise.all(some.map((manifest) => entriesOf(files, manifest)));
    for (const [index, entries] of read.entries()) {
      const specId = some[index]?.specId ?? 0;
      for (const entry of entries) {
        const { status, file } = entry;
        if (status === "deleted") continue;
        if (file.content !== "data" || (pruner?.mayMatch(file, specId) ?? true)) live.push(entry);
      }
    }
  }
  return live.sort((a, b) =>
    a.sequenceNumber === b.sequenceNumber ? 0 : a.sequenceNumber < b.sequenceNumber ? -1 : 1,
  );
}

/**
 * The snapshot that was current at a time, has an id, or is the head of a ref.
 * @throws `not_found` saying from when on the table has rows, or which refs it has
 */
export function snapshotAsOf(state: TableState, asOf: AsOf): Snapshot {
  const { metadata, name } = state;
  if (typeof asOf === "bigint") {
    const snapshot = snapshotWithId(metadata, asOf);
    if (snapshot !== undefined) return snapshot;
    throw new WaybillError("not_found", `The table "${name.full}" has no snapshot ${asOf}.`, {
      hint: "List the table's snapshots; it may have been expired.",
    });
  }
  if (typeof asOf === "string") {
    const ref = metadata.refs[asOf];
    const snapshot = ref && snapshotWithId(metadata, ref["snapshot-id"]);
    if (snapshot !== undefined) return snapshot;
    const refs = Object.keys(metadata.refs).map((ref) => `"${ref}"`);
    throw new WaybillError(
      "not_found",
      `The table "${name.full}" has no branch or tag "${asOf}".`,
      {
        hint: refs.length > 0 ? `It has ${refs.join(", ")}.` : "It has no snapshot yet.",
      },
    );
  }
  if (Number.isNaN(asOf.getTime())) {
    throw new WaybillError("invalid_argument", "The time to read the table as of is no date.");
  }
  const log = metadata["snapshot-log"];
  const entry = log.findLast((entry) => entry["timestamp-ms"] <= asOf.getTime());
  if (entry === undefined) {
    const first = log[0];
    throw new WaybillError(
      "not_found",
      `The table "${name.full}" had no rows yet at ${asOf.toISOString()}.`,
      {
        hint:
          first === undefined
            ? "It has no snapshot yet."
            : `Its first known snapshot is of ${new Date(first["timestamp-ms"]).toISOString()}.`,
      },
    );
  }
  const snapshot = snapshotWithId(metadata, entry["snapshot-id"]);
  if (snapshot !== undefined) return snapshot;
  throw new WaybillError(
    "not_found",
    `The snapshot of the table "${name.full}" at ${asOf.toISOString()} was expired.`,
  );
}

/** An earlier state has the columns that it had; a branch is read with the table's columns of today. */
function schemaOf(
  metadata: TableMetadata,
  snapshot: Snapshot | undefined,
  asOf: AsOf | undefined,
): TableSchema {
  const isBranch = typeof asOf === "string" && metadata.refs[asOf]?.type === "branch";
  const id = asOf === undefined || isBranch ? undefined : snapshot?.["schema-id"];
  return id === undefined ? currentSchema(metadata) : schemaWithId(metadata, id);
}
