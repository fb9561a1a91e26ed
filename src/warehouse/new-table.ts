import { randomUUID } from "node:crypto";
import type { WarehouseContext } from "./commit.ts";
import { NO_SNAPSHOT, type TableMetadata } from "./formats/table-metadata.ts";
import { greatestFieldId, type TableSchema } from "./formats/table-schema.ts";
import type { TableName } from "./names.ts";

/** The metadata of a table without rows, unpartitioned and unsorted. */
export function newTable(
  location: string,
  schema: TableSchema,
  options: { readonly properties: Readonly<Record<string, string>>; readonly nowMs: number },
): TableMetadata {
  return {
    "format-version": 2,
    "table-uuid": randomUUID(),
    location,
    "last-sequence-number": 0n,
    "last-updated-ms": options.nowMs,
    "last-column-id": greatestFieldId(schema),
    "current-schema-id": schema["schema-id"],
    schemas: [schema],
    "default-spec-id": 0,
    "partition-specs": [{ "spec-id": 0, fields: [] }],
    "last-partition-id": 999,
    "default-sort-order-id": 0,
    "sort-orders": [{ "order-id": 0, fields: [] }],
    properties: options.properties,
    "current-snapshot-id": NO_SNAPSHOT,
    refs: {},
    snapshots: [],
    "snapshot-log": [],
    "metadata-log": [],
    rest: {},
  };
}

/**
 * Where a new table goes: `<namespace>/<table>`, or beside it when the name was used before, since
 * that table's files may still lie there (under another name, too) and no two share a folder. What a
 * killed first commit left there has no head, and is in nobody's way.
 */
export async function freshLocation(context: WarehouseContext, name: TableName): Promise<string> {
  const plain = `${name.namespace.join(".")}/${name.table}`;
  const wasUsed = (await context.catalog.head(name)) !== undefined;
  return context.files.uriOf(wasUsed ? `${plain}-${randomUUID().slice(0, 8)}` : plain);
}
