import {
  openMysql,
  openPostgres,
  openSqlite,
  openSqliteInMemory,
  type SqliteOptions,
} from "../database/index.ts";
import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import { openRdbmsStore } from "./rdbms/store.ts";
import type { MetadataStore } from "./store.ts";

export interface OpenStoreOptions extends SqliteOptions {
  /** Where the times of nodes and events come from. */
  readonly clock?: Clock;
}

/**
 * Opens a metadata store.
 * @param uri `sqlite:FILE` or a plain path for a database file, `memory:` for one that is empty, its
 *   own for each call, and gone when it is disposed, `mysql://USER:PASSWORD@HOST:PORT/DATABASE` (needs
 *   the package mysql2) or `postgres://...` (needs pg)
 * @throws `invalid_argument` for another scheme, `not_found`, `data_loss` for a damaged file,
 *   `failed_precondition` for a layout that is older or newer; the file is then left as it was
 */
export async function openMetadataStore(
  uri: string,
  options: OpenStoreOptions = {},
): Promise<MetadataStore> {
  const { clock = systemClock, ...sqlite } = options;
  const scheme = /^([a-z][a-z0-9+.-]+):/.exec(uri)?.[1];
  switch (scheme) {
    case "memory":
      return openRdbmsStore(await openSqliteInMemory(), clock);
    case "mysql":
      return openRdbmsStore(await openMysql(uri), clock);
    case "postgres":
    case "postgresql":
      return openRdbmsStore(await openPostgres(uri), clock);
    case "sqlite":
    case "file":
    case undefined:
      return openRdbmsStore(await openSqlite(sqliteFile(uri) ?? uri, sqlite), clock);
    default:
      throw new WaybillError("invalid_argument", `No metadata store is known for "${scheme}:".`, {
        hint: "Use sqlite:FILE, a path, memory:, mysql://... or postgres://...",
      });
  }
}

/** The database file that a store's URI names, or undefined when it is another kind of store. */
export function sqliteFile(uri: string): string | undefined {
  if (uri.startsWith("sqlite:")) return withoutScheme(uri);
  return /^[a-z][a-z0-9+.-]+:/.test(uri) && !uri.startsWith("file:") ? undefined : uri;
}

/** `sqlite:a.db`, `sqlite:/a.db` and `sqlite:///a.db` name the files `a.db`, `/a.db` and `/a.db`. */
function withoutScheme(uri: string): string {
  const rest = uri.slice("sqlite:".length);
  return rest.startsWith("//") ? rest.slice(2) : rest;
}
