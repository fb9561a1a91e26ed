import type { Database, ReadTransaction, WriteTransaction } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import { systemTypes } from "./kinds.ts";
import { mysqlLayout } from "./layout-mysql.ts";
import { postgresLayout } from "./layout-postgres.ts";
import { sqliteLayout } from "./layout-sqlite.ts";

/** The version of ML Metadata's table layout that this code reads and writes (ml-metadata 1.x). */
export const SCHEMA_VERSION = 10;

/** Every table of the layout, in the order in which they are created. */
export const LAYOUT_TABLES: readonly string[] = [
  "Type",
  "TypeProperty",
  "ParentType",
  "Artifact",
  "ArtifactProperty",
  "Execution",
  "ExecutionProperty",
  "Event",
  "EventPath",
  "MLMDEnv",
  "Context",
  "ContextProperty",
  "ParentContext",
  "Association",
  "Attribution",
];

/** What was found in a database before anything was written to it. */
export type LayoutState =
  | { readonly kind: "absent" }
  | { readonly kind: "complete"; readonly hasSystemTypes: boolean }
  | { readonly kind: "older"; readonly version: number }
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "partial"; readonly missing: readonly string[] };

/**
 * Makes sure that a database holds the layout, creating it in an empty one.
 * @throws `failed_precondition` when it holds an older or a newer layout; it is then left as it was
 * @throws `aborted` when it holds a part of the tables
 */
export async function ensureLayout(database: Database): Promise<void> {
  const state = await database.read((tx) => inspectLayout(tx));
  assertUsable(state, database.location);
  if (state.kind === "complete" && (state.hasSystemTypes || database.isReadOnly)) return;
  if (database.isReadOnly) {
    throw new WaybillError(
      "failed_precondition",
      `Database "${database.location}" is empty, and is open for reading only.`,
      { hint: "Open it in mode READWRITE_OPENCREATE once, which creates the tables." },
    );
  }
  await database.write(async (tx) => {
    // Looked at again under the write lock: another process may have been quicker.
    const now = await inspectLayout(tx);
    assertUsable(now, database.location);
    if (now.kind === "absent") await createLayout(tx);
    if (now.kind !== "complete" || !now.hasSystemTypes) await insertSystemTypes(tx);
  });
}

/** Which layout the database holds. */
export async function inspectLayout(tx: ReadTransaction): Promise<LayoutState> {
  const present = new Set(await tableNames(tx));
  const missing = LAYOUT_TABLES.filter((table) => !present.has(table.toLowerCase()));
  if (missing.length === LAYOUT_TABLES.length) return { kind: "absent" };
  if (!present.has("mlmdenv")) {
    // The first layout had no version table, and no contexts either.
    const isFirst = present.has("type") && present.has("artifact") && !present.has("context");
    return isFirst ? { kind: "older", version: 0 } : { kind: "partial", missing };
  }
  const versions = await tx.all<{ schema_version: bigint }>("SELECT schema_version FROM MLMDEnv");
  const version = versions.length === 1 ? Number(versions[0]?.schema_version) : undefined;
  if (version === undefined) return { kind: "partial", missing: ["the row of MLMDEnv"] };
  if (version > SCHEMA_VERSION) return { kind: "newer", version };
  if (version < SCHEMA_VERSION) return { kind: "older", version };
  if (missing.length > 0) return { kind: "partial", missing };
  const stored = await tx.all<{ name: string; type_kind: bigint }>(
    "SELECT name, type_kind FROM Type WHERE name LIKE 'mlmd.%' AND version IS NULL",
  );
  const hasSystemTypes = systemTypes.every((type) =>
    stored.some((row) => row.name === type.name && row.type_kind === type.typeKind),
  );
  return { kind: "complete", hasSystemTypes };
}

/** The names of the database's tables, in lower case. */
export async function tableNames(tx: ReadTransaction): Promise<string[]> {
  const rows = await tx.all<{ name: string }>(tx.dialect.tableNames);
  return rows.map((row) => row.name.toLowerCase());
}

async function createLayout(tx: WriteTransaction): Promise<void> {
  const layouts = { sqlite: sqliteLayout, mysql: mysqlLayout, postgres: postgresLayout };
  for (const statement of layouts[tx.dialect.name]) await tx.run(statement);
  await tx.run("INSERT INTO MLMDEnv (schema_version) VALUES (?)", [BigInt(SCHEMA_VERSION)]);
}

async function insertSystemTypes(tx: WriteTransaction): Promise<void> {
  for (const { name, typeKind } of systemTypes) {
    const stored = await tx.get(
      "SELECT id FROM Type WHERE name = ? AND version IS NULL AND type_kind = ?",
      [name, typeKind],
    );
    if (stored !== undefined) continue;
    await tx.insert("INSERT INTO Type (name, type_kind) VALUES (?, ?)", [name, typeKind]);
  }
}

function assertUsable(state: LayoutState, location: string): void {
  switch (state.kind) {
    case "absent":
    case "complete":
      return;
    case "newer":
      throw new WaybillError(
        "failed_precondition",
        `Database "${location}" has schema version ${state.version}, this Waybill needs ${SCHEMA_VERSION}.`,
        { hint: "A newer program wrote it. Upgrade Waybill; the database was not touched." },
      );
    case "older":
      throw new WaybillError(
        "failed_precondition",
        `Database "${location}" has schema version ${state.version}, this Waybill needs ${SCHEMA_VERSION}.`,
        { hint: `Run "waybill metadata upgrade ${location}" (it makes a backup first).` },
      );
    case "partial":
      throw new WaybillError(
        "aborted",
        `Database "${location}" holds only a part of ML Metadata's tables; missing: ${state.missing.join(", ")}.`,
        { hint: "Another program may just be creating them: try again, or use another database." },
      );
    default:
      state satisfies never;
  }
}
