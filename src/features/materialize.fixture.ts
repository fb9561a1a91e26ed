// A process to be killed: materializes the view "many" of argv[2] into the LMDB folder argv[3], and prints a
// line after each write.
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import {
  buildRegistry,
  entity,
  featureView,
  field,
  materialize,
  openOnlineStore,
  parquetSource,
} from "./index.ts";

const [path = "", folder = ""] = process.argv.slice(2);
const registry = buildRegistry({
  entities: [entity({ name: "id", valueType: "INT64" })],
  sources: [parquetSource({ name: "many", paths: [path], timestampField: "t" })],
  featureViews: [
    featureView({
      name: "many",
      entities: ["id"],
      source: "many",
      schema: [field("twice", "INT64")],
    }),
  ],
});
await using engine = await openEngine({ threads: 1 });
await using metadata = await openMetadataStore("memory:");
await using store = await openOnlineStore(`lmdb:${folder}`);
const recorder = createRecorder(metadata, {
  progress: { report: (label, done) => process.stdout.write(`${label} ${done}\n`) },
});
await recorder.step("Materialize", {}, (step) =>
  materialize(step, engine, store, {
    registry,
    resolve: async () => ({ relation: engine.dialect.parquet([path]), inputs: [] }),
    view: "many",
    start: new Date("2024-01-01T00:00:00Z"),
    end: new Date("2024-01-31T00:00:00Z"),
    batchRows: 2048,
  }),
);
