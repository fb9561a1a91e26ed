import { WaybillError } from "../../foundation/index.ts";
import { type AvroSchema, type AvroValue, readAvro, writeAvro } from "./avro.ts";
import {
  avroName,
  entrySchema,
  LIST_SCHEMA,
  listKey,
  manifestKey,
  optional,
} from "./manifest-schema.ts";
import type { PartitionSpec, Snapshot } from "./table-metadata.ts";
import type { TableSchema } from "./table-schema.ts";

/** What a manifest says of one file. Column maps are keyed by field id. */
export interface DataFile {
  /** `data`, or the kind of deletes that the file holds. */
  readonly content: "data" | "position-deletes" | "equality-deletes";
  readonly path: string;
  /** PARQUET, ORC, AVRO or PUFFIN, in capitals. */
  readonly format: string;
  /** Values of the partition fields, by partition field id. */
  readonly partition: ReadonlyMap<number, AvroValue>;
  readonly rowCount: number;
  readonly sizeBytes: number;
  readonly columnSizes: ReadonlyMap<number, number>;
  readonly valueCounts: ReadonlyMap<number, number>;
  readonly nullCounts: ReadonlyMap<number, number>;
  readonly nanCounts: ReadonlyMap<number, number>;
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>;
  readonly upperBounds: ReadonlyMap<number, Uint8Array>;
  readonly splitOffsets?: readonly number[];
  /** The columns that equality deletes compare. */
  readonly equalityIds?: readonly number[];
  readonly sortOrderId?: number;
  readonly keyMetadata?: Uint8Array;
  /** The one data file that position deletes are about, where the writer said so. */
  readonly referencedDataFile?: string;
}

/** A file as a snapshot sees it. */
export interface ManifestEntry {
  readonly status: "existing" | "added" | "deleted";
  /** The snapshot that added (or deleted) the file. */
  readonly snapshotId: bigint;
  /** Deletes apply to data whose sequence number is lower (equality) or not higher (position). */
  readonly sequenceNumber: bigint;
  readonly fileSequenceNumber: bigint;
  readonly file: DataFile;
}

/** What a manifest list says of one manifest. */
export interface ManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly specId: number;
  readonly content: "data" | "deletes";
  readonly sequenceNumber: bigint;
  readonly minSequenceNumber: bigint;
  readonly addedSnapshotId: bigint;
  readonly addedFiles: number;
  readonly existingFiles: number;
  readonly deletedFiles: number;
  readonly addedRows: number;
  readonly existingRows: number;
  readonly deletedRows: number;
  /** One for each field of the spec. */
  readonly partitions: readonly PartitionSummary[];
}

/** The range of a partition field over a manifest. */
export interface PartitionSummary {
  readonly containsNull: boolean;
  readonly containsNan?: boolean;
  readonly lowerBound?: Uint8Array;
  readonly upperBound?: Uint8Array;
}

/** What a manifest file holds: its entries and the spec that they are partitioned by. */
export interface Manifest {
  readonly entries: readonly ManifestEntry[];
  readonly specId: number;
}

const STATUSES = ["existing", "added", "deleted"] as const;
const CONTENTS = ["data", "position-deletes", "equality-deletes"] as const;

/**
 * Writes the manifest of entries that share a partition spec. Entries of status `added` leave their
 * sequence number to be inherited from the manifest list, so that a commit that is retried with
 * another number need not write them anew.
 * @param partitionType the Avro type of each partition field, by field id
 * Source: Apache Iceberg specification, "Manifests".
 */
export function writeManifest(
  entries: readonly ManifestEntry[],
  options: {
    readonly schema: TableSchema;
    readonly spec: PartitionSpec;
    readonly partitionType: (fieldId: number) => AvroSchema;
    readonly content: "data" | "deletes";
  },
): Uint8Array {
  const { schema, spec } = options;
  const partitionFields = spec.fields.map((field) =>
    optional(field["field-id"], avroName(field.name), options.partitionType(field["field-id"])),
  );
  const keys = new Map(spec.fields.map((field) => [field["field-id"], avroName(field.name)]));
  return writeAvro(
    entrySchema(partitionFields),
    entries.map((entry) => entryRow(entry, keys)),
    {
      schema: JSON.stringify(schema),
      "schema-id": String(schema["schema-id"]),
      "partition-spec": JSON.stringify(spec.fields),
      "partition-spec-id": String(spec["spec-id"]),
      "format-version": "2",
      content: options.content,
    },
  );
}

/**
 * Reads a manifest. What entries leave to inherit is taken from `listed`, the manifest's own entry in
 * the manifest list.
 * @throws `data_loss` naming the manifest
 */
export function readManifest(bytes: Uint8Array, listed: ManifestFile): Manifest {
  return named(listed.path, () => {
    const container = readAvro(bytes, manifestKey);
    const entries = container.rows.map((row) => entryOf(row, listed));
    return { entries, specId: listed.specId };
  });
}

/** Writes the manifest list of a snapshot. Source: Apache Iceberg specification, "Manifest Lists". */
export function writeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: Pick<Snapshot, "snapshot-id" | "parent-snapshot-id" | "sequence-number">,
): Uint8Array {
  return writeAvro(LIST_SCHEMA, manifests.map(listRow), {
    "snapshot-id": String(snapshot["snapshot-id"]),
    "parent-snapshot-id": String(snapshot["parent-snapshot-id"] ?? "null"),
    "sequence-number": String(snapshot["sequence-number"]),
    "format-version": "2",
  });
}

/** Reads a manifest list. @throws `data_loss` naming `path` */
export function readManifestList(bytes: Uint8Array, path: string): readonly ManifestFile[] {
  return named(path, () => readAvro(bytes, listKey).rows.map(manifestOf));
}

function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WaybillError) || error.code === "internal") throw error;
    throw new WaybillError(error.code, `Cannot read the manifest ${path}: ${error.message}`, {
      hint:
        error.hint ?? "Restore the file from a copy, or roll the table back to a whole snapshot.",
      cause: error,
    });
  }
}

type AvroRecord = Readonly<Record<string, AvroValue | undefined>>;

function entryOf(row: AvroValue, listed: ManifestFile): ManifestEntry {
  const record = recordOf(row);
  const status = STATUSES[integerOf(record["status"], "status")];
  if (status === undefined) throw wrong("an entry has an unknown status");
  const file = fileOf(recordOf(record["file"]));
  return {
    status,
    snapshotId: longOr(record["snapshot"], listed.addedSnapshotId),
    sequenceNumber: longOr(record["sequence"], listed.sequenceNumber),
    fileSequenceNumber: longOr(record["fileSequence"], listed.sequenceNumber),
    file,
  };
}

function fileOf(record: AvroRecord): DataFile {
  const content = CONTENTS[integerOf(record["content"] ?? 0, "content")];
  if (content === undefined) throw wrong("a file has an unknown content");
  const partition = new Map<number, AvroValue>();
  for (const [key, value] of Object.entries(recordOf(record["partition"] ?? {}))) {
    if (value !== undefined) partition.set(Number(key.slice("partition:".length)), value);
  }
  const offsets = record["splitOffsets"] ?? undefined;
  const equality = record["equalityIds"] ?? undefined;
  const sortOrder = record["sortOrder"] ?? undefined;
  const keyMetadata = record["keyMetadata"] ?? undefined;
  const referenced = record["referencedDataFile"] ?? undefined;
  return {
    content,
    path: textOf(record["path"], "file_path"),
    format: textOf(record["format"], "file_format").toUpperCase(),
    partition,
    rowCount: integerOf(record["rows"], "record_count"),
    sizeBytes: integerOf(record["size"], "file_size_in_bytes"),
    columnSizes: mapOf(record["columnSizes"], integerOf),
    valueCounts: mapOf(record["valueCounts"], integerOf),
    nullCounts: mapOf(record["nullCounts"], integerOf),
    nanCounts: mapOf(record["nanCounts"], integerOf),
    lowerBounds: mapOf(record["lowerBounds"], bytesOf),
    upperBounds: mapOf(record["upperBounds"], bytesOf),
    ...(Array.isArray(offsets)
      ? { splitOffsets: offsets.map((offset) => integerOf(offset, "split offset")) }
      : {}),
    ...(Array.isArray(equality)
      ? { equalityIds: equality.map((id) => integerOf(id, "equality id")) }
      : {}),
    ...(sortOrder === undefined ? {} : { sortOrderId: integerOf(sortOrder, "sort_order_id") }),
    ...(keyMetadata instanceof Uint8Array ? { keyMetadata } : {}),
    ...(typeof referenced === "string" ? { referencedDataFile: referenced } : {}),
  };
}

function manifestOf(row: AvroValue): ManifestFile {
  const record = recordOf(row);
  const partitions = record["partitions"] ?? [];
  return {
    path: textOf(record["path"], "manifest_path"),
    sizeBytes: integerOf(record["length"], "manifest_length"),
    specId: integerOf(record["spec"], "partition_spec_id"),
    content: integerOf(record["content"] ?? 0, "content") === 1 ? "deletes" : "data",
    sequenceNumber: longOr(record["sequence"], 0n),
    minSequenceNumber: longOr(record["minSequence"], 0n),
    addedSnapshotId: longOr(record["snapshot"], 0n),
    addedFiles: integerOf(record["addedFiles"] ?? 0, "added_files_count"),
    existingFiles: integerOf(record["existingFiles"] ?? 0, "existing_files_count"),
    deletedFiles: integerOf(record["deletedFiles"] ?? 0, "deleted_files_count"),
    addedRows: integerOf(record["addedRows"] ?? 0, "added_rows_count"),
    existingRows: integerOf(record["existingRows"] ?? 0, "existing_rows_count"),
    deletedRows: integerOf(record["deletedRows"] ?? 0, "deleted_rows_count"),
    partitions: Array.isArray(partitions) ? partitions.map(summaryOf) : [],
  };
}

function summaryOf(value: AvroValue): PartitionSummary {
  const record = recordOf(value);
  const { containsNull, containsNan, lowerBound, upperBound } = record;
  return {
    containsNull: containsNull === true,
    ...(typeof containsNan === "boolean" ? { containsNan } : {}),
    ...(lowerBound instanceof Uint8Array ? { lowerBound } : {}),
    ...(upperBound instanceof Uint8Array ? { upperBound } : {}),
  };
}

function entryRow(entry: ManifestEntry, keys: ReadonlyMap<number, string>): AvroValue {
  const { file, status } = entry;
  const inherits = status === "added";
  return {
    status: STATUSES.indexOf(status),
    snapshot_id: entry.snapshotId,
    sequence_number: inherits ? null : entry.sequenceNumber,
    file_sequence_number: inherits ? null : entry.fileSequenceNumber,
    data_file: {
      content: CONTENTS.indexOf(file.content),
      file_path: file.path,
      file_format: file.format,
      partition: Object.fromEntries(
        [...keys].map(([id, key]) => [key, file.partition.get(id) ?? null]),
      ),
      record_count: file.rowCount,
      file_size_in_bytes: file.sizeBytes,
      column_sizes: pairs(file.columnSizes),
      value_counts: pairs(file.valueCounts),
      null_value_counts: pairs(file.nullCounts),
      nan_value_counts: pairs(file.nanCounts),
      lower_bounds: pairs(file.lowerBounds),
      upper_bounds: pairs(file.upperBounds),
      key_metadata: file.keyMetadata ?? null,
      split_offsets: file.splitOffsets ?? null,
      equality_ids: file.equalityIds ?? null,
      sort_order_id: file.sortOrderId ?? null,
      referenced_data_file: file.referencedDataFile ?? null,
    },
  };
}

function listRow(manifest: ManifestFile): AvroValue {
  return {
    manifest_path: manifest.path,
    manifest_length: manifest.sizeBytes,
    partition_spec_id: manifest.specId,
    content: manifest.content === "deletes" ? 1 : 0,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFiles,
    existing_files_count: manifest.existingFiles,
    deleted_files_count: manifest.deletedFiles,
    added_rows_count: manifest.addedRows,
    existing_rows_count: manifest.existingRows,
    deleted_rows_count: manifest.deletedRows,
    partitions: manifest.partitions.map((summary) => ({
      contains_null: summary.containsNull,
      contains_nan: summary.containsNan ?? null,
      lower_bound: summary.lowerBound ?? null,
      upper_bound: summary.upperBound ?? null,
    })),
  };
}

/** A map with integer keys: Avro has none, so Iceberg writes an array of pairs. */
function pairs(map: ReadonlyMap<number, AvroValue>): AvroValue {
  if (map.size === 0) return null;
  return [...map].map(([key, value]) => ({ key, value }));
}

function mapOf<T>(
  value: AvroValue | undefined,
  parse: (value: AvroValue | undefined, what: string) => T,
): ReadonlyMap<number, T> {
  const map = new Map<number, T>();
  if (!Array.isArray(value)) return map;
  for (const pair of value) {
    const record = recordOf(pair);
    map.set(integerOf(record["key"], "column id"), parse(record["value"], "column value"));
  }
  return map;
}

function recordOf(value: AvroValue | undefined): AvroRecord {
  if (
    value === null ||
    typeof value !== "object" ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Uint8Array
  ) {
    throw wrong("a record is missing");
  }
  // What is left of AvroValue is the record.
  return value as AvroRecord;
}

function integerOf(value: AvroValue | undefined, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw wrong(`${what} is no integer`);
}

function longOr(value: AvroValue | undefined, inherited: bigint): bigint {
  if (value === null || value === undefined) return inherited;
  if (typeof value === "bigint") return value;
  return BigInt(integerOf(value, "a sequence number or snapshot id"));
}

function textOf(value: AvroValue | undefined, what: string): string {
  if (typeof value === "string") return value;
  throw wrong(`${what} is no text`);
}

function bytesOf(value: AvroValue | undefined, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw wrong(`${what} is not bytes`);
}

function wrong(why: string): WaybillError {
  return new WaybillError("data_loss", `${why}.`);
}
