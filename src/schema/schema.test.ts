import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AnomaliesSchema,
  AnomalyInfoSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  FeatureType,
  IntDomainSchema,
  LifecycleStage,
  SchemaSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../metadata/index.ts";
import { parseMessageText, printMessageText } from "../statistics/index.ts";
import { getDomain, setDomain } from "./domains.ts";
import { indexSchema, SchemaDraft } from "./draft.ts";
import {
  addEnvironments,
  checkEnvironment,
  excludeFromEnvironment,
  includeInEnvironment,
  isInEnvironment,
  isRequired,
} from "./environments.ts";
import { allFeatures, getFeature } from "./features.ts";
import { readSchema, writeSchema } from "./file.ts";
import { generateSchema, publishSchema } from "./generate.ts";
import { inferSchema } from "./infer.ts";
import { serializePath } from "./path.ts";
import { statisticsOf } from "./statistics.fixture.ts";

const text = `
feature { name: "age" type: INT int_domain { min: 0 } presence { min_count: 1 } }
feature { name: "city" type: BYTES domain: "cities" }
feature { name: "trip" type: STRUCT struct_domain {
  feature { name: "fare" type: FLOAT } feature { name: "to" type: BYTES domain: "cities" } } }
string_domain { name: "cities" value: "a" }
dataset_constraints { min_examples_count: 1 }`;
const schemaOf = () => parseMessageText(SchemaSchema, text);

test("features are found by name and by path, and changing one changes the schema", () => {
  const schema = schemaOf();
  getFeature(schema, "age").lifecycleStage = LifecycleStage.BETA;
  assert.equal(schema.feature[0]?.lifecycleStage, LifecycleStage.BETA);
  assert.equal(getFeature(schema, ["trip", "fare"]).type, FeatureType.FLOAT);
  const leaves = [...allFeatures(schema, { leavesOnly: true })].map(({ path }) => path);
  assert.deepEqual(leaves.map(serializePath), ["age", "city", "trip.fare", "trip.to"]);
});

test("a feature or a domain that is not there is said to be so, with what there is", () => {
  const schema = schemaOf();
  assert.throws(() => getFeature(schema, "fare"), {
    code: "not_found",
    message: 'The schema has no feature "fare".',
    hint: "It has age, city, trip",
  });
  assert.throws(() => getFeature(schema, ["age", "x"]), { code: "invalid_argument" });
  assert.throws(() => getDomain(schema, ["trip", "fare"]), { code: "not_found" });
  assert.throws(() => setDomain(schema, "city", "towns"), { code: "not_found" });
  assert.throws(() => setDomain(schema, "trip", "cities"), { code: "invalid_argument" });
});

test("domains are read and replaced, shared ones by name", () => {
  const schema = schemaOf();
  assert.equal(getDomain(schema, "city"), schema.stringDomain[0]);
  const value = create(IntDomainSchema, { max: 9n });
  setDomain(schema, "age", { case: "intDomain", value });
  assert.equal(getDomain(schema, "age"), value);
  setDomain(schema, "age", "cities");
  assert.equal(getDomain(schema, "age"), schema.stringDomain[0]);
});

test("a label is taken out of an environment and put back", () => {
  const schema = schemaOf();
  addEnvironments(schema, "TRAINING", "SERVING", "SERVING");
  assert.deepEqual(schema.defaultEnvironment, ["TRAINING", "SERVING"]);
  excludeFromEnvironment(schema, "age", "SERVING");
  const age = getFeature(schema, "age");
  assert.equal(isInEnvironment(schema, age, "SERVING"), false);
  assert.equal(isRequired(schema, age, "TRAINING"), true);
  assert.equal(isRequired(schema, age, undefined), true);
  includeInEnvironment(schema, "age", "SERVING");
  assert.equal(isRequired(schema, age, "SERVING"), true);
  assert.throws(() => checkEnvironment(schema, "TEST"), {
    hint: "The schema has TRAINING, SERVING",
  });
});

test("a draft leaves the schema it came from as it was", () => {
  const schema = schemaOf();
  const draft = new SchemaDraft(indexSchema(schema));
  const fare = draft.feature(["trip", "fare"]);
  assert.ok(fare !== undefined);
  fare.type = FeatureType.INT;
  draft.stringDomain("cities")?.value.push("b");
  draft.addStringDomain("cities").value.push("c");
  draft.addFeature(["new", "deep"]).type = FeatureType.INT;
  const constraints = draft.datasetConstraints();
  assert.ok(constraints !== undefined);
  constraints.minExamplesCount = 9n;
  const print = printMessageText(SchemaSchema, draft.build());
  assert.equal(printMessageText(SchemaSchema, schema), printMessageText(SchemaSchema, schemaOf()));
  for (const part of [/"cities2"/, /"b"/, /name: "new"\s+type: STRUCT/, /min_examples_count: 9/]) {
    assert.match(print, part);
  }
});

test("removing a shared domain frees every feature that names it", () => {
  const draft = new SchemaDraft(indexSchema(schemaOf()));
  draft.removeStringDomain("cities");
  assert.doesNotMatch(printMessageText(SchemaSchema, draft.build()), /cities/);
});

test("a schema is read back as it was written, as text and as binary", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "schema-"));
  for (const name of ["schema.pbtxt", "schema.pb"]) {
    const path = join(folder.path, name);
    await writeSchema(schemaOf(), path);
    assert.equal(
      printMessageText(SchemaSchema, await readSchema(path)),
      printMessageText(SchemaSchema, schemaOf()),
    );
  }
});

const statistics = statisticsOf({ age: [31n, 45n], city: ["a", "b"] });
const anomalies = create(AnomaliesSchema, {
  baselineSchema: { case: "baseline", value: inferSchema(statistics) },
  anomalyInfo: { age: create(AnomalyInfoSchema, { description: "old" }) },
});
const unreadable = [
  { name: "text.pbtxt", bytes: Buffer.from('feature { nme: "a" }'), code: "invalid_argument" },
  { name: "cut.pb", bytes: toBinary(SchemaSchema, schemaOf()).subarray(0, -3), code: "data_loss" },
  { name: "noise.pb", bytes: Buffer.from("f3a9b1deadbeef00ff", "hex"), code: "data_loss" },
  {
    name: "statistics.pb",
    bytes: toBinary(DatasetFeatureStatisticsListSchema, statistics),
    code: "data_loss",
  },
  { name: "anomalies.pb", bytes: toBinary(AnomaliesSchema, anomalies), code: "data_loss" },
  { name: "schema.json", bytes: Buffer.from("{}"), code: "invalid_argument" },
];
for (const { name, bytes, code } of unreadable) {
  test(`what is no schema is refused in one sentence: ${name}`, async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), "schema-"));
    const path = join(folder.path, name);
    writeFileSync(path, bytes);
    await assert.rejects(readSchema(path), (error: Error & { code?: string }) => {
      assert.equal(error.name, "WaybillError");
      assert.equal(error.code, code);
      assert.match(error.message, new RegExp(name));
      return true;
    });
  });
}

test("a generated schema is recorded with its digest, and its head moves", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "schema-"));
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const path = join(folder.path, "schema.pbtxt");
  const { value } = await recorder.step("SchemaGen", {}, (step) =>
    generateSchema(step, statistics, { path, ref: { name: "schema/taxi", expect: undefined } }),
  );
  assert.equal((await readSchema(path)).feature.length, 2);
  const head = await recorder.ref("schema/taxi");
  assert.equal(head?.id, value.artifact.id);
  assert.equal(head?.type, "Schema");
  assert.match(String(propertiesOf(value.artifact)["sha256"]), /^[0-9a-f]{64}$/);
  await assert.rejects(
    recorder.step("SchemaGen", {}, (step) =>
      publishSchema(step, schemaOf(), { path, ref: { name: "schema/taxi", expect: undefined } }),
    ),
    { code: "aborted" },
  );
});
