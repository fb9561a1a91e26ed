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
const child = spawn(python, [script, ...options], { stdio: ["ignore", "inherit", "inherit"] });
const code = await new Promise<number | null>((resolve, reject) => {
  child.on("error", reject);
  child.on("close", resolve);
});
process.exitCode = code ?? 1;
