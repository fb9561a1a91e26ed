import assert from "node:assert/strict";
import { test } from "node:test";
import {
  buildRegistry,
  featureView,
  field,
  materialize,
  type OnlineStore,
  onDemandFeatureView,
  onlineFeatures,
  onlineFeaturesJson,
  openOnlineStore,
  type Registry,
} from "./index.ts";
import { timeText } from "./online-answer.ts";
import { type Bench, DELAYS, delayDefinitions, openBench } from "./store.fixture.ts";

const NOW = { nowMs: () => Date.UTC(2024, 0, 5) };
const BOTH = ["airport_delay:mean_delay", "airport_delay:flights"];

test("a value is present, null, missing or too old, and says so", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const registry = await serve(bench, store);
  const answer = await onlineFeatures(store, {
    registry,
    features: BOTH,
    entities: { airport: ["SFO", "XYZ", "LAX", null, "JFK", "SFO"] },
    maxAgeSeconds: 86_400 * 4,
    clock: NOW,
  });
  assert.deepEqual(answer.metadata.feature_names, ["airport", "mean_delay", "flights"]);
  assert.deepEqual(answer.results[1], {
    values: [0.25, null, null, null, 4.5, 0.25],
    statuses: ["PRESENT", "NULL_VALUE", "NOT_FOUND", "NOT_FOUND", "PRESENT", "PRESENT"],
    event_timestamps: [
      "2024-01-05T00:00:00Z",
      "2024-01-01T00:00:00Z",
      "1970-01-01T00:00:00Z",
      "1970-01-01T00:00:00Z",
      "2024-01-04T00:00:00Z",
      "2024-01-05T00:00:00Z",
    ],
  });
});

test("the ttl is of the view unless the request says how old a value may be; its end is included", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const registry = await serve(bench, store, 86_400);
  const statusesAt = async (nowMs: number, more: object = {}) => {
    const answer = await onlineFeatures(store, {
      registry,
      features: ["airport_delay:flights"],
      entities: { airport: ["JFK"] },
      clock: { nowMs: () => nowMs },
      ...more,
    });
    return [answer.results[1]?.statuses[0], answer.results[1]?.values[0]];
  };
  const edge = Date.UTC(2024, 0, 5);
  assert.deepEqual(await statusesAt(edge), ["PRESENT", 40]);
  assert.deepEqual(await statusesAt(edge + 1), ["OUTSIDE_MAX_AGE", null]);
  assert.deepEqual(await statusesAt(edge + 1, { maxAgeSeconds: 0 }), ["PRESENT", 40]);
  assert.deepEqual(await statusesAt(edge, { maxAgeSeconds: 60 }), ["OUTSIDE_MAX_AGE", null]);
  assert.deepEqual(await statusesAt(edge + 1, { feastCompatible: true }), ["PRESENT", 40]);
});

test("a feature that was added after the row was written is not found, the others are", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const registry = await serve(bench, store);
  const definitions = delayDefinitions("-");
  const wider = buildRegistry({
    ...definitions,
    featureViews: definitions.featureViews.map((view) =>
      featureView({ ...view, schema: [field("cancelled", "INT64"), ...view.schema] }),
    ),
  });
  assert.ok(registry.featureViews.has("airport_delay"));
  const answer = await onlineFeatures(store, {
    registry: wider,
    features: ["airport_delay:cancelled", "airport_delay:flights"],
    entities: { airport: ["JFK"] },
    clock: NOW,
  });
  assert.deepEqual(
    answer.results.slice(1).map(({ statuses }) => statuses),
    [["NOT_FOUND"], ["PRESENT"]],
  );
});

test("on demand features are computed from stored features and the request; null stays null", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  await serve(bench, store);
  const definitions = delayDefinitions("-");
  const registry = buildRegistry({
    ...definitions,
    onDemandFeatureViews: [
      onDemandFeatureView({
        name: "trip",
        sources: ["airport_delay"],
        requestSchema: [field("planned", "DOUBLE")],
        schema: [
          field("arrival", "DOUBLE"),
          field("is_late", "BOOL"),
          field("share", "DOUBLE"),
          field("doubled", "INT64"),
        ],
        expressions: {
          arrival: ["add", "planned", "mean_delay"],
          is_late: ["gt", "mean_delay", 1],
          share: ["div", "flights", 0],
          doubled: ["mul", "flights", 2],
        },
      }),
    ],
  });
  const answer = await onlineFeatures(store, {
    registry,
    features: ["trip:arrival", "trip:is_late", "trip:share", "trip:doubled"],
    entities: { airport: ["JFK", "XYZ"], planned: [100, 100] },
    maxAgeSeconds: 0,
  });
  assert.deepEqual(answer.metadata.feature_names, [
    "airport",
    "arrival",
    "is_late",
    "share",
    "doubled",
  ]);
  assert.deepEqual(
    answer.results.slice(1).map(({ values }) => values),
    [
      [104.5, null],
      [true, null],
      ["Infinity", "Infinity"],
      [80, 2],
    ],
  );
  assert.deepEqual(answer.results[1]?.statuses, ["PRESENT", "NULL_VALUE"]);
});

test("event times are shown with as many digits as they need", async () => {
  const cases: readonly [bigint, string][] = [
    [0n, "1970-01-01T00:00:00Z"],
    [1_704_067_200_000_000n, "2024-01-01T00:00:00Z"],
    [1_704_067_200_120_000n, "2024-01-01T00:00:00.120Z"],
    [1_704_067_200_000_001n, "2024-01-01T00:00:00.000001Z"],
    [-1n, "1969-12-31T23:59:59.999999Z"],
  ];
  for (const [us, want] of cases) assert.equal(timeText(us), want);
});

test("whole numbers beyond 2^53 are printed with all their digits", () => {
  const json = onlineFeaturesJson({
    results: [{ values: [9_007_199_254_740_993n, 5], statuses: [], event_timestamps: [] }],
    metadata: { feature_names: ["x"] },
  });
  assert.match(json, /"values":\[9007199254740993,5\]/);
});

test("a request that cannot be answered says why", async () => {
  await using bench = await openBench();
  await using store = await openOnlineStore("memory:");
  const registry = await serve(bench, store);
  const cases: readonly [Record<string, readonly unknown[]>, string, RegExp][] = [
    [{ airprt: ["JFK"] }, "invalid_argument", /Missing join key values for keys: \['airport'\]/],
    [{ airport: ["JFK"], x: [] }, "invalid_argument", /All entity rows must have the same columns/],
    [{ airport: [] }, "invalid_argument", /no entity rows/],
    [{ airport: [{}] }, "invalid_argument", /Value 0 of "airport" is \{\}, not .* STRING/],
  ];
  for (const [entities, code, message] of cases) {
    await assert.rejects(onlineFeatures(store, { registry, features: BOTH, entities }), {
      code,
      message,
    });
  }
  await assert.rejects(
    onlineFeatures(store, { registry, features: ["airport_dely:x"], entities: { airport: ["a"] } }),
    { code: "not_found" },
  );
});

test("an online store of an unknown kind is invalid_argument", async () => {
  await assert.rejects(openOnlineStore("redis://localhost"), {
    code: "invalid_argument",
    message: '"redis://localhost" names no online store.',
  });
});

async function serve(bench: Bench, store: OnlineStore, ttlSeconds?: number): Promise<Registry> {
  const path = await bench.write("delays.parquet", DELAYS);
  const registry = buildRegistry(delayDefinitions(path, ttlSeconds));
  await bench.recorder.step("Materialize", {}, (step) =>
    materialize(step, bench.engine, store, {
      registry,
      resolve: bench.resolve,
      view: "airport_delay",
      start: new Date("2024-01-01T00:00:00Z"),
      end: new Date("2024-01-31T00:00:00Z"),
    }),
  );
  return registry;
}
