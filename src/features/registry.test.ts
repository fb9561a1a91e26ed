import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { applyRegistry, readRegistry } from "./apply.ts";
import type { Definitions } from "./definitions.ts";
import { parseDefinitions } from "./definitions-file.ts";
import {
  buildRegistry,
  entity,
  featureService,
  featureView,
  field,
  onDemandFeatureView,
  parquetSource,
} from "./index.ts";
import { definitionsOf } from "./registry.ts";
import { DELAYS, delayDefinitions, openBench } from "./store.fixture.ts";

const good = delayDefinitions("delays.parquet");
const [airport, source, view, service] = [
  good.entities[0]!,
  good.sources[0]!,
  good.featureViews[0]!,
  good.featureServices[0]!,
];

const wrong: readonly {
  readonly name: string;
  readonly given: Definitions;
  readonly message: RegExp;
  readonly hint?: RegExp;
}[] = [
  {
    name: "an unknown entity",
    given: { ...good, featureViews: [{ ...view, entities: ["airprt"] }] },
    message: /view "airport_delay" names entity "airprt", which is not defined/,
    hint: /Did you mean "airport"\?/,
  },
  {
    name: "an unknown source",
    given: { ...good, featureViews: [{ ...view, source: "delay" }] },
    message: /reads source "delay"/,
    hint: /Did you mean "delays"\?/,
  },
  {
    name: "two views of one name, whatever their case",
    given: { ...good, featureViews: [view, { ...view, name: "Airport_Delay" }] },
    message: /two definitions of the feature view .* differs only in case/,
  },
  {
    name: "an entity given twice",
    given: { ...good, entities: [airport, airport] },
    message: /two definitions of the entity "airport"/,
  },
  {
    name: "a source without a timestamp column",
    given: { ...good, sources: [{ ...source, timestampField: "" }] },
    message: /Source "delays" has no timestamp column/,
    hint: /Set timestampField/,
  },
  {
    name: "a negative ttl",
    given: { ...good, featureViews: [{ ...view, ttlSeconds: -1 }] },
    message: /ttl of -1 seconds/,
  },
  {
    name: "a feature twice",
    given: { ...good, featureViews: [{ ...view, schema: [...view.schema, ...view.schema] }] },
    message: /two features named "mean_delay"/,
  },
  {
    name: "a view without features",
    given: { ...good, featureViews: [{ ...view, schema: [] }], featureServices: [] },
    message: /has no features/,
  },
  {
    name: "a feature named as the join key",
    given: { ...good, featureViews: [{ ...view, schema: [field("airport", "STRING")] }] },
    message: /a feature named as its join key "airport"/,
  },
  {
    name: "a key of a type that cannot be a key",
    given: { ...good, entities: [{ ...airport, valueType: "DOUBLE" as "INT64" }] },
    message: /value type "DOUBLE", which cannot be a key/,
  },
  {
    name: "an unknown type",
    given: {
      ...good,
      featureViews: [{ ...view, schema: [field("x", "NUMBER" as "DOUBLE")] }],
    },
    message: /"x" has the unknown type "NUMBER"/,
  },
  {
    name: "a name that is no name",
    given: { ...good, entities: [{ ...airport, name: "air port" }] },
    message: /"air port" cannot be the name of an? entity/,
  },
  {
    name: "a service of an unknown view",
    given: { featureServices: [service] },
    message: /names feature view "airport_delay", which is not defined/,
  },
  {
    name: "a service with an unknown feature",
    given: {
      ...good,
      featureServices: [
        featureService({
          name: "s",
          projections: [{ view: "airport_delay", features: ["flight"] }],
        }),
      ],
    },
    message: /takes feature "flight"/,
    hint: /Did you mean "flights"\?/,
  },
  {
    name: "a service with two views of one name",
    given: { ...good, featureServices: [featureService({ name: "s", projections: [view, view] })] },
    message: /two views named "airport_delay"/,
  },
  {
    name: "a join key map for a key that is not there",
    given: {
      ...good,
      featureServices: [
        featureService({
          name: "s",
          projections: [{ view: "airport_delay", joinKeyMap: { city: "origin" } }],
        }),
      ],
    },
    message: /maps join key "city"/,
  },
  {
    name: "an on demand feature of an input that is not there",
    given: {
      ...good,
      onDemandFeatureViews: [
        onDemandFeatureView({
          name: "computed",
          sources: [view],
          schema: [field("twice", "DOUBLE")],
          expressions: { twice: ["mul", "mean_dely", 2] },
        }),
      ],
    },
    message: /reads "mean_dely", which is no input/,
    hint: /Did you mean "mean_delay"\?/,
  },
];

for (const { name, given, message, hint } of wrong) {
  test(`a registry with ${name} is refused`, () => {
    assert.throws(
      () => buildRegistry(given),
      (error: { code: string; message: string; hint?: string }) => {
        assert.equal(error.code, "invalid_argument");
        assert.match(error.message, message);
        if (hint !== undefined) assert.match(error.hint ?? "", hint);
        return true;
      },
    );
  });
}

test("all that is wrong is told at once", () => {
  assert.throws(
    () =>
      buildRegistry({
        entities: [airport],
        featureViews: [{ ...view, ttlSeconds: -1, entities: ["x"] }],
      }),
    /The definitions have 3 problems:\n- .*\n- .*\n- /,
  );
});

test("what is applied is read back, with what it changed", async () => {
  await using bench = await openBench();
  const clock = { nowMs: () => Date.UTC(2024, 0, 1) };
  const first = await bench.recorder.step("Apply", {}, (step) =>
    applyRegistry(step, good, { folder: bench.path("registry"), current: undefined, clock }),
  );
  assert.deepEqual(
    first.value.changes.map(({ kind, name, change }) => `${change} ${kind}/${name}`),
    [
      "created entities/airport",
      "created sources/delays",
      "created featureViews/airport_delay",
      "created featureServices/delays_v1",
    ],
  );
  const read = await readRegistry(bench.recorder);
  assert.ok(read !== undefined);
  assert.deepEqual(definitionsOf(read), good);
  assert.deepEqual(read.times.get("entities/airport"), {
    createdMs: Date.UTC(2024, 0, 1),
    lastUpdatedMs: Date.UTC(2024, 0, 1),
  });
});

test("applying the same again changes nothing and writes nothing", async () => {
  await using bench = await openBench();
  const folder = bench.path("registry");
  await apply(good, undefined);
  const again = await apply(good, await readRegistry(bench.recorder));
  assert.deepEqual(again.value.changes, []);
  assert.equal(readdirSync(folder).length, 1);
  assert.equal(await outputsOf(again.executionId), 0);

  function apply(definitions: Definitions, current: Awaited<ReturnType<typeof readRegistry>>) {
    return bench.recorder.step("Apply", {}, (step) =>
      applyRegistry(step, definitions, { folder, current }),
    );
  }
  async function outputsOf(executionId: bigint): Promise<number> {
    const { events } = await bench.metadata.getEventsByExecutionIDs({
      executionIds: [executionId],
    });
    return events.filter(({ type }) => type === 4).length;
  }
});

test("a change keeps what is not named, unless it replaces all", async () => {
  await using bench = await openBench();
  const folder = bench.path("registry");
  let nowMs = 1000;
  const clock = { nowMs: () => nowMs };
  const apply = async (definitions: Definitions, replace = false) =>
    (
      await bench.recorder.step("Apply", {}, async (step) =>
        applyRegistry(step, definitions, {
          folder,
          current: await readRegistry(bench.recorder),
          replace,
          clock,
        }),
      )
    ).value.changes.map(({ name, change }) => `${change} ${name}`);
  await apply(good);
  nowMs = 2000;
  assert.deepEqual(await apply({ featureViews: [{ ...view, ttlSeconds: 60 }] }), [
    "updated airport_delay",
  ]);
  const read = await readRegistry(bench.recorder);
  assert.equal(read?.featureServices.size, 1);
  assert.deepEqual(read?.times.get("featureViews/airport_delay"), {
    createdMs: 1000,
    lastUpdatedMs: 2000,
  });
  assert.deepEqual(await apply({ ...good, featureServices: [] }, true), [
    "updated airport_delay",
    "deleted delays_v1",
  ]);
});

test("of two applies of one registry the second is aborted and its head stays", async () => {
  await using bench = await openBench();
  const folder = bench.path("registry");
  const apply = (ttlSeconds: number) =>
    bench.recorder.step("Apply", {}, (step) =>
      applyRegistry(
        step,
        { ...good, featureViews: [{ ...view, ttlSeconds }] },
        { folder, current: undefined },
      ),
    );
  await apply(1);
  await assert.rejects(apply(2), { code: "aborted" });
  const read = await readRegistry(bench.recorder);
  assert.equal(read?.featureViews.get("airport_delay")?.ttlSeconds, 1);
});

test("a registry file that was changed or lost is data_loss", async () => {
  await using bench = await openBench();
  const { value } = await bench.recorder.step("Apply", {}, (step) =>
    applyRegistry(step, good, { folder: bench.path("registry"), current: undefined }),
  );
  const path = fileURLToPath(value.registry.artifact?.uri ?? "");
  writeFileSync(path, "{}");
  await assert.rejects(readRegistry(bench.recorder), { code: "data_loss" });
});

test("an apply that checks its sources refuses a column that is not there", async () => {
  await using bench = await openBench();
  const path = await bench.write("delays.parquet", DELAYS);
  const definitions = delayDefinitions(path);
  const broken = {
    ...definitions,
    sources: [parquetSource({ name: "delays", paths: [path], timestampField: "dya" })],
  };
  await assert.rejects(
    bench.recorder.step("Apply", {}, (step) =>
      applyRegistry(step, broken, {
        folder: bench.path("registry"),
        current: undefined,
        check: { engine: bench.engine, resolve: bench.resolve },
      }),
    ),
    {
      code: "failed_precondition",
      message: /Source "delays" has no column "dya"/,
      hint: 'Did you mean "day"?',
    },
  );
});

test("definitions of a file are those of TypeScript", () => {
  const text = JSON.stringify(good);
  assert.deepEqual(parseDefinitions(JSON.parse(text), "features.json"), good);
});

test("a file of definitions says where it is wrong", () => {
  const cases: readonly [unknown, RegExp][] = [
    [[], /^features.json must be an object/],
    [{ entites: [] }, /^features.json has an unknown field "entites"/],
    [{ entities: [{ valueType: "INT64" }] }, /^features.json.entities\[0\] has no "name"/],
    [{ entities: [{ name: "a", valueType: "INT" }] }, /entities\[0\].valueType is "INT"/],
    [
      { featureViews: [{ name: "v", source: "s", ttlSeconds: "1d" }] },
      /ttlSeconds must be a number/,
    ],
    [{ sources: [{ name: "s", kind: "csv" }] }, /sources\[0\].kind is "csv"/],
    [
      { onDemandFeatureViews: [{ name: "o", expressions: { x: ["add", 1] } }] },
      /expressions.x must be an expression/,
    ],
  ];
  for (const [given, message] of cases) {
    assert.throws(() => parseDefinitions(given, "features.json"), {
      code: "invalid_argument",
      message,
    });
  }
});

test("an entity's join key is its name unless it says otherwise", () => {
  assert.equal(entity({ name: "airport", valueType: "STRING" }).joinKey, "airport");
  const given = { name: "v", entities: [airport], source, schema: [field("x", "DOUBLE")] };
  assert.equal(featureView(given).ttlSeconds, 0);
});
