import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { addEnvironments, excludeFromEnvironment, inferSchema } from "../schema/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { validateSlices } from "./slices.ts";

const slicesOf = (...lists: readonly ReturnType<typeof statisticsOf>[]) =>
  create(DatasetFeatureStatisticsListSchema, {
    datasets: lists.flatMap(({ datasets }) => datasets),
  });

const whole = statisticsOf({ city: ["a", "b"], age: [1n, 2n] }, { dataset: "All Examples" });
const schema = inferSchema(whole);

test("an anomaly in one slice is named with it", () => {
  const slices = slicesOf(whole, statisticsOf({ city: ["a", "c"] }, { dataset: "young" }));
  const { anomalyInfo } = validateSlices(slices, schema);
  assert.deepEqual(Object.keys(anomalyInfo).sort(), [
    "'slice(young)::age'",
    "'slice(young)::city'",
  ]);
});

test("a slice that only the previous span has is missing now", () => {
  const before = slicesOf(whole, statisticsOf({ city: ["a"], age: [1n] }, { dataset: "old" }));
  const { anomalyInfo } = validateSlices(slicesOf(whole), schema, { previousStatistics: before });
  assert.deepEqual(Object.keys(anomalyInfo).sort(), ["'slice(old)::age'", "'slice(old)::city'"]);
});

test("environments hold in every slice", () => {
  const served = inferSchema(whole);
  addEnvironments(served, "SERVING");
  excludeFromEnvironment(served, "age", "SERVING");
  const slices = slicesOf(statisticsOf({ city: ["a"] }, { dataset: "All Examples" }));
  assert.deepEqual(validateSlices(slices, served, { environment: "SERVING" }).anomalyInfo, {});
});

test("slices without all examples are refused", () => {
  const slices = slicesOf(
    statisticsOf({ age: [1n] }, { dataset: "x" }),
    statisticsOf({ age: [1n] }, { dataset: "y" }),
  );
  assert.throws(() => validateSlices(slices, schema), { code: "invalid_argument" });
});
