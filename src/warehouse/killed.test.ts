import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { openFileStore } from "../storage/index.ts";
import { openWarehouse } from "./warehouse.ts";

const program = fileURLToPath(new URL("killed.fixture.ts", import.meta.url));
const MONTHS = 3;

/** Runs the loader, and kills it some time after it began a month; resolves to whether it was killed. */
async function run(folder: string, killAfterMs: number | undefined): Promise<boolean> {
  const child = spawn(process.execPath, [program, folder, String(MONTHS)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (killAfterMs !== undefined) {
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), killAfterMs));
  }
  child.stdout.resume();
  const [code, signal] = await once(child, "close");
  assert.ok(signal === "SIGKILL" || code === 0, `exit code ${code}`);
  return signal === "SIGKILL";
}

test("a loader that is killed anywhere and run again ends with the same rows", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-killed-"));
  let kills = 0;
  for (const killAfterMs of [0, 150]) if (await run(folder.path, killAfterMs)) kills += 1;
  assert.ok(kills > 0, "no run was killed");
  await run(folder.path, undefined);

  await using engine = await openEngine({ threads: 1 });
  await using metadata = await openMetadataStore(`sqlite:${join(folder.path, "metadata.db")}`);
  const recorder = createRecorder(metadata);
  const store = openFileStore(join(folder.path, "warehouse"));
  const warehouse = openWarehouse({ store, engine, heads: recorder });
  const { relation, rowCount } = await warehouse.table("main.months");
  assert.equal(rowCount, MONTHS * 200_000);
  const rows = await engine.rows(
    `SELECT month, count(*)::INT AS n, bool_and(hash = md5(id::VARCHAR)) AS whole FROM ${relation} GROUP BY month ORDER BY month`,
  );
  assert.deepEqual(
    rows,
    [0, 1, 2].map((month) => ({ month, n: 200_000, whole: true })),
  );
  const totals = (await warehouse.snapshots("main.months")).map(({ totalRows }) => totalRows);
  assert.deepEqual(totals, [200_000, 400_000, 600_000]);
});
