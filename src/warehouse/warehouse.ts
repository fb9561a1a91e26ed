import { randomUUID } from "node:crypto";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Engine } from "../engine/index.ts";
import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { ObjectStore } from "../storage/index.ts";
import { type HeadLookup, openCatalog, type TableState } from "./catalog.ts";
import { type Commit, commitMetadata, type WarehouseContext } from "./commit.ts";
import { openTableFiles } from "./files.ts";
import {
  NO_SNAPSHOT,
  type Snapshot,
  snapshotWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import { greatestFieldId, parseTableSchema, type TableSchema } from "./formats/table-schema.ts";
import { parseTableName, type TableName } from "./names.ts";
import { type AsOf, scanTable } from "./scan.ts";
import { addSnapshot } from "./snapshot.ts";
import { columnType } from "./types.ts";
import { inferTableSchema, writeRows } from "./write.ts";

/** What a warehouse works with. */
export interface WarehouseOptions {
  /** Where the tables lie; each in `<namespace>/<table>/{metadata,data}`. */
  readonly store: ObjectStore;
  readonly engine: Engine;
  /** Says which metadata of a table is current: a recorder. */
  readonly heads: HeadLookup;
  readonly clock?: Clock;
}

/** A column of a table that is to be made. */
export interface ColumnDefinition {
  readonly name: string;
  /** boolean, int, long, float, double, decimal(p,s), string, date, timestamp, timestamptz, binary. */
  readonly type: string;
  readonly required?: boolean;
  readonly doc?: string;
}

/** What a change of a table gave. The artifact gets its id when the step closes. */
export interface TableChange {
  readonly table: string;
  readonly artifact: Artifact;
  readonly metadataUri: string;
  /** Undefined when the table has no snapshot yet. */
  readonly snapshotId: bigint | undefined;
  readonly addedRows: number;
  readonly deletedRows: number;
  readonly totalRows: number;
}

/** A state of a table. */
export interface TableView {
  readonly table: string;
  readonly artifact: Artifact;
  readonly metadataUri: string;
  readonly schema: TableSchema;
  readonly properties: Readonly<Record<string, string>>;
  /** Undefined when the table has no rows yet. */
  readonly snapshot: SnapshotView | undefined;
  readonly rowCount: number;
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
  readonly addedRows: number;
  readonly deletedRows: number;
  readonly isCurrent: boolean;
  /** Branches and tags that point at it. */
  readonly refs: readonly string[];
}

/**
 * Tables in Apache Iceberg's format, version 2. The head of each table is a ref of the metadata store,
 * so that a commit is a record and a compare-and-swap in one: two writers cannot both win, and what
 * a killed writer left behind is never seen.
 */
export interface Warehouse {
  /**
   * Makes an empty table.
   * @throws `already_exists`
   */
  createTable(
    step: Step,
    table: string,
    columns: readonly ColumnDefinition[],
    options?: { readonly properties?: Readonly<Record<string, string>> },
  ): Promise<TableChange>;

  /**
   * Appends the rows of a relation (a table name or table expression of the engine) as one snapshot.
   * Columns are matched by name; those that the relation lacks are NULL.
   * @throws `not_found` for an unknown table; `invalid_argument` when rows do not fit its columns
   */
  append(step: Step, table: string, rows: { readonly relation: string }): Promise<TableChange>;

  /** As {@link Warehouse.append}; makes the table with the relation's columns when there is none. */
  load(step: Step, table: string, rows: { readonly relation: string }): Promise<TableChange>;

  /**
   * A table as it is, or as it was at a time, at a snapshot, or at the head of a branch or tag.
   * @throws `not_found` for unknown tables and states, `data_loss` when a file is gone or damaged
   */
  table(name: string, options?: { readonly asOf?: AsOf }): Promise<TableView>;

  /** The snapshots of a table, oldest first. */
  snapshots(table: string): Promise<readonly SnapshotView[]>;

  /** The full names of the tables, sorted. */
  tables(): Promise<readonly string[]>;
}

/** Opens the warehouse in an object store. Nothing is read or written before the first call. */
export function openWarehouse(options: WarehouseOptions): Warehouse {
  const { engine } = options;
  const files = openTableFiles(options.store);
  const catalog = openCatalog(files, options.heads);
  const context: WarehouseContext = { files, catalog, clock: options.clock ?? systemClock };

  async function appendTo(
    step: Step,
    name: TableName,
    base: TableState | undefined,
    target: TableMetadata,
    relation: string,
  ): Promise<TableChange> {
    const added = await writeRows(step, engine, files, target, relation);
    const { metadata } = await addSnapshot(
      files,
      target,
      { operation: "append", added },
      context.clock.nowMs(),
    );
    return changeOf(name, await commitMetadata(context, step, name, { base, next: metadata }));
  }

  return {
    async createTable(step, table, columns, { properties = {} } = {}) {
      const name = parseTableName(table);
      if ((await catalog.find(name)) !== undefined) throw taken(name);
      const next = newTable(await freshLocation(context, name), schemaOf(name, columns), {
        properties,
        nowMs: context.clock.nowMs(),
      });
      return changeOf(name, await commitMetadata(context, step, name, { base: undefined, next }));
    },

    async append(step, table, { relation }) {
      const name = parseTableName(table);
      const base = await catalog.load(name);
      return appendTo(step, name, base, base.metadata, relation);
    },

    async load(step, table, { relation }) {
      const name = parseTableName(table);
      const base = await catalog.find(name);
      if (base !== undefined) return appendTo(step, name, base, base.metadata, relation);
      const schema = await inferTableSchema(engine, relation, step.signal);
      const fresh = newTable(await freshLocation(context, name), schema, {
        properties: {},
        nowMs: context.clock.nowMs(),
      });
      return appendTo(step, name, undefined, fresh, relation);
    },

    async table(table, { asOf } = {}) {
      const state = await catalog.load(parseTableName(table));
      const scan = await scanTable(engine, files, state, asOf);
      return {
        table: state.name.full,
        artifact: state.head,
        metadataUri: state.metadataUri,
        schema: scan.schema,
        properties: state.metadata.properties,
        snapshot: scan.snapshot && snapshotView(state.metadata, scan.snapshot),
        rowCount: scan.rowCount,
        relation: scan.relation,
      };
    },

    async snapshots(table) {
      const { metadata } = await catalog.load(parseTableName(table));
      return metadata.snapshots
        .toSorted((a, b) => a["timestamp-ms"] - b["timestamp-ms"])
        .map((snapshot) => snapshotView(metadata, snapshot));
    },

    tables: () => catalog.names(),
  };
}

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
async function freshLocation(context: WarehouseContext, name: TableName): Promise<string> {
  const plain = `${name.namespace.join(".")}/${name.table}`;
  const wasUsed = (await context.catalog.head(name)) !== undefined;
  return context.files.uriOf(wasUsed ? `${plain}-${randomUUID().slice(0, 8)}` : plain);
}

function schemaOf(name: TableName, columns: readonly ColumnDefinition[]): TableSchema {
  if (columns.length === 0) {
    throw new WaybillError("invalid_argument", `The table "${name.full}" has no columns.`);
  }
  const fields = columns.map((column, index) => ({
    id: index + 1,
    required: false,
    ...column,
  }));
  const schema = parseTableSchema(
    { type: "struct", "schema-id": 0, fields },
    `The table "${name.full}"`,
    "invalid_argument",
  );
  for (const { name, type } of schema.fields) columnType(type, name);
  return schema;
}

function changeOf(name: TableName, commit: Commit): TableChange {
  const { metadata } = commit;
  const current = metadata["current-snapshot-id"];
  const summary = snapshotWithId(metadata, current)?.summary ?? {};
  return {
    table: name.full,
    artifact: commit.artifact,
    metadataUri: commit.metadataUri,
    snapshotId: current === NO_SNAPSHOT ? undefined : current,
    addedRows: Number(summary["added-records"] ?? 0),
    deletedRows: Number(summary["deleted-records"] ?? 0),
    totalRows: Number(summary["total-records"] ?? 0),
  };
}

function snapshotView(metadata: TableMetadata, snapshot: Snapshot): SnapshotView {
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
    isCurrent: metadata["current-snapshot-id"] === id,
    refs: Object.entries(metadata.refs)
      .filter(([, ref]) => ref["snapshot-id"] === id)
      .map(([ref]) => ref),
  };
}

function taken(name: TableName): WaybillError {
  return new WaybillError("already_exists", `The table "${name.full}" exists already.`, {
    hint: "Append to it, or choose another name.",
  });
}
