import type { Engine } from "../engine/index.ts";
import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { ObjectStore } from "../storage/index.ts";
import type { BranchOption, RowChange } from "./branch.ts";
import { type HeadLookup, openCatalog, type TableState } from "./catalog.ts";
import { commitDrop, commitMetadata, type WarehouseContext } from "./commit.ts";
import {
  type Alteration,
  alterTable,
  type ColumnDefinition,
  type PartitionDefinition,
  type SortDefinition,
  schemaOf,
} from "./evolve.ts";
import { openTableFiles } from "./files.ts";
import type { TableMetadata } from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { type MergeOptions, mergeRows } from "./merge.ts";
import { parseTableName, type TableName } from "./names.ts";
import { freshLocation, newTable } from "./new-table.ts";
import { type CleanUp, removeOrphanFiles } from "./orphans.ts";
import type { Condition } from "./prune.ts";
import {
  type ExpireOptions,
  expired,
  type RefDefinition,
  rolledBack,
  withoutRef,
  withRef,
} from "./refs.ts";
import { appendRows, compactRows, deleteRows, overwriteRows, updateRows } from "./rows.ts";
import { type AsOf, countRows, scanTable } from "./scan.ts";
import { openTableCatalog, type TableCatalog } from "./table-catalog.ts";
import {
  changeOf,
  partitionedBy,
  rowChangeOf,
  type SnapshotView,
  snapshotView,
  sortedBy,
  type TableChange,
  type TableView,
} from "./views.ts";
import { inferTableSchema } from "./write.ts";

/** What a warehouse works with. */
export interface WarehouseOptions {
  /** Where the tables lie; each in `<namespace>/<table>/{metadata,data}`. */
  readonly store: ObjectStore;
  readonly engine: Engine;
  /** Says which metadata of a table is current: a recorder. */
  readonly heads: HeadLookup;
  readonly clock?: Clock;
}

/** How a new table is laid out. */
export interface TableOptions {
  readonly properties?: Readonly<Record<string, string>>;
  readonly partitionBy?: readonly PartitionDefinition[];
  readonly sortBy?: readonly SortDefinition[];
}

/** Rows to be written: a table name or table expression of the engine. */
export interface RowSource extends BranchOption {
  readonly relation: string;
}

/**
 * Tables in Apache Iceberg's format, version 2. The head of each table is a ref of the metadata store,
 * so that a commit is a record and a compare-and-swap in one: two writers cannot both win, and what
 * a killed writer left behind is never seen. Verbs that change a table take the open step; the change
 * is there when the step closes. Conditions and expressions are SQL of the engine, over the columns.
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
    options?: TableOptions,
  ): Promise<TableChange>;

  /**
   * Appends the rows of a relation as one snapshot. Columns are matched by name; those that the
   * relation lacks are NULL.
   * @throws `not_found` for an unknown table; `invalid_argument` when rows do not fit its columns
   */
  append(step: Step, table: string, rows: RowSource): Promise<TableChange>;

  /** As {@link Warehouse.append}; makes the table with the relation's columns when there is none. */
  load(step: Step, table: string, rows: RowSource): Promise<TableChange>;

  /** Replaces the rows for which `where` holds (all, without it) by those of a relation. */
  overwrite(
    step: Step,
    table: string,
    rows: RowSource & { readonly where?: string },
  ): Promise<TableChange>;

  /** Deletes the rows for which `where` holds. Earlier snapshots keep them. */
  delete(
    step: Step,
    table: string,
    options: BranchOption & { readonly where: string },
  ): Promise<TableChange>;

  /** Sets columns to expressions in the rows for which `where` holds (all, without it). */
  update(
    step: Step,
    table: string,
    options: BranchOption & {
      readonly set: Readonly<Record<string, string>>;
      readonly where?: string;
    },
  ): Promise<TableChange>;

  /**
   * Brings rows by key: updates those that are there, inserts the others.
   * @throws `invalid_argument` when a key is NULL or twice in the relation
   */
  merge(step: Step, table: string, options: MergeOptions): Promise<TableChange>;

  /** Rewrites small files, and those with delete files of other engines, into few large ones. */
  compact(
    step: Step,
    table: string,
    options?: BranchOption & { readonly targetBytes?: number },
  ): Promise<TableChange>;

  /** Changes columns, partitions, sort order or properties; no row is rewritten. */
  alter(step: Step, table: string, alterations: readonly Alteration[]): Promise<TableChange>;

  /** Makes a tag, or makes or moves a branch. */
  setRef(step: Step, table: string, ref: RefDefinition): Promise<TableChange>;

  /** Drops a tag or branch. The snapshots that only it reached go with the next expiry. */
  dropRef(step: Step, table: string, ref: string): Promise<TableChange>;

  /** Makes an earlier snapshot the current one again. Nothing is lost: it can be undone likewise. */
  rollback(step: Step, table: string, options: { readonly to: AsOf }): Promise<TableChange>;

  /** Forgets old snapshots; {@link Warehouse.removeOrphans} then frees their files. */
  expire(step: Step, table: string, options: ExpireOptions): Promise<TableChange>;

  /** Deletes files in the table's folder that it does not need, if they are old enough. */
  removeOrphans(step: Step, table: string, options: { readonly olderThan: Date }): Promise<CleanUp>;

  /** Drops a table. The record of it stays, and its files until somebody deletes them. */
  dropTable(step: Step, table: string): Promise<void>;

  /**
   * A table as it is, or as it was at a time, at a snapshot, or at the head of a branch or tag.
   * @param options.filter leaves out files that have no row for it, by partitions and bounds; the rows
   *   of the other files are all there, so the query still has to filter
   * @throws `not_found` for unknown tables and states, `data_loss` when a file is gone or damaged
   */
  table(
    name: string,
    options?: { readonly asOf?: AsOf; readonly filter?: readonly Condition[] },
  ): Promise<TableView>;

  /** The snapshots of a table, oldest first. */
  snapshots(table: string): Promise<readonly SnapshotView[]>;

  /** The full names of the tables, sorted. */
  tables(): Promise<readonly string[]>;

  /** The tables as other engines deal with them, for a catalog's protocol. */
  readonly catalog: TableCatalog;
}

/** Opens the warehouse in an object store. Nothing is read or written before the first call. */
export function openWarehouse(options: WarehouseOptions): Warehouse {
  const { engine } = options;
  const files = openTableFiles(options.store);
  const catalog = openCatalog(files, options.heads);
  const clock = options.clock ?? systemClock;
  const { heads } = options;
  const context: WarehouseContext = { engine, files, catalog, heads, clock };

  async function onRows(
    table: string,
    work: (state: TableState) => Promise<RowChange>,
  ): Promise<TableChange> {
    const name = parseTableName(table);
    return rowChangeOf(name, await work(await catalog.load(name)));
  }

  async function onMetadata(
    step: Step,
    table: string,
    change: (state: TableState) => TableMetadata,
  ): Promise<TableChange> {
    const name = parseTableName(table);
    const base = await catalog.load(name);
    const next = change(base);
    if (next === base.metadata) {
      return rowChangeOf(name, {
        commit: { artifact: base.head, ...base },
        snapshot: undefined,
        affectedRows: 0,
      });
    }
    return changeOf(name, await commitMetadata(context, step, name, { base, next }));
  }

  async function emptyTable(name: TableName, schema: TableSchema, table: TableOptions = {}) {
    const location = await freshLocation(context, name);
    const empty = newTable(location, schema, {
      properties: table.properties ?? {},
      nowMs: clock.nowMs(),
    });
    const layout: Alteration[] = [];
    if (table.partitionBy) layout.push({ kind: "partition-by", fields: table.partitionBy });
    if (table.sortBy) layout.push({ kind: "sort-by", fields: table.sortBy });
    return alterTable(name.full, empty, layout, clock.nowMs());
  }

  return {
    async createTable(step, table, columns, tableOptions) {
      const name = parseTableName(table);
      if ((await catalog.find(name)) !== undefined) throw taken(name);
      const next = await emptyTable(name, schemaOf(name.full, columns), tableOptions);
      return changeOf(name, await commitMetadata(context, step, name, { base: undefined, next }));
    },

    append: (step, table, rows) =>
      onRows(table, (state) => appendRows(context, step, state.name, state, rows)),

    async load(step, table, rows) {
      const name = parseTableName(table);
      const state = await catalog.find(name);
      if (state !== undefined) {
        return rowChangeOf(name, await appendRows(context, step, name, state, rows));
      }
      const schema = await inferTableSchema(engine, rows.relation, step.signal);
      const fresh = { metadata: await emptyTable(name, schema) };
      return rowChangeOf(name, await appendRows(context, step, name, fresh, rows));
    },

    overwrite: (step, table, rows) =>
      onRows(table, (state) => overwriteRows(context, step, state, rows)),
    delete: (step, table, given) =>
      onRows(table, (state) => deleteRows(context, step, state, given)),
    update: (step, table, given) =>
      onRows(table, (state) => updateRows(context, step, state, given)),
    merge: (step, table, given) => onRows(table, (state) => mergeRows(context, step, state, given)),
    compact: (step, table, given) =>
      onRows(table, (state) => compactRows(context, step, state, given)),

    alter: (step, table, alterations) =>
      onMetadata(step, table, ({ name, metadata }) =>
        alterTable(name.full, metadata, alterations, clock.nowMs()),
      ),
    setRef: (step, table, ref) =>
      onMetadata(step, table, (state) => withRef(state, ref, clock.nowMs())),
    dropRef: (step, table, ref) =>
      onMetadata(step, table, (state) => withoutRef(state, ref, clock.nowMs())),
    rollback: (step, table, { to }) =>
      onMetadata(step, table, (state) => rolledBack(state, to, clock.nowMs())),
    expire: (step, table, given) =>
      onMetadata(step, table, (state) => expired(state, given, clock.nowMs())),

    async removeOrphans(step, table, { olderThan }) {
      const state = await catalog.load(parseTableName(table));
      return removeOrphanFiles(context, step, state, olderThan);
    },

    async dropTable(step, table) {
      const name = parseTableName(table);
      const base = await catalog.load(name);
      await commitDrop(step, base);
    },

    async table(table, given) {
      const state = await catalog.load(parseTableName(table));
      const { metadata } = state;
      const scan = await scanTable(engine, files, state, given);
      return {
        table: state.name.full,
        artifact: state.head,
        metadataUri: state.metadataUri,
        schema: scan.schema,
        partitionedBy: partitionedBy(metadata),
        sortedBy: sortedBy(metadata),
        properties: metadata.properties,
        snapshot: scan.snapshot && snapshotView(metadata, scan.snapshot),
        rowCount: await countRows(engine, scan),
        fileCount: scan.entries.length,
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
    catalog: openTableCatalog(context),
  };
}

function taken(name: TableName): WaybillError {
  return new WaybillError("already_exists", `The table "${name.full}" exists already.`, {
    hint: "Append to it, or choose another name.",
  });
}
