import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildRegistry,
  entity,
  featureView,
  field,
  type OnlineStore,
  onlineFeatures,
  openOnlineStore,
  type PushedColumns,
  parquetSource,
  purgeEntity,
  purgeExpired,
  pushFeatures,
  type Registry,
} from "./index.ts";
import { type Bench, openBench } from "./store.fixture.ts";

const driver = entity({ name: "driver", joinKey: "driver_id", valueType: "INT64" });
const customer = entity({ name: "customer", joinKey: "customer_id", valueType: "STRING" });
const source = parquetSource({
  name: "stats",
  paths: ["-"],
  timestampField: "event_timestamp",
  createdTimestampColumn: "created",
});
const registry = buildRegistry({
  entities: [driver, customer],
  sources: [source],
  featureViews: [
    featureView({
      name: "hourly",
      entities: [driver],
      source,
      ttlSeconds: 3600,
      schema: [field("trips", "INT64"), field("tags", "STRING_LIST")],
    }),
    featureView({
      name: "pairs",
      entities: [driver, customer],
      source,
      schema: [field("score", "DOUBLE")],
    }),
  ],
});

test("what is pushed is served, and a push that is older changes nothing", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const first = await push(bench, store, "hourly", [
    {
      driver_id: [1, "2"],
      event_timestamp: ["2024-01-01T10:00:00", new Date("2024-01-01T10:00:00Z")],
      created: ["2024-01-01T10:01:00", null],
      trips: [5, null],
      tags: [["a", "b"], []],
    },
  ]);
  assert.deepEqual([first.rowCount, first.written], [2, 2]);
  const older = await push(bench, store, "hourly", [hourly(1, "2024-01-01T09:00:00", 4)]);
  assert.deepEqual([older.written, older.superseded], [0, 1]);
  const answer = await onlineFeatures(store, {
    registry,
    features: ["hourly:trips", "hourly:tags"],
    entities: { driver_id: [1, 2] },
    maxAgeSeconds: 0,
  });
  assert.deepEqual(answer.results[1]?.values, [5, null]);
  assert.deepEqual(answer.results[2]?.values, [["a", "b"], []]);
});

test("a window of pushes is one record, with its counts and its first and last event", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const durable: number[] = [];
  async function* stream(): AsyncIterable<PushedColumns> {
    for (const hour of ["12", "10", "11"]) {
      yield hourly(Number(hour), `2024-01-01T${hour}:00:00`, 1);
      durable.push(await store.count("default/hourly"));
    }
  }
  const { artifact } = await push(bench, store, "hourly", stream());
  assert.deepEqual(durable, [1, 2, 3]);
  assert.equal(artifact?.properties["start"]?.value.value, "2024-01-01T10:00:00.000Z");
  assert.equal(artifact?.properties["end"]?.value.value, "2024-01-01T12:00:00.000Z");
  assert.equal(artifact?.properties["row_count"]?.value.value, 3n);
});

test("a push may name columns as the source does", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const mapped = buildRegistry({
    entities: [driver, customer],
    sources: [{ ...source, fieldMapping: { drv: "driver_id", n: "trips" } }],
    featureViews: [...registry.featureViews.values()],
  });
  const { driver_id: drv = [], trips: n = [], ...rest } = hourly(7, "2024-01-01", 3);
  await bench.recorder.step("Push", {}, (step) =>
    pushFeatures(step, store, {
      registry: mapped,
      view: "hourly",
      batches: [{ drv, n, ...rest }],
    }),
  );
  assert.deepEqual(await tripsOf(store, mapped, [7]), [3]);
});

test("a push without rows leaves no output", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  assert.equal((await push(bench, store, "hourly", [])).artifact, undefined);
});

const refused: readonly [string, PushedColumns, RegExp][] = [
  ["without a feature", { ...hourly(1, "2024-01-01", 1), trips: undefined as never }, /"trips"/],
  ["without a time", { driver_id: [1], trips: [1], tags: [[]] }, /no column "event_timestamp"/],
  ["with a null key", { ...hourly(1, "2024-01-01", 1), driver_id: [null] }, /"driver_id" is null/],
  ["with a time that is none", hourly(1, "soon", 1), /is "soon", not .* UNIX_TIMESTAMP/],
  ["of columns that differ in length", { ...hourly(1, "2024-01-01", 1), trips: [] }, /differ in/],
];
for (const [name, columns, message] of refused) {
  test(`a push ${name} is invalid_argument and writes nothing`, async () => {
    await using bench = await openBench();
    await using store = await openOnlineStore("memory:");
    const given = Object.fromEntries(Object.entries(columns).filter(([, column]) => column));
    await assert.rejects(push(bench, store, "hourly", [given]), {
      code: "invalid_argument",
      message,
    });
    assert.equal(await store.count("default/hourly"), 0);
  });
}

for (const kind of ["memory", "lmdb", "sqlite"]) {
  test(`${kind}: what is older than the ttl is purged, what is of its age stays`, async () => {
    await using bench = await openBench();
    await using store = await openOnlineStore(`${kind}:${bench.path("online")}`);
    await push(bench, store, "hourly", [
      hourly(1, "2024-01-01T08:59:59", 1),
      hourly(2, "2024-01-01T09:00:00", 2),
    ]);
    await push(bench, store, "pairs", [pair(1, "a")]);
    const clock = { nowMs: () => Date.UTC(2024, 0, 1, 10) };
    const { value } = await bench.recorder.step("Purge", {}, (step) =>
      purgeExpired(step, store, { registry, clock }),
    );
    assert.deepEqual(value, [{ view: "hourly", removedCount: 1 }]);
    assert.deepEqual(await tripsOf(store, registry, [1, 2]), [null, 2]);
    assert.equal(await store.count("default/pairs"), 1);
  });

  test(`${kind}: a subject is purged from every view that is keyed by it`, async () => {
    await using bench = await openBench();
    await using store = await openOnlineStore(`${kind}:${bench.path("online")}`);
    await push(bench, store, "hourly", [hourly(1, "2024-01-01", 1), hourly(2, "2024-01-01", 2)]);
    await push(bench, store, "pairs", [pair(1, "a"), pair(1, "b"), pair(2, "a"), pair(11, "a")]);
    const { value } = await bench.recorder.step("Purge", {}, (step) =>
      purgeEntity(step, store, { registry, entity: { driver_id: 1 } }),
    );
    assert.deepEqual(value, [
      { view: "hourly", removedCount: 1 },
      { view: "pairs", removedCount: 2 },
    ]);
    assert.deepEqual(await tripsOf(store, registry, [1, 2]), [null, 2]);
    assert.equal(await store.count("default/pairs"), 2);
  });
}

test("a subject that nothing is keyed by is invalid_argument with the nearest key", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  await assert.rejects(
    bench.recorder.step("Purge", {}, (step) =>
      purgeEntity(step, store, { registry, entity: { drvier_id: 1 } }),
    ),
    { code: "invalid_argument", hint: 'Did you mean "driver_id"?' },
  );
});

function hourly(driverId: number, time: string, trips: number): PushedColumns {
  return { driver_id: [driverId], event_timestamp: [time], trips: [trips], tags: [["x"]] };
}

function pair(driverId: number, customerId: string): PushedColumns {
  return {
    driver_id: [driverId],
    customer_id: [customerId],
    event_timestamp: ["2024-01-01"],
    score: [0.5],
  };
}

async function push(
  bench: Bench,
  store: OnlineStore,
  view: string,
  batches: Iterable<PushedColumns> | AsyncIterable<PushedColumns>,
) {
  const { value } = await bench.recorder.step("Push", {}, (step) =>
    pushFeatures(step, store, { registry, view, batches }),
  );
  return value;
}

async function tripsOf(store: OnlineStore, given: Registry, drivers: readonly number[]) {
  const answer = await onlineFeatures(store, {
    registry: given,
    features: ["hourly:trips"],
    entities: { driver_id: drivers },
    maxAgeSeconds: 0,
  });
  return answer.results[1]?.values;
}
