import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, openEngine } from "../engine/index.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  type Recorder,
} from "../metadata/index.ts";
import {
  type Definitions,
  entity,
  featureService,
  featureView,
  field,
  parquetSource,
  type SourceResolver,
} from "./index.ts";

/** An engine, a recorder and a folder of their own, for one test. */
export interface Bench extends AsyncDisposable {
  readonly engine: Engine;
  readonly metadata: MetadataStore;
  readonly recorder: Recorder;
  readonly resolve: SourceResolver;
  /** A path in the folder. */
  readonly path: (name: string) => string;
  /** Writes the rows of a query to a Parquet file of the folder; returns its path. */
  readonly write: (name: string, query: string) => Promise<string>;
}

/** Opens a bench. */
export async function openBench(): Promise<Bench> {
  const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-features-"));
  const engine = await openEngine({ threads: 1 });
  const metadata = await openMetadataStore("memory:");
  const path = (name: string) => join(folder.path, name);
  return {
    engine,
    metadata,
    recorder: createRecorder(metadata),
    resolve: async (source) => ({
      relation: engine.dialect.parquet(source.kind === "parquet" ? source.paths : []),
      inputs: [],
    }),
    path,
    write: async (name, query) => {
      const columns = await engine.columns(`(${query})`);
      const fields = columns.map((column, index) => ({ ...column, id: index + 1 }));
      await engine.rows(engine.dialect.copyToParquet(query, path(name), fields));
      return path(name);
    },
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

/** Daily delays of airports, 1 to 5 January 2024; XYZ has only the first day, with a null. */
export const DELAYS = `
  SELECT airport, TIMESTAMP '2024-01-01' + to_days(day) AS day, mean_delay, flights
  FROM (VALUES
    ('JFK', 0, 1.5, 10), ('JFK', 1, 2.5, 20), ('JFK', 3, 4.5, 40),
    ('SFO', 0, -1.0, 5), ('SFO', 4, 0.25, 6),
    ('XYZ', 0, NULL, 1)) AS v(airport, day, mean_delay, flights)`;

/** One entity, one view over {@link DELAYS} in a file, one service. */
export function delayDefinitions(path: string, ttlSeconds = 2 * 86_400): Required<Definitions> {
  const airport = entity({ name: "airport", valueType: "STRING", description: "IATA code" });
  const source = parquetSource({ name: "delays", paths: [path], timestampField: "day" });
  const view = featureView({
    name: "airport_delay",
    entities: [airport],
    source,
    ttlSeconds,
    schema: [field("mean_delay", "DOUBLE"), field("flights", "INT64")],
    owner: "flights team",
  });
  return {
    entities: [airport],
    sources: [source],
    featureViews: [view],
    onDemandFeatureViews: [],
    featureServices: [featureService({ name: "delays_v1", projections: [view] })],
  };
}
