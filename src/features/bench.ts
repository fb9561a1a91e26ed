import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore, type Step } from "../metadata/index.ts";
import { entity, featureView, field, parquetSource } from "./definitions.ts";
import { collectionOf, keyWriterOf, materialize, wholeView } from "./materialize.ts";
import { historicalFeatures } from "./offline.ts";
import { openOnlineStore } from "./online/open.ts";
import { onlineFeaturesJson } from "./online-answer.ts";
import { onlineReader } from "./online-features.ts";
import { buildRegistry, featureViewOf, type Registry } from "./registry.ts";
import type { SourceResolver } from "./view-rows.ts";

/** One comparison in one run on the same machine and data. */
interface BenchRow {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  /** Ours over theirs: below 1 is better. */
  readonly ratio: number;
  readonly unit: string;
}

const RUNS = 3;
const FACTS = 500_000;
const LABELS = 100_000;
const KEYS = 50_000;
const READS = 2_000;
const KEYS_A_READ = 10;
const FEATURES = Array.from({ length: 10 }, (_, index) => `f${index}`);
const INTERVAL = { start: new Date("2024-01-01T00:00:00Z"), end: new Date("2024-02-01T00:00:00Z") };

/**
 * The feature store against what the parts below it take for the bare work, CPU seconds, median of
 * interleaved runs, one thread: a training set against DuckDB's own ASOF join of whole rows (which settles no
 * ties and knows no ttl), a materialization against DuckDB finding the same rows, and online answers against
 * reading the same rows from the store.
 */
export async function bench(): Promise<BenchRow[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-bench-"));
  await using engine = await openEngine({ threads: 1 });
  await using metadata = await openMetadataStore("memory:");
  await using store = await openOnlineStore(`lmdb:${join(folder.path, "online")}`);
  const facts = join(folder.path, "facts.parquet");
  const labels = join(folder.path, "labels.parquet");
  await makeData(engine, facts, labels);
  const registry = registryOf(facts);
  const resolve: SourceResolver = async () => ({
    relation: engine.dialect.parquet([facts]),
    inputs: [],
  });
  const recorder = createRecorder(metadata);
  const recorded = async (body: (step: Step) => Promise<unknown>) =>
    void (await recorder.step("Bench", {}, body));
  const relation = engine.dialect.parquet([labels]);
  const output = engine.dialect.text(join(folder.path, "theirs.parquet"));
  const columns = FEATURES.map((name) => `s.${name}`).join(", ");

  const training = await compare(
    `training set of ${LABELS.toLocaleString("en")} labels and ${FACTS.toLocaleString("en")} rows, against a plain ASOF join`,
    () =>
      recorded((step) =>
        historicalFeatures(step, engine, {
          registry,
          resolve,
          features: FEATURES.map((name) => `stats:${name}`),
          labels: { relation },
          path: join(folder.path, "ours.parquet"),
        }),
      ),
    () =>
      engine.execute(`COPY (
        SELECT l.*, ${columns}
        FROM ${relation} l ASOF LEFT JOIN '${facts}' s ON l.id = s.id AND l.event_timestamp >= s.moment
      ) TO ${output} (FORMAT parquet, COMPRESSION zstd)`),
  );
  const materialization = await compare(
    `materialization of ${KEYS.toLocaleString("en")} keys, against finding their rows`,
    () =>
      recorded((step) =>
        materialize(step, engine, store, { registry, resolve, view: "stats", ...INTERVAL }),
      ),
    () =>
      engine.execute(`COPY (
        SELECT id, max_by(s, moment) FROM '${facts}' s GROUP BY id
      ) TO ${output} (FORMAT parquet, COMPRESSION zstd)`),
  );

  const requests = Array.from({ length: READS }, (_, read) =>
    Array.from({ length: KEYS_A_READ }, (_, key) => (read * 7919 + key * 104_729) % KEYS),
  );
  const reader = onlineReader(store, registry, {
    features: FEATURES.map((name) => `stats:${name}`),
  });
  const collection = collectionOf(registry, "stats");
  const writer = keyWriterOf(wholeView(registry, featureViewOf(registry, "stats")));
  const keys = requests.map((ids) => ids.map((id) => writer.key([BigInt(id)])));
  const online = await compare(
    `${READS.toLocaleString("en")} online answers of ${KEYS_A_READ} keys and ${FEATURES.length} features as JSON, against the store's own reads`,
    async () => {
      for (const id of requests) onlineFeaturesJson(await reader.read({ entities: { id } }));
    },
    async () => {
      for (const some of keys) await store.read(collection, some);
    },
  );
  return [training, materialization, online];
}

async function makeData(engine: Engine, facts: string, labels: string): Promise<void> {
  const moment = (hash: string) =>
    `TIMESTAMP '2024-01-01' + to_seconds((${hash} % 2592000)::BIGINT) AS`;
  const values = FEATURES.map((name, index) => `(hash(i, ${index}) % 1000) / 1e3 AS ${name}`);
  await engine.execute(`COPY (
    SELECT (hash(i) % ${KEYS})::BIGINT AS id, ${moment("hash(i, 'm')")} moment, ${values.join(", ")}
    FROM range(${FACTS}) AS r(i)
  ) TO ${engine.dialect.text(facts)}`);
  await engine.execute(`COPY (
    SELECT (hash(i, 'l') % ${KEYS})::BIGINT AS id, ${moment("hash(i, 't')")} event_timestamp, i % 2 AS label
    FROM range(${LABELS}) AS r(i)
  ) TO ${engine.dialect.text(labels)}`);
}

function registryOf(facts: string): Registry {
  return buildRegistry({
    entities: [entity({ name: "id", valueType: "INT64" })],
    sources: [parquetSource({ name: "facts", paths: [facts], timestampField: "moment" })],
    featureViews: [
      featureView({
        name: "stats",
        entities: ["id"],
        source: "facts",
        schema: FEATURES.map((name) => field(name, "DOUBLE")),
      }),
    ],
  });
}

async function compare(
  name: string,
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
): Promise<BenchRow> {
  const times = { ours: [] as number[], theirs: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    times.ours.push(await cpuSecondsOf(ours));
    times.theirs.push(await cpuSecondsOf(theirs));
  }
  const [a, b] = [median(times.ours), median(times.theirs)];
  return { name, ours: a.toFixed(2), theirs: b.toFixed(2), ratio: a / b, unit: "CPU seconds" };
}

async function cpuSecondsOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
