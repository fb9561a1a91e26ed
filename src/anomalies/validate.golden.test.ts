import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { CustomValidationConfigSchema } from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import {
  AnomaliesSchema,
  type AnomalyInfo_Severity,
  type AnomalyInfo_Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { openEngine } from "../engine/index.ts";
import { differences, type GoldenCase, goldenCases } from "../schema/golden.fixture.ts";
import { readMessage } from "../statistics/index.ts";
import { customValidate, mergeAnomalies } from "./custom.ts";
import { updateSchema, type ValidateInput, validateStatistics } from "./validate.ts";

const cases = goldenCases("validate_");

if (cases === undefined) {
  test("data is validated as TFDV validates it", { skip: "no golden vectors here" });
} else {
  test("there are golden cases of validation", () => {
    assert.ok(cases.length >= 90, `${cases.length} cases`);
  });
  for (const golden of cases) {
    const refuses = golden.options.expect_error !== undefined;
    test(`${refuses ? "Waybill refuses as TFDV does" : "TFDV and Waybill find the same anomalies"}: ${golden.name}`, () =>
      refuses ? checkRefusal(golden) : checkAnomalies(golden));
    if (golden.files.has("expected_updated_schema.pbtxt") && !refuses) {
      test(`TFDV and Waybill relax the schema alike: ${golden.name}`, () => checkUpdate(golden));
    }
  }
}

async function checkAnomalies(golden: GoldenCase) {
  const { statistics, schema, input } = await inputsOf(golden);
  const expected = await readMessage(
    AnomaliesSchema,
    join(golden.folder, "expected_anomalies.pbtxt"),
  );
  const found = validateStatistics(statistics, schema, input);
  const actual = golden.files.has("custom_validation.pbtxt")
    ? mergeAnomalies(found, await customAnomalies(golden, statistics, input))
    : found;
  assert.deepEqual(differences(AnomaliesSchema, expected, actual), []);
}

async function customAnomalies(
  { folder }: GoldenCase,
  statistics: DatasetFeatureStatisticsList,
  { previousStatistics, environment }: ValidateInput,
) {
  const config = await readMessage(
    CustomValidationConfigSchema,
    join(folder, "custom_validation.pbtxt"),
  );
  await using engine = await openEngine();
  return await customValidate(engine, statistics, config, { previousStatistics, environment });
}

async function checkRefusal(golden: GoldenCase) {
  const { statistics, schema, input } = await inputsOf(golden);
  assert.throws(() => validateStatistics(statistics, schema, input), {
    name: "WaybillError",
    code: "invalid_argument",
  });
}

async function checkUpdate(golden: GoldenCase) {
  const { statistics, schema } = await inputsOf(golden);
  const before = await readMessage(SchemaSchema, join(golden.folder, "schema.pbtxt"));
  const expected = await readMessage(
    SchemaSchema,
    join(golden.folder, "expected_updated_schema.pbtxt"),
  );
  assert.deepEqual(differences(SchemaSchema, expected, updateSchema(schema, statistics)), []);
  assert.deepEqual(differences(SchemaSchema, before, schema), [], "the schema given is unchanged");
}

async function inputsOf({ folder, files, options }: GoldenCase) {
  const list = async (name: string): Promise<DatasetFeatureStatisticsList | undefined> =>
    files.has(name)
      ? readMessage(DatasetFeatureStatisticsListSchema, join(folder, name))
      : undefined;
  const input: ValidateInput = {
    environment: options.environment,
    previousStatistics: await list("previous.pbtxt"),
    servingStatistics: await list("serving.pbtxt"),
    previousVersionStatistics: await list("previous_version.pbtxt"),
    options: optionsOf(options.validation_options ?? {}),
  };
  return {
    statistics: await readMessage(DatasetFeatureStatisticsListSchema, join(folder, "stats.pbtxt")),
    schema: await readMessage(SchemaSchema, join(folder, "schema.pbtxt")),
    input,
  };
}

function optionsOf(
  given: NonNullable<GoldenCase["options"]["validation_options"]>,
): NonNullable<ValidateInput["options"]> {
  return {
    newFeaturesAreWarnings: given.new_features_are_warnings ?? false,
    // The vectors hold numbers of the enums.
    severityOverrides: (given.severity_overrides ?? []).map(({ type, severity }) => ({
      type: type as AnomalyInfo_Type,
      severity: severity as AnomalyInfo_Severity,
    })),
    ...(given.features_needed === undefined
      ? {}
      : { featuresNeeded: given.features_needed.map(({ path }) => path) }),
  };
}
