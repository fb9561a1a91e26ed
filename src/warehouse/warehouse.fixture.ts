import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, openEngine, type Row } from "../engine/index.ts";
import type { Clock } from "../foundation/index.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  type Recorder,
  type Step,
} from "../metadata/index.ts";
import { type ObjectStore, openFileStore } from "../storage/index.ts";
import { openWarehouse, type Warehouse } from "./warehouse.ts";

/** A warehouse in a temporary folder with a recorder of its own, for tests. */
export interface TestWarehouse extends AsyncDisposable {
  readonly folder: string;
  readonly engine: Engine;
  readonly store: ObjectStore;
  readonly metadata: MetadataStore;
  readonly recorder: Recorder;
  readonly warehouse: Warehouse;
  /** Runs one verb in a step of its own. */
  step<T>(body: (step: Step) => Promise<T>): Promise<T>;
  /** The rows of a table, or of an earlier state of it, ordered by all columns. */
  rows(table: string, options?: Parameters<Warehouse["table"]>[1]): Promise<Row[]>;
}

/** Opens one; `clock` says what time it is. */
export async function openTestWarehouse(clock?: Clock): Promise<TestWarehouse> {
  const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-warehouse-"));
  const engine = await openEngine({ threads: 1 });
  const metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata);
  const store = openFileStore(join(folder.path, "warehouse"));
  const timed = clock === undefined ? {} : { clock };
  const warehouse = openWarehouse({ store, engine, heads: recorder, ...timed });
  return {
    folder: folder.path,
    engine,
    store,
    metadata,
    recorder,
    warehouse,
    step: async (body) => (await recorder.step("Load", {}, body)).value,
    rows: async (table, options) => {
      const { relation } = await warehouse.table(table, options);
      return engine.rows(`SELECT * FROM ${relation} ORDER BY ALL`);
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await metadata[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}
