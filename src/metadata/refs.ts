import type { ReadTransaction, WriteTransaction } from "../database/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { tableNames } from "./rdbms/layout.ts";
import type { RefMove } from "./record.ts";

/** Makes the tables of named heads and leases where they are missing. */
export async function ensureOwnTables(rows: WriteTransaction): Promise<void> {
  await rows.run(`
    CREATE TABLE IF NOT EXISTS waybill_ref (
      name VARCHAR(255) NOT NULL PRIMARY KEY,
      artifact_id BIGINT NOT NULL,
      version BIGINT NOT NULL
    )`);
  await rows.run(`
    CREATE TABLE IF NOT EXISTS waybill_lease (
      execution_id BIGINT NOT NULL PRIMARY KEY,
      host VARCHAR(255) NOT NULL,
      pid BIGINT NOT NULL,
      process VARCHAR(255) NOT NULL,
      expires_ms BIGINT NOT NULL
    )`);
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
  const current = await rows.get<{ artifact_id: bigint }>(
    "SELECT artifact_id FROM waybill_ref WHERE name = ?",
    [move.name],
  );
  if (current?.artifact_id !== move.expect) {
    const now = current === undefined ? "does not exist" : `points at ${current.artifact_id}`;
    const wanted = move.expect === undefined ? "to be new" : `to point at ${move.expect}`;
    throw new WaybillError(
      "aborted",
      `"${move.name}" was expected ${wanted}, but it ${now}: somebody else has changed it.`,
      { hint: "Read it again and repeat the step on what is there now." },
    );
  }
  if (current === undefined) {
    await rows.run("INSERT INTO waybill_ref (name, artifact_id, version) VALUES (?, ?, 1)", [
      move.name,
      artifactId,
    ]);
  } else {
    await rows.run("UPDATE waybill_ref SET artifact_id = ?, version = version + 1 WHERE name = ?", [
      artifactId,
      move.name,
    ]);
  }
}
