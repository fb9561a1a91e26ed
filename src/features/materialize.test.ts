import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  buildRegistry,
  entity,
  featureView,
  field,
  historicalFeatures,
  incrementalStart,
  materializationRef,
  materialize,
  type OnlineStore,
  onlineFeatures,
  openOnlineStore,
  parquetSource,
} from "./index.ts";
import { type Bench, DELAYS, delayDefinitions, openBench } from "./store.fixture.ts";

const JANUARY = { start: new Date("2024-01-01T00:00:00Z"), end: new Date("2024-01-31T00:00:00Z") };

test("the latest row of each key in the interval is brought online", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const { registry } = await delays(bench);
  const { value } = await bench.recorder.step("Materialize", {}, (step) =>
    materialize(step, bench.engine, store, {
      registry,
      resolve: bench.resolve,
      view: "airport_delay",
      start: new Date("2024-01-01T00:00:00Z"),
      end: new Date("2024-01-02T00:00:00Z"),
    }),
  );
  assert.deepEqual([value.keyCount, value.writtenCount, value.supersededCount], [3, 3, 0]);
  assert.deepEqual(await flightsOf(store, registry, ["JFK", "SFO", "XYZ", "LAX"]), [
    20,
    5,
    1,
    null,
  ]);
});

test("materializing is recorded with its interval and counts, and moves its head", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const { registry } = await delays(bench);
  const name = materializationRef(registry.project, "airport_delay");
  const run = async () =>
    bench.recorder.step("Materialize", {}, async (step) => {
      const head = await bench.recorder.ref(name);
      return materialize(step, bench.engine, store, {
        registry,
        resolve: bench.resolve,
        view: "airport_delay",
        ...JANUARY,
        ref: { name, expect: head?.id },
      });
    });
  await run();
  await run();
  const head = await bench.recorder.ref(name);
  assert.equal(head?.type, "FeatureViewMaterialization");
  const properties = Object.fromEntries(
    Object.entries(head?.properties ?? {}).map(([key, { value }]) => [key, value.value]),
  );
  assert.equal(properties["feature_view"], "airport_delay");
  assert.equal(properties["start"], "2024-01-01T00:00:00.000Z");
  assert.equal(properties["end"], "2024-01-31T00:00:00.000Z");
  assert.equal(properties["key_count"], 3n);
  const view = registry.featureViews.get("airport_delay");
  assert.ok(view !== undefined);
  assert.deepEqual(incrementalStart(view, head, new Date()), JANUARY.end);
});

test("the first incremental interval goes back by the ttl, or by 52 weeks", () => {
  const now = new Date("2024-06-01T00:00:00Z");
  const view = delayDefinitions("-", 3600).featureViews[0]!;
  assert.deepEqual(incrementalStart(view, undefined, now), new Date("2024-05-31T23:00:00Z"));
  const without = { ...view, ttlSeconds: 0 };
  assert.deepEqual(incrementalStart(without, undefined, now), new Date("2023-06-03T00:00:00Z"));
});

test("an older interval materialized later leaves newer values", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const { registry } = await delays(bench);
  const intervals = [JANUARY, { start: JANUARY.start, end: JANUARY.start }];
  const written: number[] = [];
  for (const interval of intervals) {
    const { value } = await bench.recorder.step("Materialize", {}, (step) =>
      materialize(step, bench.engine, store, {
        registry,
        resolve: bench.resolve,
        view: "airport_delay",
        ...interval,
      }),
    );
    written.push(value.writtenCount);
  }
  assert.deepEqual(written, [3, 0]);
  assert.deepEqual(await flightsOf(store, registry, ["JFK", "SFO"]), [40, 6]);
});

test("what is served online is what a training set has at the end of the interval", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const { registry } = await delays(bench, 3 * 86_400);
  const airports = ["JFK", "SFO", "XYZ", "LAX"];
  for (const day of [1, 2, 3, 4, 5, 6, 9]) {
    const now = new Date(Date.UTC(2024, 0, day));
    const list = airports.map(
      (airport) => `('${airport}', TIMESTAMP '${now.toISOString().slice(0, 10)}')`,
    );
    const { value: set } = await bench.recorder.step("Historical", {}, (step) =>
      historicalFeatures(step, bench.engine, {
        registry,
        resolve: bench.resolve,
        features: FEATURES,
        labels: {
          relation: `(SELECT * FROM (VALUES ${list.join(", ")}) v(airport, event_timestamp))`,
        },
        path: bench.path("training.parquet"),
      }),
    );
    await bench.recorder.step("Materialize", {}, (step) =>
      materialize(step, bench.engine, store, {
        registry,
        resolve: bench.resolve,
        view: "airport_delay",
        start: JANUARY.start,
        end: now,
      }),
    );
    const answer = await onlineFeatures(store, {
      registry,
      features: FEATURES,
      entities: { airport: airports },
      clock: { nowMs: () => now.getTime() },
    });
    const rows = await bench.engine.rows(`SELECT mean_delay, flights FROM '${set.path}'`);
    assert.deepEqual(
      answer.results[1]?.values,
      rows.map(({ mean_delay }) => mean_delay),
      now.toISOString(),
    );
    assert.deepEqual(
      answer.results[2]?.values,
      rows.map(({ flights }) => (flights === null ? null : Number(flights))),
      now.toISOString(),
    );
  }
});

test("a materialization that is killed is finished by running it again", async () => {
  await using bench = await openBench();
  const query = `SELECT i AS id, TIMESTAMP '2024-01-01' + to_seconds(i % 3) AS t, i * 2 AS twice
    FROM range(20000) r(i)`;
  const path = await bench.write("many.parquet", query);
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("materialize.fixture.ts", import.meta.url)), path, bench.path("online")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  // It prints a line after each durable write; the kill falls into one of the next.
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");

  await using store = await openOnlineStore(`lmdb:${bench.path("online")}`);
  const before = await store.count("default/many");
  assert.ok(before > 0 && before < 20_000, `${before} keys were there after the kill`);
  const registry = manyRegistry(path);
  const { value } = await bench.recorder.step("Materialize", {}, (step) =>
    materialize(step, bench.engine, store, {
      registry,
      resolve: bench.resolve,
      view: "many",
      ...JANUARY,
    }),
  );
  assert.equal(value.keyCount, 20_000);
  assert.equal(await store.count("default/many"), 20_000);
  const answer = await onlineFeatures(store, {
    registry,
    features: ["many:twice"],
    entities: { id: [0, 19_999, 20_000] },
  });
  assert.deepEqual(answer.results[1]?.values, [0, 39_998, null]);
});

test("an interval that ends before it starts, and a view that is not online, are refused", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const { definitions } = await delays(bench);
  const offline = definitions.featureViews.map((view) => ({ ...view, online: false }));
  const cases = [
    {
      registry: buildRegistry(definitions),
      interval: { start: JANUARY.end, end: JANUARY.start },
      code: "invalid_argument",
    },
    {
      registry: buildRegistry({ ...definitions, featureViews: offline }),
      interval: JANUARY,
      code: "failed_precondition",
    },
  ];
  for (const { registry, interval, code } of cases) {
    await assert.rejects(
      bench.recorder.step("Materialize", {}, (step) =>
        materialize(step, bench.engine, store, {
          registry,
          resolve: bench.resolve,
          view: "airport_delay",
          ...interval,
        }),
      ),
      { code },
    );
  }
});

const FEATURES = ["airport_delay:mean_delay", "airport_delay:flights"];

async function delays(bench: Bench, ttlSeconds?: number) {
  const definitions = delayDefinitions(await bench.write("delays.parquet", DELAYS), ttlSeconds);
  return { definitions, registry: buildRegistry(definitions) };
}

/** A view of whole numbers and their doubles; `materialize.fixture.ts` has the same. */
function manyRegistry(path: string) {
  return buildRegistry({
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
}

async function flightsOf(
  store: OnlineStore,
  registry: ReturnType<typeof buildRegistry>,
  airports: readonly string[],
) {
  const answer = await onlineFeatures(store, {
    registry,
    features: ["airport_delay:flights"],
    entities: { airport: airports },
    maxAgeSeconds: 0,
  });
  return answer.results[1]?.values;
}
