import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { test } from "node:test";
import { Execution_State } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { createRecorder } from "../metadata/index.ts";
import {
  applyRegistry,
  buildRegistry,
  entity,
  featureView,
  field,
  type HistoricalOptions,
  historicalFeatures,
  parquetSource,
  type Registry,
} from "./index.ts";
import { type Bench, DELAYS, delayDefinitions, openBench } from "./store.fixture.ts";

const LABELS = `(SELECT * FROM (VALUES
  (1, 'JFK', TIMESTAMP '2024-01-02 12:00:00'),
  (0, 'SFO', TIMESTAMP '2024-01-04 00:00:00'),
  (1, 'JFK', TIMESTAMP '2024-01-03 00:00:00')) AS v(late, airport, event_timestamp))`;

test("a training set has a row for each label, in their order, and says how full it is", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  const set = await train(bench, { registry, features: both, labels: { relation: LABELS } });
  assert.deepEqual(set.columns, ["late", "airport", "event_timestamp", "mean_delay", "flights"]);
  assert.equal(set.rowCount, 3);
  assert.deepEqual(set.features, [
    { column: "mean_delay", valueCount: 2 },
    { column: "flights", valueCount: 2 },
  ]);
  const rows = await bench.engine.rows(`SELECT * FROM '${set.path}'`);
  assert.deepEqual(rows, [
    row(1, "JFK", "2024-01-02T12:00:00Z", 2.5, 20n),
    row(0, "SFO", "2024-01-04T00:00:00Z", null, null),
    row(1, "JFK", "2024-01-03T00:00:00Z", 2.5, 20n),
  ]);
});

test("the same labels give the same bytes", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  const options = { registry, features: both, labels: { relation: LABELS } };
  const one = await train(bench, { ...options, path: bench.path("one.parquet") });
  const two = await train(bench, { ...options, path: bench.path("two.parquet"), form: "union" });
  assert.equal(one.sha256, two.sha256);
});

test("what a training set was made of is recorded", async () => {
  await using bench = await openBench();
  const definitions = delayDefinitions(await bench.write("delays.parquet", DELAYS));
  const folder = bench.path("registry");
  const applied = await bench.recorder.step("Apply", {}, (step) =>
    applyRegistry(step, definitions, { folder, current: undefined }),
  );
  const ingest = await bench.recorder.step("Ingest", {}, async (step) =>
    step.output("file", "RawFile", { uri: "file:///delays.parquet" }),
  );
  const { value: set, executionId } = await bench.recorder.step("Historical", {}, (step) =>
    historicalFeatures(step, bench.engine, {
      registry: applied.value.registry,
      service: "delays_v1",
      labels: { relation: LABELS },
      resolve: async (source) => ({
        ...(await bench.resolve(source)),
        inputs: [ingest.value],
      }),
      path: bench.path("training.parquet"),
    }),
  );
  const { events } = await bench.metadata.getEventsByExecutionIDs({ executionIds: [executionId] });
  assert.deepEqual(
    events.map(({ type, artifactId }) => [type, artifactId]).sort(),
    [
      [3, applied.value.registry.artifact?.id],
      [3, ingest.value.id],
      [4, set.artifact.id],
    ].sort(),
  );
  const { artifacts } = await bench.metadata.getArtifactsByID({ artifactIds: [set.artifact.id] });
  assert.equal(artifacts[0]?.type, "Examples");
  assert.equal(artifacts[0]?.customProperties["sha256"]?.value.value, set.sha256);
  assert.equal(artifacts[0]?.customProperties["row_count"]?.value.value, 3n);
});

test("a whole number that the labels hold as a double is a key, a fraction is none", async () => {
  await using bench = await openBench();
  const path = await bench.write(
    "facts.parquet",
    "SELECT 7::BIGINT AS airport, TIMESTAMP '2024-01-01' AS day, 1.5 AS mean_delay, 3 AS flights",
  );
  const registry = buildRegistry({
    ...delayDefinitions(path),
    entities: [entity({ name: "airport", valueType: "INT64" })],
  });
  const relation = `(SELECT * FROM (VALUES (7.0::DOUBLE), (7.4::DOUBLE), (NULL)) v(airport), (SELECT TIMESTAMP '2024-01-02' AS t))`;
  const set = await train(bench, { registry, features: both, labels: { relation } });
  assert.deepEqual(
    (await bench.engine.rows(`SELECT flights FROM '${set.path}'`)).map(({ flights }) => flights),
    [3n, null, null],
  );
});

for (const form of ["asof", "union"] as const) {
  test(`columns may have any names, those that the ${form} join uses too`, async () => {
    await using bench = await openBench();
    const names = ["e", "c", "k0", "f0", "f1", "r", "t", "s", "kind", "seen_us", "place", "best"];
    const values = names.map((name, index) => `${index} AS ${name}`).join(", ");
    const path = await bench.write(
      "odd.parquet",
      `SELECT 'x' AS l, TIMESTAMP '2024-01-01' AS v, TIMESTAMP '2024-01-01' AS w, ${values}`,
    );
    const thing = entity({ name: "l", valueType: "STRING" });
    const registry = buildRegistry({
      entities: [thing],
      sources: [
        parquetSource({
          name: "odd",
          paths: [path],
          timestampField: "v",
          createdTimestampColumn: "w",
        }),
      ],
      featureViews: [
        featureView({
          name: "odd",
          entities: [thing],
          source: "odd",
          ttlSeconds: 86_400,
          schema: names.toReversed().map((name) => field(name, "INT64")),
        }),
      ],
    });
    const relation = `(SELECT 'x' AS l, TIMESTAMP '2024-01-01 01:00:00' AS "waybill t", 7 AS "p0")`;
    for (const filterByCreatedTimestamp of [false, true]) {
      const set = await train(bench, {
        registry,
        features: names.map((name) => `odd:${name}`),
        labels: { relation },
        filterByCreatedTimestamp,
        form,
      });
      const [got] = await bench.engine.rows(`SELECT * FROM '${set.path}'`);
      assert.deepEqual(
        names.map((name) => got?.[name]),
        names.map((_, index) => BigInt(index)),
      );
    }
  });
}

const refused: readonly {
  readonly name: string;
  readonly relation: string;
  readonly options?: Partial<HistoricalOptions>;
  readonly code: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
}[] = [
  {
    name: "labels without the join key",
    relation: "(SELECT 'JFK' AS airprt, now() AS event_timestamp)",
    code: "invalid_argument",
    message: /no column "airport", the join key of feature view "airport_delay"/,
    hint: /Did you mean "airprt"\?/,
  },
  {
    name: "labels without a time",
    relation: "(SELECT 'JFK' AS airport, 1 AS label)",
    code: "invalid_argument",
    message: /no column of times/,
  },
  {
    name: "labels with two times and no name for the right one",
    relation: "(SELECT 'JFK' AS airport, now() AS a, now() AS b)",
    code: "invalid_argument",
    message: /2 columns of times/,
    hint: /"a" or "b"|"a", "b"/,
  },
  {
    name: "a time of labels that is text",
    relation: "(SELECT 'JFK' AS airport, '2024-01-01' AS event_timestamp)",
    code: "invalid_argument",
    message: /"event_timestamp" of the labels is VARCHAR, not a time/,
  },
  {
    name: "a time column that is not there",
    relation: "(SELECT 'JFK' AS airport, now() AS event_timestamp)",
    options: { labels: { relation: "", timestampField: "event_time" } },
    code: "invalid_argument",
    message: /no column "event_time"/,
    hint: /Did you mean "event_timestamp"\?/,
  },
  {
    name: "a key of another type",
    relation: "(SELECT 1 AS airport, now() AS event_timestamp)",
    code: "invalid_argument",
    message: /"airport" of the labels is INTEGER, but the join key .* is STRING/,
  },
  {
    name: "a column that is named as a feature",
    relation: "(SELECT 'JFK' AS airport, now() AS event_timestamp, 1 AS Flights)",
    code: "invalid_argument",
    message: /already have a column "flights"/,
    hint: /full feature names/,
  },
  {
    name: "an unknown view",
    relation: LABELS,
    options: { features: ["airport_delays:flights"] },
    code: "not_found",
    message: /Feature view "airport_delays" does not exist/,
    hint: /Did you mean "airport_delay:flights"\?/,
  },
  {
    name: "an unknown feature",
    relation: LABELS,
    options: { features: ["airport_delay:flght"] },
    code: "not_found",
    message: /has no feature "flght"/,
    hint: /Did you mean "flights"\?/,
  },
  {
    name: "a reference without a view",
    relation: LABELS,
    options: { features: ["flights"] },
    code: "invalid_argument",
    message: /"flights" is no feature reference/,
  },
  {
    name: "a created time that the source does not have",
    relation: LABELS,
    options: { filterByCreatedTimestamp: true },
    code: "failed_precondition",
    message: /has no created timestamp column/,
  },
];

for (const { name, relation, options, code, message, hint } of refused) {
  test(`${name}: refused, and nothing is written`, async () => {
    await using bench = await openBench();
    const registry = await delays(bench);
    const labels = { ...options?.labels, relation };
    await assert.rejects(
      train(bench, { registry, features: both, ...options, labels }),
      (error: { code: string; message: string; hint?: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        if (hint !== undefined) assert.match(error.hint ?? "", hint);
        return true;
      },
    );
    assert.deepEqual(readdirSync(bench.path(".")), ["delays.parquet"]);
  });
}

test("an unknown service is not_found with the nearest name", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  await assert.rejects(
    train(bench, { registry, service: "delays_v2", labels: { relation: LABELS } }),
    { code: "not_found", hint: 'Did you mean "delays_v1"?' },
  );
});

test("a source that lost its columns is refused, and the step is FAILED", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  await bench.write("delays.parquet", "SELECT 'x' AS nothing");
  await assert.rejects(train(bench, { registry, features: both, labels: { relation: LABELS } }), {
    code: "failed_precondition",
    message: /Source "delays" has no column "day"/,
  });
  const { executions } = await bench.metadata.getExecutions({});
  assert.deepEqual(
    executions.map(({ lastKnownState }) => lastKnownState),
    [Execution_State.FAILED],
  );
  assert.equal(existsSync(bench.path("training.parquet")), false);
});

test("a source file that is cut short is data_loss, one that is gone is not_found", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  const path = bench.path("delays.parquet");
  truncateSync(path, statSync(path).size >> 1);
  const labels = { relation: LABELS };
  await assert.rejects(train(bench, { registry, features: both, labels }), { code: "data_loss" });
  rmSync(path);
  await assert.rejects(train(bench, { registry, features: both, labels }), { code: "not_found" });
});

test("an interrupted training set is cancelled and leaves nothing", async () => {
  await using bench = await openBench();
  const registry = await delays(bench);
  const controller = new AbortController();
  // The first report comes when all is checked and the engine is about to write.
  const recorder = createRecorder(bench.metadata, {
    progress: { report: () => controller.abort() },
  });
  await assert.rejects(
    recorder.step("Historical", { signal: controller.signal }, (step) =>
      historicalFeatures(step, bench.engine, {
        registry,
        resolve: bench.resolve,
        features: both,
        labels: { relation: LABELS },
        path: bench.path("training.parquet"),
      }),
    ),
    { code: "cancelled" },
  );
  assert.deepEqual(readdirSync(bench.path(".")), ["delays.parquet"]);
  const { executions } = await bench.metadata.getExecutions({});
  assert.equal(executions[0]?.lastKnownState, Execution_State.CANCELED);
});

const both = ["airport_delay:mean_delay", "airport_delay:flights"];

async function delays(bench: Bench): Promise<Registry> {
  return buildRegistry(delayDefinitions(await bench.write("delays.parquet", DELAYS)));
}

async function train(
  bench: Bench,
  options: Omit<HistoricalOptions, "resolve" | "path"> & { readonly path?: string },
) {
  const { value } = await bench.recorder.step("Historical", {}, (step) =>
    historicalFeatures(step, bench.engine, {
      path: bench.path("training.parquet"),
      resolve: bench.resolve,
      ...options,
    }),
  );
  return value;
}

function row(
  late: number,
  airport: string,
  time: string,
  mean_delay: number | null,
  flights: bigint | null,
) {
  return { late, airport, event_timestamp: new Date(time), mean_delay, flights };
}
