import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { RowChange } from "./branch.ts";
import type { Commit } from "./commit.ts";
import {
  NO_SNAPSHOT,
  type PartitionField,
  type Snapshot,
  type SortField,
  snapshotWithId,
  specWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import type { TableName } from "./names.ts";
import { sourceColumn } from "./partition.ts";

/** What a change of a table gave. The artifact gets its id when the step closes. */
export interface TableChange {
  readonly table: string;
  /** The head that the step makes; the one that was there when nothing had to change. */
  readonly artifact: Artifact;
  readonly metadataUri: string;
  /** The snapshot that was made; undefined when none was. */
  readonly snapshotId: bigint | undefined;
  /** Rows that were appended, deleted, updated, merged or rewritten. */
  readonly affectedRows: number;
  /** Rows of the files that were added and removed: an update counts on both sides. */
  readonly addedRows: number;
  readonly deletedRows: number;
  /** Rows of the changed branch after it. */
  readonly totalRows: number;
}

/** A state of a table. */
export interface TableView {
  readonly table: string;
  readonly artifact: Artifact;
  readonly metadataUri: string;
  readonly schema: TableSchema;
  /** For example `day(time)`. */
  readonly partitionedBy: readonly string[];
  readonly sortedBy: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  /** Undefined when the table has no rows yet. */
  readonly snapshot: SnapshotView | undefined;
  readonly rowCount: number;
  readonly fileCount: number;
  /** A table expression of the engine that gives the rows: `SELECT ... FROM ${relation}`. */
  readonly relation: string;
}

/** A snapshot, for people. */
export interface SnapshotView {
  readonly id: bigint;
  readonly parentId: bigint | undefined;
  readonly time: Date;
  readonly operation: string;
  readonly totalRows: number;
  /** Of the files that were added and removed: an update counts on both sides. */
  readonly addedRows: number;
  readonly deletedRows: number;
  readonly isCurrent: boolean;
  /** Branches and tags that point at it. */
  readonly refs: readonly string[];
}

/** What callers get of a commit that changed no rows. */
export function changeOf(name: TableName, commit: Commit): TableChange {
  return rowChangeOf(name, { commit, snapshot: undefined, affectedRows: 0 });
}

/** What callers get of a change of rows. */
export function rowChangeOf(name: TableName, change: RowChange): TableChange {
  const { artifact, metadataUri, metadata } = change.commit;
  const shown = change.snapshot ?? snapshotWithId(metadata, metadata["current-snapshot-id"]);
  return {
    table: name.full,
    artifact,
    metadataUri,
    snapshotId: change.snapshot?.["snapshot-id"],
    affectedRows: change.affectedRows,
    addedRows: Number(change.snapshot?.summary["added-records"] ?? 0),
    deletedRows: Number(change.snapshot?.summary["deleted-records"] ?? 0),
    totalRows: Number(shown?.summary["total-records"] ?? 0),
  };
}

/** A snapshot for people. */
export function snapshotView(metadata: TableMetadata, snapshot: Snapshot): SnapshotView {
  const id = snapshot["snapshot-id"];
  const { summary } = snapshot;
  return {
    id,
    parentId: snapshot["parent-snapshot-id"],
    time: new Date(snapshot["timestamp-ms"]),
    operation: summary["operation"] ?? "append",
    totalRows: Number(summary["total-records"] ?? 0),
    addedRows: Number(summary["added-records"] ?? 0),
    deletedRows: Number(summary["deleted-records"] ?? 0),
    isCurrent: id !== NO_SNAPSHOT && metadata["current-snapshot-id"] === id,
    refs: Object.entries(metadata.refs)
      .filter(([, ref]) => ref["snapshot-id"] === id)
      .map(([ref]) => ref),
  };
}

/** How new files of a table are cut, for people. */
export function partitionedBy(metadata: TableMetadata): readonly string[] {
  const spec = specWithId(metadata, metadata["default-spec-id"]);
  return spec.fields.map((field) => transformed(metadata, field));
}

/** How rows of new files are sorted, for people. */
export function sortedBy(metadata: TableMetadata): readonly string[] {
  const id = metadata["default-sort-order-id"];
  const order = metadata["sort-orders"].find((order) => order["order-id"] === id);
  return (order?.fields ?? []).map((field) => `${transformed(metadata, field)} ${field.direction}`);
}

function transformed(metadata: TableMetadata, field: PartitionField | SortField): string {
  const { name } = sourceColumn(metadata, field);
  return field.transform === "identity" ? name : `${field.transform}(${name})`;
}
