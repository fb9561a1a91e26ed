import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { readMessage } from "../statistics/index.ts";
import { differences, type GoldenCase, goldenCases } from "./golden.fixture.ts";
import { inferSchema } from "./infer.ts";

const inferCases = goldenCases("infer_");
const statisticsCases = goldenCases("stats_")?.filter(({ files }) =>
  files.has("expected_schema.pbtxt"),
);

if (inferCases === undefined || statisticsCases === undefined) {
  test("schemas are inferred as TFDV infers them", { skip: "no golden vectors here" });
} else {
  test("there are golden cases of inference", () => {
    assert.ok(inferCases.length >= 18, `${inferCases.length} cases`);
    assert.ok(statisticsCases.length >= 30, `${statisticsCases.length} cases`);
  });
  for (const golden of inferCases) {
    test(`TFDV and Waybill infer the same schema: ${golden.name}`, () =>
      checkInference(golden, "stats.pbtxt"));
  }
  for (const golden of statisticsCases) {
    test(`TFDV and Waybill infer the same schema from statistics of ${golden.name}`, () =>
      checkInference(golden, "expected_stats.pbtxt"));
  }
}

async function checkInference({ folder, options }: GoldenCase, statisticsFile: string) {
  const statistics = await readMessage(
    DatasetFeatureStatisticsListSchema,
    join(folder, statisticsFile),
  );
  const expected = await readMessage(SchemaSchema, join(folder, "expected_schema.pbtxt"));
  const inferred = inferSchema(statistics, {
    ...(options.infer_feature_shape === undefined
      ? {}
      : { inferFeatureShape: options.infer_feature_shape }),
    ...(options.max_string_domain_size === undefined
      ? {}
      : { maxStringDomainSize: options.max_string_domain_size }),
  });
  assert.deepEqual(differences(SchemaSchema, expected, inferred), []);
}
