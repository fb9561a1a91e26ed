import type { ExactJson } from "./formats/exact-json.ts";
import type { PartitionField, Snapshot, SnapshotRef, SortOrder } from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";

/**
 * A change of a table's metadata, with the names that a REST catalog's clients use. An id of -1 means
 * the schema, spec or order that was added last.
 * Source: Apache Iceberg REST catalog specification, "TableUpdate".
 */
export type TableUpdate =
  | { readonly action: "assign-uuid"; readonly uuid: string }
  | { readonly action: "upgrade-format-version"; readonly "format-version": number }
  | {
      readonly action: "add-schema";
      readonly schema: TableSchema;
      readonly "last-column-id"?: number;
    }
  | { readonly action: "set-current-schema"; readonly "schema-id": number }
  | { readonly action: "add-spec"; readonly spec: NewPartitionSpec }
  | { readonly action: "set-default-spec"; readonly "spec-id": number }
  | { readonly action: "add-sort-order"; readonly "sort-order": SortOrder }
  | { readonly action: "set-default-sort-order"; readonly "sort-order-id": number }
  | { readonly action: "set-location"; readonly location: string }
  | { readonly action: "set-properties"; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: "remove-properties"; readonly removals: readonly string[] }
  | { readonly action: "add-snapshot"; readonly snapshot: Snapshot }
  | ({ readonly action: "set-snapshot-ref"; readonly "ref-name": string } & SnapshotRef)
  | { readonly action: "remove-snapshot-ref"; readonly "ref-name": string }
  | { readonly action: "remove-snapshots"; readonly "snapshot-ids": readonly bigint[] }
  | { readonly action: "remove-schemas"; readonly "schema-ids": readonly number[] }
  | { readonly action: "remove-partition-specs"; readonly "spec-ids": readonly number[] }
  | {
      readonly action: "set-statistics" | "set-partition-statistics";
      readonly "snapshot-id": bigint;
      readonly statistics: ExactJson;
    }
  | {
      readonly action: "remove-statistics" | "remove-partition-statistics";
      readonly "snapshot-id": bigint;
    };

/** A spec whose new fields have no ids yet. */
export interface NewPartitionSpec {
  readonly fields: readonly (Omit<PartitionField, "field-id"> & { readonly "field-id"?: number })[];
}
