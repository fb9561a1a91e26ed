import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FeatureType, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { parseMessageText, printMessageText } from "../statistics/index.ts";
import { getFeature } from "./features.ts";
import { inferSchema } from "./infer.ts";
import { statisticsOf } from "./statistics.fixture.ts";

test("a column that is everywhere is required and has a shape", () => {
  const feature = getFeature(inferSchema(statisticsOf({ age: [31n, 45n] })), "age");
  assert.equal(feature.type, FeatureType.INT);
  assert.deepEqual(feature.presenceConstraints.value, {
    $typeName: "tensorflow.metadata.v0.FeaturePresence",
    minCount: 1n,
    minFraction: 1,
  });
  assert.equal(feature.shapeType.case, "shape");
});

test("a column with a gap is not required everywhere and has a value count", () => {
  const feature = getFeature(inferSchema(statisticsOf({ age: [31n, null] })), "age");
  assert.equal(feature.shapeType.case, "valueCount");
  assert.ok(feature.presenceConstraints.case === "presence");
  assert.equal(Object.hasOwn(feature.presenceConstraints.value, "minFraction"), false);
});

const domains = [
  { name: "two truth texts are bool", values: ["true", "false"], want: "boolDomain" },
  { name: "one truth text is bool", values: ["0", "0"], want: "boolDomain" },
  { name: "two texts for true are a set of texts", values: ["true", "TRUE"], want: "domain" },
  { name: "capitalised truth is a set of texts", values: ["True", "False"], want: "domain" },
  { name: "digits are integers written as text", values: ["7", "12", "-3"], want: "intDomain" },
  { name: "integers from 0 to 1 are bool", values: [0n, 1n], want: "boolDomain" },
  { name: "integers that never are 1 have no domain", values: [0n, 0n], want: undefined },
  { name: "floats have no domain", values: [0.5, 1], want: undefined },
  { name: "a column of nothing has no domain", values: [null, null], want: undefined },
];
for (const { name, values, want } of domains) {
  test(name, () => {
    const feature = getFeature(inferSchema(statisticsOf({ column: values })), "column");
    assert.equal(feature.domainInfo.case, want);
  });
}

test("a set of texts is listed in the order of its bytes, up to a size", () => {
  const statistics = statisticsOf({ city: ["b", "a", "c"] });
  assert.deepEqual(inferSchema(statistics).stringDomain[0]?.value, ["a", "b", "c"]);
  assert.deepEqual(inferSchema(statistics, { maxStringDomainSize: 2 }).stringDomain, []);
});

test("transformations run in order on what was inferred", () => {
  const schema = inferSchema(statisticsOf({ a: [1n], b: [2n] }), {
    transformations: [
      (inferred) => ({ ...inferred, feature: inferred.feature.slice(0, 1) }),
      (inferred, dataset) => {
        inferred.defaultEnvironment.push(`of ${dataset.features.length}`);
        return inferred;
      },
    ],
  });
  assert.equal(schema.feature.length, 1);
  assert.deepEqual(schema.defaultEnvironment, ["of 2"]);
});

test("old statistics with names in place of paths give the same schema", () => {
  const text = `datasets { num_examples: 2
    features { name: "trip" type: STRUCT struct_stats { common_stats { num_non_missing: 2
      min_num_values: 1 max_num_values: 1 } } }
    features { name: "trip.fare" type: FLOAT num_stats { common_stats { num_non_missing: 2
      min_num_values: 1 max_num_values: 1 } } } }`;
  const byName = parseMessageText(DatasetFeatureStatisticsListSchema, text);
  const byPath = parseMessageText(
    DatasetFeatureStatisticsListSchema,
    text
      .replace('name: "trip.fare"', 'path { step: "trip" step: "fare" }')
      .replace('name: "trip"', 'path { step: "trip" }'),
  );
  const print = (list: typeof byName) => printMessageText(SchemaSchema, inferSchema(list));
  assert.equal(print(byName), print(byPath));
  assert.match(print(byName), /struct_domain/);
});

const refused = [
  { name: "no dataset", text: "", hint: /no dataset/ },
  { name: "slices without all examples", text: 'datasets { name: "a" } datasets { name: "b" }' },
  {
    name: "names beside paths",
    text: 'datasets { features { name: "a" type: INT num_stats {} } features { path { step: "b" } num_stats {} } }',
  },
  {
    name: "one column twice",
    text: 'datasets { features { path { step: "a" } num_stats {} } features { path { step: "a" } num_stats {} } }',
  },
];
for (const { name, text } of refused) {
  test(`statistics with ${name} are refused`, () => {
    const statistics = parseMessageText(DatasetFeatureStatisticsListSchema, text);
    assert.throws(() => inferSchema(statistics), {
      name: "WaybillError",
      code: "invalid_argument",
    });
  });
}

test("a binary schema that was read as statistics is refused as such", () => {
  const bytes = toBinary(SchemaSchema, inferSchema(statisticsOf({ age: [1n, 2n] })));
  const statistics = fromBinary(DatasetFeatureStatisticsListSchema, bytes);
  assert.throws(() => inferSchema(statistics), { name: "WaybillError", code: "data_loss" });
});

test("a size of domains that is no count is refused", () => {
  assert.throws(() => inferSchema(statisticsOf({ a: [1n] }), { maxStringDomainSize: -1 }), {
    code: "invalid_argument",
  });
});
