// Drives the Iceberg REST catalog with the real clients: PyIceberg, DuckDB's extension and Spark (those that are there).
import { spawn } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../../src/engine/index.ts";
import { createRecorder, openMetadataStore } from "../../src/metadata/index.ts";
import { icebergRoutes } from "../../src/protocols/iceberg-rest/index.ts";
import { serve } from "../../src/server/index.ts";
import { openFileStore } from "../../src/storage/index.ts";
import { openWarehouse } from "../../src/warehouse/index.ts";
import { peerPython, requireShared } from "./peer.ts";

/** Spark needs Java and minutes: it is asked for by name. */
const PARTS = process.env["WAYBILL_ICEBERG_PARTS"] ?? "pyiceberg,duckdb";

const script = join(requireShared(), "interop", "iceberg_rest.py");
const python = process.env["WAYBILL_ICEBERG_PYTHON"] ?? peerPython("iceberg");
using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-peer-"));
await using engine = await openEngine();
await using metadata = await openMetadataStore("memory:");
const recorder = createRecorder(metadata);
const warehouse = openWarehouse({ store: openFileStore(folder.path), engine, heads: recorder });
await using server = await serve({ routes: icebergRoutes({ warehouse, recorder }) });

// Not spawnSync: this process is the server.
const options = [
  "--uri",
  `${server.url}/iceberg`,
  "--warehouse-dir",
  folder.path,
  "--parts",
  PARTS,
];
const child = spawn(python, [script, ...options, "--keep"], {
  stdio: ["ignore", "inherit", "inherit"],
});
const code = await new Promise<number | null>((resolve, reject) => {
  child.on("error", reject);
  child.on("close", resolve);
});
const differences = await readBack();
for (const difference of differences) console.error(`DIFFERENT ${difference}`);
process.exitCode = code === 0 && differences.length === 0 ? 0 : 1;

/**
 * Reads what the clients wrote with our own reader: the tables of the cross check, which hold the same
 * rows whoever made them, and after changes of ours those that are left.
 */
async function readBack(): Promise<string[]> {
  const wrong: string[] = [];
  const tables = await warehouse.tables();
  const made = tables.filter((table) => /\.by_(pyiceberg|duckdb|spark)$/.test(table));
  if (made.length === 0) return ["no client left a table to read"];
  const count = async (from: string) =>
    Number((await engine.rows(`SELECT count(*) AS n FROM ${from}`))[0]?.["n"]);
  const relations = [];
  for (const table of made) relations.push((await warehouse.table(table)).relation);
  const [first = ""] = relations;
  for (const [index, relation] of relations.entries()) {
    const rows = `(SELECT * FROM ${relation})`;
    const other = `(SELECT * FROM ${first})`;
    const missing = await count(`(${other} EXCEPT ${rows})`);
    const more = await count(`(${rows} EXCEPT ${other})`);
    if (missing + more > 0) wrong.push(`${made[index]}: ${missing} rows missing, ${more} too many`);
    const changed = `${rows} WHERE id = 2 OR (id = 5 AND name <> 'changed')`;
    if ((await count(changed)) > 0) wrong.push(`${made[index]}: deleted or old rows are seen`);
  }
  for (const table of made) {
    const before = (await warehouse.table(table)).rowCount;
    await recorder.step("Load", {}, (step) =>
      warehouse.delete(step, table, { where: "id IN (0, 101, 102, 103)" }),
    );
    await recorder.step("Load", {}, (step) => warehouse.compact(step, table));
    const { relation, rowCount } = await warehouse.table(table);
    const left = await count(`${relation} WHERE id > 0 AND id < 100`);
    if (rowCount !== 10 || left !== 10)
      wrong.push(`${table}: ${rowCount} of ${before} rows are left`);
  }
  const merged = tables.find((table) => table.endsWith(".sp_merge_on_read"));
  if (merged !== undefined) {
    const { relation } = await warehouse.table(merged);
    const [row] = await engine.rows(`SELECT count(*) AS n, sum(v) AS v FROM ${relation}`);
    if (Number(row?.["n"]) !== 96 || row?.["v"] !== 193.5) wrong.push(`${merged}: rows differ`);
  }
  console.log(`Waybill read ${made.length} tables of the clients: ${wrong.length} differences`);
  return wrong;
}
