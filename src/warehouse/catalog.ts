import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { nearest, WaybillError } from "../foundation/index.ts";
import type { TableFiles } from "./files.ts";
import { parseTableMetadata, type TableMetadata } from "./formats/table-metadata.ts";
import { headOf, parseTableName, SUGGESTED_MAX, type TableName } from "./names.ts";

/** Where the catalog looks up which metadata file is current: the recorder's refs. */
export interface HeadLookup {
  /** The artifact that a named head points at, or undefined. */
  ref(name: string): Promise<Artifact | undefined>;
}

/** A table as the catalog knows it at one moment. */
export interface TableState {
  readonly name: TableName;
  /** The artifact that the table's head points at; the next commit expects it there still. */
  readonly head: Artifact;
  readonly metadataUri: string;
  readonly metadata: TableMetadata;
}

/** Finds tables by name. */
export interface Catalog {
  /** The table, or undefined. @throws `data_loss` when its metadata is gone or damaged */
  find(name: TableName): Promise<TableState | undefined>;
  /** The table. @throws `not_found` with the nearest names */
  load(name: TableName): Promise<TableState>;
  /** The head itself, which is there even after the table was dropped. */
  head(name: TableName): Promise<Artifact | undefined>;
  /** The full names of all tables that begin with a text, sorted. */
  names(prefix?: string): Promise<readonly string[]>;
  /** Keeps metadata that was just written, so that the next commit need not parse it. */
  remember(metadataUri: string, metadata: TableMetadata): void;
  /** Makes a table findable by {@link Catalog.names}; called before its first commit. */
  announce(name: TableName): Promise<void>;
}

/** Parsed metadata that is kept: a file never changes, so an entry never gets stale. */
const MAX_CACHED_METADATA = 64;
/** Where a marker lies for each table that ever was, so that listing need not walk all data files. */
const TABLE_MARKERS = "_catalog/tables/";

/** Opens the catalog of the tables whose heads are in `heads` and whose files are in `files`. */
export function openCatalog(files: TableFiles, heads: HeadLookup): Catalog {
  const cache = new Map<string, TableMetadata>();

  async function metadataAt(uri: string): Promise<TableMetadata> {
    const cached = cache.get(uri);
    if (cached !== undefined) return cached;
    const bytes = await files.read(uri);
    const metadata = parseTableMetadata(Buffer.from(bytes).toString("utf8"), uri);
    remember(uri, metadata);
    return metadata;
  }

  function remember(uri: string, metadata: TableMetadata): void {
    const oldest = cache.keys().next();
    if (cache.size >= MAX_CACHED_METADATA && !oldest.done) cache.delete(oldest.value);
    cache.set(uri, metadata);
  }

  const catalog: Catalog = {
    remember,

    head: (name) => heads.ref(headOf(name)),

    async find(name) {
      const head = await catalog.head(name);
      if (head === undefined || isDropped(head)) return undefined;
      const metadata = await metadataAt(head.uri);
      return { name, head, metadataUri: head.uri, metadata };
    },

    async load(name) {
      const state = await catalog.find(name);
      if (state !== undefined) return state;
      const near = nearest(name.full, await catalog.names(), SUGGESTED_MAX);
      throw new WaybillError("not_found", `There is no table "${name.full}".`, {
        hint:
          near.length > 0
            ? `Did you mean ${near.map((name) => `"${name}"`).join(" or ")}?`
            : "List the tables to see their names.",
      });
    },

    async names(prefix = "") {
      const names: string[] = [];
      for await (const { key } of files.store.list(`${TABLE_MARKERS}${prefix}`)) {
        const name = parseTableName(key.slice(TABLE_MARKERS.length));
        const head = await catalog.head(name);
        if (head !== undefined && !isDropped(head)) names.push(name.full);
      }
      return names.sort();
    },

    async announce(name) {
      await files.store.put(`${TABLE_MARKERS}${name.full}`, new Uint8Array());
    },
  };
  return catalog;
}

/** True for the head of a table that was dropped: its artifact stays, as the record of that. */
export function isDropped(head: Artifact): boolean {
  return head.customProperties["dropped"]?.value.value === true;
}
