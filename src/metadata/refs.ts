import type { ReadTransaction, WriteTransaction } from "../database/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { tableNames } from "./rdbms/layout.ts";
import type { RefMove } from "./record.ts";
import type { MetadataStore } from "./store.ts";

const OWN_TABLES = [
  `CREATE TABLE IF NOT EXISTS waybill_ref (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    artifact_id BIGINT NOT NULL,
    version BIGINT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS waybill_lease (
    execution_id BIGINT NOT NULL PRIMARY KEY,
    host VARCHAR(255) NOT NULL,
    pid BIGINT NOT NULL,
    process VARCHAR(255) NOT NULL,
    expires_ms BIGINT NOT NULL
  )`,
];

/**
 * Makes the tables of named heads and leases where they are missing. In a transaction of its own, since
 * in MySQL a definition ends the transaction that it stands in.
 */
export async function ensureOwnTables(store: MetadataStore): Promise<void> {
  const present = await store.snapshot((_, rows) => tableNames(rows));
  if (present.includes("waybill_ref") && present.includes("waybill_lease")) return;
  await store.transaction(async (_, rows) => {
    for (const statement of OWN_TABLES) await rows.run(statement);
  });
}

/** The artifact id that a head points at, or undefined; also in a store that has no heads yet. */
export async function readRef(rows: ReadTransaction, name: string): Promise<bigint | undefined> {
  if (!(await tableNames(rows)).includes("waybill_ref")) return undefined;
  const row = await rows.get<{ artifact_id: bigint }>(
    "SELECT artifact_id FROM waybill_ref WHERE name = ?",
    [name],
  );
  return row?.artifact_id;
}

/** Heads whose name starts with `prefix`, with the artifacts that they point at, by name. */
export async function listRefs(
  rows: ReadTransaction,
  prefix = "",
): Promise<{ readonly name: string; readonly artifactId: bigint }[]> {
  if (!(await tableNames(rows)).includes("waybill_ref")) return [];
  const found = await rows.all<{ name: string; artifact_id: bigint }>(
    "SELECT name, artifact_id FROM waybill_ref WHERE name >= ? ORDER BY name",
    [prefix],
  );
  return found
    .filter((row) => row.name.startsWith(prefix))
    .map((row) => ({ name: row.name, artifactId: row.artifact_id }));
}

/**
 * Moves a head to an artifact if it still points where the mover believes it does.
 * @throws `aborted` when somebody else has moved it
 */
export async function moveRef(
  rows: WriteTransaction,
  move: RefMove,
  artifactId: bigint,
): Promise<void> {
  // Where several writers work at once, only the conditions of the writes themselves decide who was first.
  const written =
    move.expect === undefined
      ? await rows.run(
          rows.dialect.insertIfAbsent("waybill_ref", ["name", "artifact_id", "version"]),
          [move.name, artifactId, 1n],
        )
      : await rows.run(
          `UPDATE waybill_ref
           SET artifact_id = ?, version = version + 1
           WHERE name = ? AND artifact_id = ?`,
          [artifactId, move.name, move.expect],
        );
  if (written === 1) return;
  const current = await readRef(rows, move.name);
  const now = current === undefined ? "does not exist" : `points at ${current}`;
  const wanted = move.expect === undefined ? "to be new" : `to point at ${move.expect}`;
  throw new WaybillError(
    "aborted",
    `"${move.name}" was expected ${wanted}, but it ${now}: somebody else has changed it.`,
    { hint: "Read it again and repeat the step on what is there now." },
  );
}
