import type { AvroField, AvroSchema } from "./avro.ts";

/** Ids decide what a field is; names vary (504 is also written as `added_data_files_count`). */
const LIST_KEYS: Readonly<Record<number, string>> = {
  500: "path",
  501: "length",
  502: "spec",
  517: "content",
  515: "sequence",
  516: "minSequence",
  503: "snapshot",
  504: "addedFiles",
  505: "existingFiles",
  506: "deletedFiles",
  512: "addedRows",
  513: "existingRows",
  514: "deletedRows",
  507: "partitions",
  509: "containsNull",
  518: "containsNan",
  510: "lowerBound",
  511: "upperBound",
};

const MANIFEST_KEYS: Readonly<Record<number, string>> = {
  0: "status",
  1: "snapshot",
  3: "sequence",
  4: "fileSequence",
  2: "file",
  134: "content",
  100: "path",
  101: "format",
  102: "partition",
  103: "rows",
  104: "size",
  108: "columnSizes",
  109: "valueCounts",
  110: "nullCounts",
  137: "nanCounts",
  125: "lowerBounds",
  128: "upperBounds",
  131: "keyMetadata",
  132: "splitOffsets",
  135: "equalityIds",
  140: "sortOrder",
  143: "referencedDataFile",
};
/** Partition fields are numbered from here. */
const FIRST_PARTITION_ID = 1000;

/** How we name a field of a manifest list, by its id. */
export function listKey(field: AvroField): string {
  const id = field["field-id"];
  return (id === undefined ? undefined : LIST_KEYS[id]) ?? `other:${field.name}`;
}

/** How we name a field of a manifest, by its id. */
export function manifestKey(field: AvroField): string {
  const id = field["field-id"];
  if (id === undefined) return field.name;
  if (id >= FIRST_PARTITION_ID) return `partition:${id}`;
  if (field.name === "key" || field.name === "value") return field.name;
  return MANIFEST_KEYS[id] ?? `other:${field.name}`;
}

/** A name as Avro allows it; others are written as Iceberg's Java library does. */
export function avroName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  return [...name]
    .map((char, index) => {
      if (/[A-Za-z_]/.test(char) || (index > 0 && /[0-9]/.test(char))) return char;
      if (/[0-9]/.test(char)) return `_${char}`;
      return `_x${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}`;
    })
    .join("");
}

function required(id: number, name: string, type: AvroSchema): AvroField {
  return { name, type, "field-id": id };
}

/** A field that may be null, as Iceberg's Avro schemas have it. */
export function optional(id: number, name: string, type: AvroSchema): AvroField {
  return { name, type: ["null", type], default: null, "field-id": id };
}

function pairsType(key: number, value: number, type: AvroSchema): AvroSchema {
  return {
    type: "array",
    logicalType: "map",
    items: {
      type: "record",
      name: `k${key}_v${value}`,
      fields: [required(key, "key", "int"), required(value, "value", type)],
    },
  };
}

/** The schema of a manifest's entries. Source: Apache Iceberg specification, "Manifests". */
export function entrySchema(partitionFields: readonly AvroField[]): AvroSchema {
  const file: AvroSchema = {
    type: "record",
    name: "r2",
    fields: [
      required(134, "content", "int"),
      required(100, "file_path", "string"),
      required(101, "file_format", "string"),
      required(102, "partition", { type: "record", name: "r102", fields: partitionFields }),
      required(103, "record_count", "long"),
      required(104, "file_size_in_bytes", "long"),
      optional(108, "column_sizes", pairsType(117, 118, "long")),
      optional(109, "value_counts", pairsType(119, 120, "long")),
      optional(110, "null_value_counts", pairsType(121, 122, "long")),
      optional(137, "nan_value_counts", pairsType(138, 139, "long")),
      optional(125, "lower_bounds", pairsType(126, 127, "bytes")),
      optional(128, "upper_bounds", pairsType(129, 130, "bytes")),
      optional(131, "key_metadata", "bytes"),
      optional(132, "split_offsets", { type: "array", items: "long", "element-id": 133 }),
      optional(135, "equality_ids", { type: "array", items: "int", "element-id": 136 }),
      optional(140, "sort_order_id", "int"),
      optional(143, "referenced_data_file", "string"),
    ],
  };
  return {
    type: "record",
    name: "manifest_entry",
    fields: [
      required(0, "status", "int"),
      optional(1, "snapshot_id", "long"),
      optional(3, "sequence_number", "long"),
      optional(4, "file_sequence_number", "long"),
      required(2, "data_file", file),
    ],
  };
}

/** The schema of a manifest list's entries. Source: as above, "Manifest Lists". */
export const LIST_SCHEMA: AvroSchema = {
  type: "record",
  name: "manifest_file",
  fields: [
    required(500, "manifest_path", "string"),
    required(501, "manifest_length", "long"),
    required(502, "partition_spec_id", "int"),
    required(517, "content", "int"),
    required(515, "sequence_number", "long"),
    required(516, "min_sequence_number", "long"),
    required(503, "added_snapshot_id", "long"),
    required(504, "added_files_count", "int"),
    required(505, "existing_files_count", "int"),
    required(506, "deleted_files_count", "int"),
    required(512, "added_rows_count", "long"),
    required(513, "existing_rows_count", "long"),
    required(514, "deleted_rows_count", "long"),
    optional(507, "partitions", {
      type: "array",
      "element-id": 508,
      items: {
        type: "record",
        name: "r508",
        fields: [
          required(509, "contains_null", "boolean"),
          optional(518, "contains_nan", "boolean"),
          optional(510, "lower_bound", "bytes"),
          optional(511, "upper_bound", "bytes"),
        ],
      },
    }),
  ],
};
