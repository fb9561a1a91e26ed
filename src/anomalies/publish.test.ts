import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomValidationConfigSchema } from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import { AnomaliesSchema } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../metadata/index.ts";
import { inferSchema } from "../schema/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { parseMessageText, readMessage } from "../statistics/index.ts";
import { validate } from "./publish.ts";
import { anomalyReport, countAnomalies, hasAnomalies } from "./report.ts";
import { validateStatistics } from "./validate.ts";

const training = statisticsOf({ age: [3n, 41n], city: ["a", "b"] });
const schema = inferSchema(training);

test("anomalies are written and recorded with whether the data is good", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "anomalies-"));
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const path = join(folder.path, "anomalies.pb");
  const run = (statistics: typeof training) =>
    recorder.step("ExampleValidator", {}, (step) =>
      validate(step, statistics, schema, { path, split: "train" }),
    );
  const good = await run(training);
  assert.equal(good.value.blessed, true);
  assert.deepEqual(propertiesOf(good.value.artifact)["blessed"], { train: 1 });
  const bad = await run(statisticsOf({ age: [3n] }));
  assert.equal(bad.value.blessed, false);
  assert.equal(bad.value.artifact.type, "ExampleAnomalies");
  const written = await readMessage(AnomaliesSchema, path);
  assert.deepEqual(Object.keys(written.anomalyInfo), ["city"]);
});

test("custom validations run with an engine and are refused without", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "anomalies-"));
  await using store = await openMetadataStore("memory:");
  await using engine = await openEngine();
  const recorder = createRecorder(store);
  const customValidation = parseMessageText(
    CustomValidationConfigSchema,
    'feature_validations { feature_path { step: "age" } validations { sql_expression: "feature.num_stats.max < 9" severity: WARNING description: "Old." } }',
  );
  const path = join(folder.path, "anomalies.pbtxt");
  const { value } = await recorder.step("ExampleValidator", {}, (step) =>
    validate(step, training, schema, { path, customValidation, engine }),
  );
  assert.equal(value.blessed, true, "a warning does not stop the data");
  assert.deepEqual(countAnomalies(value.anomalies), { errors: 0, warnings: 1 });
  await assert.rejects(
    recorder.step("ExampleValidator", {}, (step) =>
      validate(step, training, schema, { path, customValidation }),
    ),
    { code: "invalid_argument" },
  );
});

test("a report shows the gravest first, then by feature", () => {
  const anomalies = validateStatistics(statisticsOf({ zip: [1n], area: [2n] }), schema, {
    options: { newFeaturesAreWarnings: true },
  });
  assert.deepEqual(
    anomalyReport(anomalies).map(({ feature, severity }) => `${severity} ${feature}`),
    ["ERROR age", "ERROR city", "WARNING area", "WARNING zip"],
  );
});

test("a dataset without examples is reported", () => {
  const anomalies = validateStatistics(statisticsOf({ age: [] }), schema);
  assert.equal(anomalies.dataMissing, true);
  assert.equal(hasAnomalies(anomalies), true);
  assert.equal(anomalyReport(anomalies)[0]?.feature, "(dataset)");
});
