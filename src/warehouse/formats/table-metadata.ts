import { WaybillError } from "../../foundation/index.ts";
import { type ExactJson, parseExactJson, printExactJson } from "./exact-json.ts";
import { isArray, objectOf, parseTableSchema, type TableSchema } from "./table-schema.ts";

/**
 * The metadata of an Iceberg table, format version 2, with the members' names as they lie on disk.
 * 64-bit members are bigint. What we do not know (statistics files of other engines) is kept in `rest`.
 * Source: Apache Iceberg specification, "Table Metadata" and appendix C.
 */
export interface TableMetadata {
  readonly "format-version": 2;
  readonly "table-uuid": string;
  readonly location: string;
  readonly "last-sequence-number": bigint;
  readonly "last-updated-ms": number;
  readonly "last-column-id": number;
  readonly "current-schema-id": number;
  readonly schemas: readonly TableSchema[];
  readonly "default-spec-id": number;
  readonly "partition-specs": readonly PartitionSpec[];
  readonly "last-partition-id": number;
  readonly "default-sort-order-id": number;
  readonly "sort-orders": readonly SortOrder[];
  readonly properties: Readonly<Record<string, string>>;
  /** {@link NO_SNAPSHOT} for a table without rows yet. */
  readonly "current-snapshot-id": bigint;
  readonly refs: Readonly<Record<string, SnapshotRef>>;
  readonly snapshots: readonly Snapshot[];
  readonly "snapshot-log": readonly SnapshotLogEntry[];
  readonly "metadata-log": readonly MetadataLogEntry[];
  /** Members that are passed on as they came. */
  readonly rest: Readonly<Record<string, ExactJson>>;
}

/** How rows are cut into files. */
export interface PartitionSpec {
  readonly "spec-id": number;
  readonly fields: readonly PartitionField[];
}

/** One value that all rows of a file share: `transform` of the column `source-id`. */
export interface PartitionField {
  readonly "source-id": number;
  readonly "field-id": number;
  readonly name: string;
  readonly transform: string;
}

/** How rows are sorted within files. */
export interface SortOrder {
  readonly "order-id": number;
  readonly fields: readonly SortField[];
}

/** One key of a sort order. */
export interface SortField {
  readonly transform: string;
  readonly "source-id": number;
  readonly direction: "asc" | "desc";
  readonly "null-order": "nulls-first" | "nulls-last";
}

/** A state of the table's rows. */
export interface Snapshot {
  readonly "snapshot-id": bigint;
  readonly "parent-snapshot-id"?: bigint;
  readonly "sequence-number": bigint;
  readonly "timestamp-ms": number;
  readonly "manifest-list": string;
  readonly "schema-id"?: number;
  /** Has `operation` (append, replace, overwrite, delete) and counts as texts. */
  readonly summary: Readonly<Record<string, string>>;
}

/** A branch (its head moves) or a tag (it does not). */
export interface SnapshotRef {
  readonly "snapshot-id": bigint;
  readonly type: "branch" | "tag";
  readonly "min-snapshots-to-keep"?: number;
  readonly "max-snapshot-age-ms"?: number;
  readonly "max-ref-age-ms"?: number;
}

/** When a snapshot became the current one. */
export interface SnapshotLogEntry {
  readonly "snapshot-id": bigint;
  readonly "timestamp-ms": number;
}

/** Which metadata file was current before. */
export interface MetadataLogEntry {
  readonly "metadata-file": string;
  readonly "timestamp-ms": number;
}

/** What `current-snapshot-id` is before the first snapshot. */
export const NO_SNAPSHOT = -1n;

/**
 * Parses and checks a metadata file.
 * @param where names the file in errors
 * @throws `data_loss` for damage, `unimplemented` for a format version other than 2
 */
export function parseTableMetadata(text: string, where: string): TableMetadata {
  return tableMetadataOf(parseExactJson(text, where), where);
}

/** As {@link parseTableMetadata}, from JSON that is parsed already. */
export function tableMetadataOf(json: ExactJson, where: string): TableMetadata {
  const fail = (why: string) =>
    new WaybillError("data_loss", `The table metadata ${where} is damaged: ${why}.`);
  const root = objectOf(json, () => fail("it is no object"));
  const version = root["format-version"];
  if (version !== 2) {
    throw typeof version === "number"
      ? new WaybillError(
          "unimplemented",
          `The table metadata ${where} has format version ${version}; Waybill reads and writes 2.`,
          { hint: `Set the table's property "format-version" to 2 with the engine that wrote it.` },
        )
      : fail("it has no format-version");
  }
  const {
    "format-version": _version,
    "table-uuid": uuid,
    location,
    "last-sequence-number": lastSequence,
    "last-updated-ms": lastUpdated,
    "last-column-id": lastColumn,
    "current-schema-id": currentSchema,
    schemas,
    "default-spec-id": defaultSpec,
    "partition-specs": specs,
    "last-partition-id": lastPartition,
    "default-sort-order-id": defaultOrder,
    "sort-orders": orders,
    properties,
    "current-snapshot-id": currentSnapshot,
    refs,
    snapshots,
    "snapshot-log": snapshotLog,
    "metadata-log": metadataLog,
    ...rest
  } = root;
  const metadata: TableMetadata = {
    "format-version": 2,
    "table-uuid": text(uuid, "table-uuid"),
    location: text(location, "location"),
    "last-sequence-number": long(lastSequence, "last-sequence-number"),
    "last-updated-ms": integer(lastUpdated, "last-updated-ms"),
    "last-column-id": integer(lastColumn, "last-column-id"),
    "current-schema-id": integer(currentSchema, "current-schema-id"),
    schemas: list(schemas, "schemas").map((schema) =>
      parseTableSchema(schema, `The table metadata ${where} is damaged`),
    ),
    "default-spec-id": integer(defaultSpec, "default-spec-id"),
    "partition-specs": list(specs, "partition-specs").map((spec) => {
      const { "spec-id": id, fields } = object(spec, "partition-specs");
      return {
        "spec-id": integer(id, "spec-id"),
        fields: list(fields, "fields of a partition spec").map(partitionField),
      };
    }),
    "last-partition-id": integer(lastPartition ?? 999, "last-partition-id"),
    "default-sort-order-id": integer(defaultOrder ?? 0, "default-sort-order-id"),
    "sort-orders": list(orders ?? [{ "order-id": 0, fields: [] }], "sort-orders").map((order) => {
      const { "order-id": id, fields } = object(order, "sort-orders");
      return {
        "order-id": integer(id, "order-id"),
        fields: list(fields, "fields of a sort order").map(sortField),
      };
    }),
    properties: texts(properties ?? {}, "properties"),
    "current-snapshot-id": long(currentSnapshot ?? NO_SNAPSHOT, "current-snapshot-id"),
    refs: Object.fromEntries(
      Object.entries(object(refs ?? {}, "refs")).map(([name, ref]) => [name, snapshotRef(ref)]),
    ),
    snapshots: list(snapshots ?? [], "snapshots").map(snapshot),
    "snapshot-log": list(snapshotLog ?? [], "snapshot-log").map((entry) => {
      const { "snapshot-id": id, "timestamp-ms": time } = object(entry, "snapshot-log");
      return { "snapshot-id": long(id, "snapshot-id"), "timestamp-ms": integer(time, "timestamp") };
    }),
    "metadata-log": list(metadataLog ?? [], "metadata-log").map((entry) => {
      const { "metadata-file": file, "timestamp-ms": time } = object(entry, "metadata-log");
      return {
        "metadata-file": text(file, "metadata-file"),
        "timestamp-ms": integer(time, "timestamp"),
      };
    }),
    rest,
  };
  checkReferences(metadata);
  const main = metadata.refs["main"];
  const current = metadata["current-snapshot-id"];
  // Writers before branches wrote no refs; the current snapshot is then the head of main.
  if (main !== undefined || current === NO_SNAPSHOT) return metadata;
  return {
    ...metadata,
    refs: { ...metadata.refs, main: { "snapshot-id": current, type: "branch" } },
  };

  function checkReferences(metadata: TableMetadata): void {
    const schemaIds = new Set(metadata.schemas.map((schema) => schema["schema-id"]));
    if (!schemaIds.has(metadata["current-schema-id"])) throw fail("its current schema is missing");
    const specIds = new Set(metadata["partition-specs"].map((spec) => spec["spec-id"]));
    if (!specIds.has(metadata["default-spec-id"])) throw fail("its default spec is missing");
    const snapshotIds = new Set(metadata.snapshots.map((snapshot) => snapshot["snapshot-id"]));
    const current = metadata["current-snapshot-id"];
    if (current !== NO_SNAPSHOT && !snapshotIds.has(current))
      throw fail(`its current snapshot ${current} is missing`);
    for (const [name, ref] of Object.entries(metadata.refs)) {
      if (!snapshotIds.has(ref["snapshot-id"]))
        throw fail(`the snapshot of ref "${name}" is missing`);
    }
  }

  function partitionField(json: ExactJson): PartitionField {
    const field = object(json, "partition field");
    return {
      "source-id": integer(field["source-id"], "source-id"),
      "field-id": integer(field["field-id"], "field-id"),
      name: text(field["name"], "name of a partition field"),
      transform: text(field["transform"], "transform"),
    };
  }

  function sortField(json: ExactJson): SortField {
    const field = object(json, "sort field");
    return {
      transform: text(field["transform"], "transform"),
      "source-id": integer(field["source-id"], "source-id"),
      direction: field["direction"] === "desc" ? "desc" : "asc",
      "null-order": field["null-order"] === "nulls-last" ? "nulls-last" : "nulls-first",
    };
  }

  function snapshot(json: ExactJson): Snapshot {
    const members = object(json, "snapshot");
    const parent = members["parent-snapshot-id"] ?? undefined;
    const schema = members["schema-id"] ?? undefined;
    return {
      "snapshot-id": long(members["snapshot-id"], "snapshot-id"),
      ...(parent === undefined ? {} : { "parent-snapshot-id": long(parent, "parent-snapshot-id") }),
      "sequence-number": long(members["sequence-number"] ?? 0n, "sequence-number"),
      "timestamp-ms": integer(members["timestamp-ms"], "timestamp-ms"),
      "manifest-list": text(members["manifest-list"], "manifest-list"),
      summary: texts(members["summary"] ?? {}, "summary"),
      ...(schema === undefined ? {} : { "schema-id": integer(schema, "schema-id") }),
    };
  }

  function snapshotRef(json: ExactJson): SnapshotRef {
    const members = object(json, "ref");
    const keep = members["min-snapshots-to-keep"] ?? undefined;
    const snapshotAge = members["max-snapshot-age-ms"] ?? undefined;
    const refAge = members["max-ref-age-ms"] ?? undefined;
    return {
      "snapshot-id": long(members["snapshot-id"], "snapshot-id"),
      type: members["type"] === "tag" ? "tag" : "branch",
      ...(keep === undefined ? {} : { "min-snapshots-to-keep": integer(keep, "ref") }),
      ...(snapshotAge === undefined ? {} : { "max-snapshot-age-ms": integer(snapshotAge, "ref") }),
      ...(refAge === undefined ? {} : { "max-ref-age-ms": integer(refAge, "ref") }),
    };
  }

  function object(json: ExactJson | undefined, what: string) {
    return objectOf(json, () => fail(`${what} is no object`));
  }

  function list(json: ExactJson | undefined, what: string): readonly ExactJson[] {
    if (!isArray(json)) throw fail(`${what} is no list`);
    return json;
  }

  function text(json: ExactJson | undefined, what: string): string {
    if (typeof json !== "string") throw fail(`${what} is no text`);
    return json;
  }

  function texts(json: ExactJson, what: string): Readonly<Record<string, string>> {
    const entries = Object.entries(object(json, what));
    return Object.fromEntries(
      entries.map(([key, value]) => [key, text(value, `${what} "${key}"`)]),
    );
  }

  function integer(json: ExactJson | undefined, what: string): number {
    if (typeof json !== "number" || !Number.isSafeInteger(json))
      throw fail(`${what} is no integer`);
    return json;
  }

  function long(json: ExactJson | undefined, what: string): bigint {
    if (typeof json === "bigint") return json;
    return BigInt(integer(json, what));
  }
}

/** The JSON of a table's metadata, ready to be printed exactly. */
export function tableMetadataJson(
  metadata: TableMetadata,
): Omit<TableMetadata, "rest"> & Readonly<Record<string, unknown>> {
  const { rest, ...members } = metadata;
  return { ...rest, ...members };
}

/** The text of a metadata file. A long history is printed once: its snapshots never change. */
export function printTableMetadata(metadata: TableMetadata): string {
  const { snapshots, "snapshot-log": log, ...members } = tableMetadataJson(metadata);
  const rest = printExactJson(members).slice(0, -1);
  return `${rest},"snapshots":[${listText(snapshots)}],"snapshot-log":[${listText(log)}]}`;
}

const printed = new WeakMap<object, string>();

function listText(members: readonly object[]): string {
  const texts = members.map((member) => {
    const known = printed.get(member);
    if (known !== undefined) return known;
    const text = printExactJson(member);
    printed.set(member, text);
    return text;
  });
  return texts.join(",");
}

/** The schema with an id. @throws `data_loss` when the metadata has none such */
export function schemaWithId(metadata: TableMetadata, id: number): TableSchema {
  const schema = metadata.schemas.find((schema) => schema["schema-id"] === id);
  if (schema !== undefined) return schema;
  throw new WaybillError("data_loss", `The table at ${metadata.location} has no schema ${id}.`);
}

/** The schema that new rows have. */
export function currentSchema(metadata: TableMetadata): TableSchema {
  return schemaWithId(metadata, metadata["current-schema-id"]);
}

/** The partition spec with an id. @throws `data_loss` when the metadata has none such */
export function specWithId(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata["partition-specs"].find((spec) => spec["spec-id"] === id);
  if (spec !== undefined) return spec;
  throw new WaybillError("data_loss", `The table at ${metadata.location} has no spec ${id}.`);
}

/** The snapshot with an id, or undefined. */
export function snapshotWithId(metadata: TableMetadata, id: bigint): Snapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot["snapshot-id"] === id);
}

/** The snapshot that reads see, or undefined before the first. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return snapshotWithId(metadata, metadata["current-snapshot-id"]);
}
