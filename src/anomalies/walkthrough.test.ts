import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Anomalies } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { sharedFolder } from "../../scripts/shared.ts";
import { openEngine } from "../engine/index.ts";
import {
  addEnvironments,
  excludeFromEnvironment,
  getDomain,
  getFeature,
  inferSchema,
} from "../schema/index.ts";
import { computeStatistics } from "../statistics/index.ts";
import { anomalyReport } from "./report.ts";
import { validateStatistics } from "./validate.ts";

const shared = sharedFolder();
const skip = shared === undefined ? "no reference data here" : false;
const engine = await openEngine();
after(() => engine[Symbol.asyncDispose]());

async function statisticsOf(...path: readonly string[]) {
  const input = { format: "csv", paths: [join(shared ?? "", "data", ...path)] } as const;
  return (await computeStatistics(engine, input)).statistics;
}

const keysOf = ({ anomalyInfo }: Anomalies): string[] => Object.keys(anomalyInfo).sort();

test("Covertype: the label is missing in serving data until the environment says so", {
  skip,
}, async () => {
  const training = await statisticsOf("covertype_sample", "covertype_evaluation.csv");
  const serving = await statisticsOf("covertype_sample", "covertype_serving.csv");
  const schema = inferSchema(training);
  const first = validateStatistics(serving, schema);
  assert.deepEqual(anomalyReport(first), [
    {
      feature: "Cover_Type",
      severity: "ERROR",
      short: "Column dropped",
      long: "Column is completely missing",
    },
  ]);
  addEnvironments(schema, "TRAINING", "SERVING");
  excludeFromEnvironment(schema, "Cover_Type", "SERVING");
  const second = validateStatistics(serving, schema, { environment: "SERVING" });
  assert.deepEqual(anomalyReport(second), []);
});

test("Covertype: bad evaluation data is found where people give a range", { skip }, async () => {
  const schema = inferSchema(await statisticsOf("covertype_sample", "covertype_evaluation.csv"));
  getFeature(schema, "Slope").domainInfo = {
    case: "intDomain",
    value: {
      $typeName: "tensorflow.metadata.v0.IntDomain",
      name: "",
      min: 0n,
      max: 90n,
      isCategorical: false,
    },
  };
  const bad = await statisticsOf("covertype_sample", "covertype_evaluation_anomalies.csv");
  const anomalies = validateStatistics(bad, schema);
  assert.ok(keysOf(anomalies).includes("Slope"), keysOf(anomalies).join());
});

test("taxi: the walk-through of TFDV's users", { skip }, async () => {
  const training = await statisticsOf("chicago_taxi", "train.csv");
  const evaluation = await statisticsOf("chicago_taxi", "eval.csv");
  const serving = await statisticsOf("chicago_taxi", "serving.csv");
  const schema = inferSchema(training);
  assert.deepEqual(keysOf(validateStatistics(evaluation, schema)), ["company", "payment_type"]);
  getFeature(schema, "company").distributionConstraints = {
    $typeName: "tensorflow.metadata.v0.DistributionConstraints",
    minDomainMass: 0.9,
  };
  const domain = getDomain(schema, "payment_type");
  assert.ok(domain.$typeName === "tensorflow.metadata.v0.StringDomain");
  domain.value.push("Prcard");
  assert.deepEqual(keysOf(validateStatistics(evaluation, schema)), []);
  assert.deepEqual(keysOf(validateStatistics(serving, schema)), ["tips"]);
  addEnvironments(schema, "TRAINING", "SERVING");
  excludeFromEnvironment(schema, "tips", "SERVING");
  const input = { environment: "SERVING" };
  assert.deepEqual(keysOf(validateStatistics(serving, schema, input)), []);
});
