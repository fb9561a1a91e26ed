// Loads a table month by month in a process of its own, so that a test can kill it anywhere.
// usage: node killed.fixture.ts FOLDER MONTHS
import { join } from "node:path";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { openFileStore } from "../storage/index.ts";
import { openWarehouse } from "./warehouse.ts";

const [folder = "", months = "1"] = process.argv.slice(2);
await using engine = await openEngine({ threads: 1 });
await using metadata = await openMetadataStore(`sqlite:${join(folder, "metadata.db")}`);
const recorder = createRecorder(metadata);
const store = openFileStore(join(folder, "warehouse"));
const warehouse = openWarehouse({ store, engine, heads: recorder });

for (let month = 0; month < Number(months); month++) {
  const known = (await warehouse.tables()).includes("main.months")
    ? (await warehouse.snapshots("main.months")).length
    : 0;
  // What an earlier run committed is not loaded again.
  if (known > month) continue;
  console.log(`month ${month}`);
  const relation = `(SELECT i AS id, ${month} AS month, md5(i::VARCHAR) AS hash FROM range(200000) t(i))`;
  await recorder.step("Load", {}, (step) => warehouse.load(step, "main.months", { relation }));
}
