import { backupSqlite, openSqlite } from "../database/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { sqliteFile } from "./open.ts";
import { ensureLayout, inspectLayout, SCHEMA_VERSION } from "./rdbms/layout.ts";
import { upgradeLayout } from "./rdbms/upgrade.ts";

/** What an upgrade did. */
export interface Upgrade {
  /** The layout version that was found, and the one that the store has now. */
  readonly from: number;
  readonly to: number;
  /** The copy of the file as it was; undefined when there was nothing to do. */
  readonly backup: string | undefined;
}

/**
 * Brings the SQLite file of a store from any older layout of ML Metadata to the current one. The file is
 * copied first; then all happens in one transaction, so that a kill leaves the old layout or the new.
 * @throws `invalid_argument` for a store that is no SQLite file, `failed_precondition` for a newer layout,
 *   `already_exists` when a backup of that version is there already
 */
export async function upgradeMetadataStore(uri: string): Promise<Upgrade> {
  const file = sqliteFile(uri);
  if (file === undefined) {
    throw new WaybillError("invalid_argument", `"${uri}" does not name an SQLite file.`, {
      hint: "Stores in a database server are upgraded by ml-metadata's own server.",
    });
  }
  await using database = await openSqlite(file, { mode: "READWRITE" });
  const state = await database.read((tx) => inspectLayout(tx));
  if (state.kind !== "older") {
    await ensureLayout(database);
    return { from: SCHEMA_VERSION, to: SCHEMA_VERSION, backup: undefined };
  }
  const backup = `${database.location}.v${state.version}.backup`;
  await backupSqlite(database.location, backup);
  await database.write(async (tx) => {
    // Looked at again under the write lock: another process may have been quicker.
    if ((await inspectLayout(tx)).kind === "older") await upgradeLayout(tx);
  });
  await ensureLayout(database);
  return { from: state.version, to: SCHEMA_VERSION, backup };
}
