import assert from "node:assert/strict";
import { after, test } from "node:test";
import { CustomValidationConfigSchema } from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import { openEngine } from "../engine/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { parseMessageText } from "../statistics/index.ts";
import { customValidate } from "./custom.ts";

const engine = await openEngine();
after(() => engine[Symbol.asyncDispose]());

const statistics = statisticsOf({ age: [3n, 41n], city: ["a", "b", "b"] });
const holding = [
  "feature.num_stats.max = 41",
  "feature.type = 'INT' -- a comment",
  "feature.num_stats.common_stats.num_non_missing >= 2",
  "len(feature.num_stats.histograms[1].buckets) = 10",
  "feature.string_stats IS NULL",
];
for (const sql of holding) {
  test(`no anomaly where ${sql}`, async () => {
    const anomalies = await customValidate(engine, statistics, configOf("age", sql));
    assert.deepEqual(anomalies.anomalyInfo, {});
  });
}

test("a condition that is false is an anomaly in the author's words", async () => {
  const anomalies = await customValidate(
    engine,
    statistics,
    configOf("city", "feature.string_stats.unique > 9"),
  );
  assert.equal(anomalies.anomalyInfo["city"]?.shortDescription, "Not so.");
});

test("a condition of another environment is not evaluated", async () => {
  const config = configOf("age", "no such thing", 'in_environment: "SERVING"');
  await assert.doesNotReject(customValidate(engine, statistics, config));
  await assert.rejects(customValidate(engine, statistics, config, { environment: "SERVING" }));
});

const refused = [
  { name: "SQL that does not run", config: configOf("age", "feature.nums > 1") },
  { name: "a condition that is NULL", config: configOf("age", "feature.string_stats.unique > 1") },
  { name: "a condition that is a number", config: configOf("age", "feature.num_stats.max") },
  { name: "a feature that is not there", config: configOf("fare", "true") },
  {
    name: "a pair without previous statistics",
    config: parseMessageText(
      CustomValidationConfigSchema,
      'feature_pair_validations { feature_test_path { step: "age" } }',
    ),
  },
];
for (const { name, config } of refused) {
  test(`${name} is refused`, async () => {
    await assert.rejects(customValidate(engine, statistics, config), {
      name: "WaybillError",
      code: "invalid_argument",
    });
  });
}

function configOf(feature: string, sql: string, more = "") {
  return parseMessageText(
    CustomValidationConfigSchema,
    `feature_validations { feature_path { step: "${feature}" } validations {
      sql_expression: "${sql}" severity: ERROR description: "Not so." ${more} } }`,
  );
}
