import { randomUUID } from "node:crypto";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { isDropped, type TableState } from "./catalog.ts";
import { commitDrop, commitMetadata, commitRename, type WarehouseContext } from "./commit.ts";
import type { SortField, TableMetadata } from "./formats/table-metadata.ts";
import { parseTableMetadata } from "./formats/table-metadata.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { withFreshIds } from "./fresh-ids.ts";
import { checkNamespace, type TableName, tableNameOf } from "./names.ts";
import { type Namespaces, openNamespaces } from "./namespaces.ts";
import { freshLocation, newTable } from "./new-table.ts";
import { reachableFiles } from "./orphans.ts";
import { checkRequirements, type TableRequirement } from "./requirements.ts";
import type { NewPartitionSpec, TableUpdate } from "./table-update.ts";
import { applyUpdates } from "./updates.ts";
import { openViewCatalog, type ViewCatalog } from "./view-catalog.ts";

/** A table by the levels of its namespace and its own name. */
export interface TableIdentifier {
  readonly namespace: readonly string[];
  readonly name: string;
}

/** A table's metadata and the file that holds it; of a staged table there is no file yet. */
export interface CatalogTable {
  readonly metadata: TableMetadata;
  readonly metadataUri: string | undefined;
}

/** A table that a client wants made. Ids are the client's own, and are given anew. */
export interface NewTable {
  readonly schema: TableSchema;
  readonly spec?: NewPartitionSpec;
  readonly order?: readonly SortField[];
  readonly properties?: Readonly<Record<string, string>>;
}

/** A change of one table. */
export interface CatalogCommit {
  readonly identifier: TableIdentifier;
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/**
 * The tables of a warehouse as other engines deal with them: their metadata, and commits that other
 * engines have written the files of. What it does to a table is seen when the step closes.
 */
export interface TableCatalog extends Namespaces, ViewCatalog {
  /** The names of a namespace's tables, sorted. @throws `not_found` for a missing namespace */
  tablesIn(namespace: readonly string[]): Promise<readonly string[]>;

  /** @throws `not_found` */
  load(identifier: TableIdentifier): Promise<CatalogTable>;

  /** Makes an empty table. @throws `already_exists`, `not_found` for a missing namespace */
  create(step: Step, identifier: TableIdentifier, table: NewTable): Promise<CatalogTable>;

  /**
   * The metadata of a table that is to be made by a later {@link TableCatalog.commit} with
   * `assert-create`, once its first files are written. Its folders are made, since not every engine does.
   */
  stage(identifier: TableIdentifier, table: NewTable): Promise<CatalogTable>;

  /**
   * Changes tables, all or none.
   * @throws `aborted` when a requirement does not hold, `not_found`, `invalid_argument`
   */
  commit(step: Step, commits: readonly CatalogCommit[]): Promise<readonly CatalogTable[]>;

  /** Gives a table another name. @throws `not_found`, `already_exists` */
  rename(step: Step, from: TableIdentifier, to: TableIdentifier): Promise<void>;

  /** Takes in a table whose files are there, by its metadata file. @throws `already_exists` */
  register(step: Step, identifier: TableIdentifier, metadataUri: string): Promise<CatalogTable>;

  /** Drops a table; its files stay. @throws `not_found` */
  drop(step: Step, identifier: TableIdentifier): Promise<CatalogTable>;

  /** Deletes the files of a table that was dropped, unless another table has its folder. */
  purge(step: Step, dropped: CatalogTable): Promise<void>;
}

/** Opens the catalog over what a warehouse shares. */
export function openTableCatalog(context: WarehouseContext): TableCatalog {
  const { files, catalog, clock } = context;
  const views = openViewCatalog(context);
  const namespaces = openNamespaces(context);

  async function find(identifier: TableIdentifier): Promise<TableState | undefined> {
    return catalog.find(nameOf(identifier));
  }

  async function load(identifier: TableIdentifier): Promise<TableState> {
    return catalog.load(nameOf(identifier));
  }

  async function vacant(identifier: TableIdentifier): Promise<TableName> {
    const name = nameOf(identifier);
    await namespaces.namespace(identifier.namespace);
    const view = await context.heads.ref(`view:${name.full}`);
    const isView = view !== undefined && !isDropped(view);
    if (!isView && (await find(identifier)) === undefined) return name;
    const what = isView ? "view" : "table";
    throw new WaybillError("already_exists", `The ${what} "${name.full}" exists already.`);
  }

  async function made(name: TableName, table: NewTable): Promise<TableMetadata> {
    const { schema, idOf } = withFreshIds(table.schema);
    const location = await freshLocation(context, name);
    const nowMs = clock.nowMs();
    const { "format-version": version = "2", ...properties } = table.properties ?? {};
    // Some clients ask for the format version by this property, which a table does not keep.
    const empty = applyUpdates(
      newTable(location, schema, { properties, nowMs }),
      [{ action: "upgrade-format-version", "format-version": Math.max(2, Number(version)) }],
      nowMs,
    );
    const source = (id: number) => idOf(id) ?? -1;
    const updates: TableUpdate[] = [];
    if (table.spec !== undefined && table.spec.fields.length > 0) {
      const fields = table.spec.fields.map(({ name, transform, "source-id": id }) => ({
        name,
        transform,
        "source-id": source(id),
      }));
      updates.push(
        { action: "add-spec", spec: { fields } },
        { action: "set-default-spec", "spec-id": -1 },
      );
    }
    if (table.order !== undefined && table.order.length > 0) {
      const fields = table.order.map((field) => ({
        ...field,
        "source-id": source(field["source-id"]),
      }));
      updates.push(
        { action: "add-sort-order", "sort-order": { "order-id": 0, fields } },
        { action: "set-default-sort-order", "sort-order-id": -1 },
      );
    }
    const laidOut = applyUpdates(empty, updates, nowMs);
    // A new table has the one spec and the one order that it is made with.
    const spec = laidOut["partition-specs"].at(-1);
    return {
      ...laidOut,
      "default-spec-id": 0,
      "partition-specs": [{ "spec-id": 0, fields: spec?.fields ?? [] }],
    };
  }

  return {
    ...namespaces,
    ...views,

    async tablesIn(namespace) {
      await namespaces.namespace(namespace);
      const prefix = `${namespace.join(".")}.`;
      const names = await catalog.names(prefix);
      return names.map((name) => name.slice(prefix.length)).filter((name) => !name.includes("."));
    },

    load: async (identifier) => load(identifier),

    async create(step, identifier, table) {
      const name = await vacant(identifier);
      const next = await made(name, table);
      return commitMetadata(context, step, name, { base: undefined, next });
    },

    async stage(identifier, table) {
      const metadata = await made(await vacant(identifier), table);
      await files.makeFolder(`${files.keyOf(metadata.location)}/metadata`);
      await files.makeFolder(`${files.keyOf(metadata.location)}/data`);
      return { metadata, metadataUri: undefined };
    },

    async commit(step, commits) {
      const planned: { name: TableName; base: TableState | undefined; next: TableMetadata }[] = [];
      for (const { identifier, requirements, updates } of commits) {
        const name = nameOf(identifier);
        const creates = requirements.some(({ type }) => type === "assert-create");
        const base = creates ? await find(identifier) : await load(identifier);
        checkRequirements(base?.metadata, requirements);
        if (base === undefined) await namespaces.namespace(identifier.namespace);
        const start = base?.metadata ?? (await unmade(context, name, updates));
        const next = applyUpdates(start, updates, clock.nowMs());
        files.keyOf(next.location);
        planned.push({ name, base, next });
      }
      const done: CatalogTable[] = [];
      for (const { name, base, next } of planned) {
        if (base !== undefined && next === base.metadata) done.push(base);
        else done.push(await commitMetadata(context, step, name, { base, next }));
      }
      return done;
    },

    async rename(step, from, to) {
      const state = await load(from);
      const name = await vacant(to);
      await commitRename(context, step, state, name);
    },

    async register(step, identifier, metadataUri) {
      const name = await vacant(identifier);
      const text = Buffer.from(await files.read(metadataUri)).toString("utf8");
      const next = parseTableMetadata(text, metadataUri);
      files.keyOf(next.location);
      return commitMetadata(context, step, name, { base: undefined, next, metadataUri });
    },

    async drop(step, identifier) {
      const state = await load(identifier);
      await commitDrop(step, state);
      return state;
    },

    async purge(step, { metadata, metadataUri }) {
      for (const name of await catalog.names()) {
        const other = await catalog.find(nameOfFull(name));
        if (other?.metadata.location === metadata.location) return;
      }
      const keys = await reachableFiles(context, { metadata, metadataUri });
      for (const key of keys) await files.store.delete(key);
      step.note("removed_files", BigInt(keys.size));
    },
  };
}

/** The metadata that the first commit of a staged table starts from: its own updates fill it. */
async function unmade(
  context: WarehouseContext,
  name: TableName,
  updates: readonly TableUpdate[],
): Promise<TableMetadata> {
  const located = updates.find((update) => update.action === "set-location");
  const location = located?.location ?? (await freshLocation(context, name));
  const empty = newTable(
    location,
    { type: "struct", "schema-id": 0, fields: [] },
    { properties: {}, nowMs: context.clock.nowMs() },
  );
  return {
    ...empty,
    "table-uuid": randomUUID(),
    "current-schema-id": -1,
    schemas: [],
    "default-spec-id": -1,
    "partition-specs": [],
    "default-sort-order-id": -1,
    "sort-orders": [],
  };
}

function nameOf({ namespace, name }: TableIdentifier): TableName {
  checkNamespace(namespace);
  return tableNameOf(namespace, name);
}

function nameOfFull(full: string): TableName {
  const levels = full.split(".");
  return tableNameOf(levels.slice(0, -1), levels.at(-1) ?? "");
}
