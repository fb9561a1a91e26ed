// A raw file lands in the lake, becomes a table, changes, and is asked where it came from.
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderText, upstream } from "../src/lineage/index.ts";
import { connect } from "../src/project/index.ts";

using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-example-"));
const csv = join(folder.path, "readings.csv");
writeFileSync(csv, "sensor,celsius\na,20.5\nb,21.0\na,85.0\n");

await using project = await connect({ home: join(folder.path, ".waybill"), create: true });
const { recorder, lake } = project;
const warehouse = await project.warehouse();

const landed = await recorder.step("Ingest", {}, (step) => lake.put(step, csv));
const raw = landed.value[0]?.artifact;
if (raw === undefined) throw new RangeError("one file was put");

const loaded = await recorder.step("Load", { inputs: { raw } }, async (step) => {
  const path = await lake.localPath("readings.csv");
  return warehouse.load(step, "plant.readings", { relation: `read_csv('${path}')` });
});
await recorder.step("Clean", { inputs: { table: loaded.value.artifact } }, (step) =>
  warehouse.delete(step, "plant.readings", { where: "celsius > 60" }),
);

const now = await warehouse.table("plant.readings");
const asOf = loaded.value.snapshotId ?? 0n;
const before = await warehouse.table("plant.readings", { asOf });
console.log(`${now.rowCount} rows now, ${before.rowCount} as of snapshot ${asOf}`);
const id = now.artifact.id;
console.log(renderText(await upstream(project.store, { kind: "artifact", id })));
