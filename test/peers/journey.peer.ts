// Runs the journey, then lets each peer's own client read what it left: ML Metadata, PyIceberg, dvc, TFDV.
import { spawnSync } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect } from "../../src/project/index.ts";
import { besidePeers, mustRun, peerPython } from "./peer.ts";

using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-journey-peers-"));
const home = join(folder.path, ".waybill");
mustRun(process.execPath, [besidePeers("../run-journey.ts"), home]);

const expected = await (async () => {
  await using project = await connect({ home });
  const { artifacts } = await project.store.getArtifacts({});
  const { executions } = await project.store.getExecutions({});
  const { events } = await project.store.getEventsByExecutionIDs({
    executionIds: executions.map(({ id }) => id),
  });
  const warehouse = await project.warehouse();
  const tables = await Promise.all(
    (await warehouse.tables()).map(async (name) => {
      const { metadataUri, rowCount } = await warehouse.table(name);
      const snapshots = await warehouse.snapshots(name);
      return {
        name,
        metadata: metadataUri,
        rows: rowCount,
        snapshots: snapshots.map(({ id, totalRows }) => ({ id: String(id), rows: totalRows })),
      };
    }),
  );
  const filesOf = (type: string) =>
    artifacts.filter((artifact) => artifact.type === type).map(({ uri }) => uri);
  return {
    store: join(home, "metadata.db"),
    counts: [artifacts.length, executions.length, events.length],
    types: [...new Set(artifacts.map(({ type }) => type))].sort(),
    tables,
    statistics: filesOf("ExampleStatistics"),
    schemas: filesOf("Schema"),
    anomalies: filesOf("ExampleAnomalies"),
  };
})();

for (const peer of ["mlmd", "iceberg", "tfdv"] as const) {
  mustRun(peerPython(peer), [besidePeers("journey.py"), peer], JSON.stringify(expected));
}

const dvc = join(dirname(peerPython("dvc")), "dvc");
const { stdout } = spawnSync(dvc, ["status"], { cwd: join(home, "data"), encoding: "utf8" });
if (!stdout.includes("up to date")) {
  console.error(`dvc status says: ${stdout}`);
  process.exit(1);
}
console.log(`dvc: ${stdout.trim()}`);
console.log("ml-metadata, PyIceberg, TFDV and dvc read what the journey left");
