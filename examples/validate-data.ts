// TFDV's walk on two CSV files: node examples/validate-data.ts TRAIN.csv SERVING.csv [LABEL]
import { anomalyReport, validateStatistics } from "../src/anomalies/index.ts";
import { openEngine } from "../src/engine/index.ts";
import { addEnvironments, excludeFromEnvironment, inferSchema } from "../src/schema/index.ts";
import { computeStatistics } from "../src/statistics/index.ts";

const [train, serving, label] = process.argv.slice(2);
if (train === undefined || serving === undefined) {
  console.error("usage: validate-data.ts TRAIN.csv SERVING.csv [LABEL]");
  process.exit(2);
}
await using engine = await openEngine();
const count = async (path: string) =>
  (await computeStatistics(engine, { format: "csv", paths: [path] })).statistics;

const trainStatistics = await count(train);
const servingStatistics = await count(serving);
const schema = inferSchema(trainStatistics);
console.log(`schema of ${schema.feature.length} features`);

console.log("serving data, held against it:");
for (const { feature, short, long } of anomalyReport(
  validateStatistics(servingStatistics, schema),
)) {
  console.log(`  ${feature}: ${short}. ${long}`);
}

if (label !== undefined) {
  // The label is not there when a model serves, and should not be: an environment says so.
  addEnvironments(schema, "TRAINING", "SERVING");
  excludeFromEnvironment(schema, label, "SERVING");
  const left = anomalyReport(
    validateStatistics(servingStatistics, schema, { environment: "SERVING" }),
  );
  console.log(`in the environment SERVING, without ${label}: ${left.length} anomalies`);
  for (const { feature, short } of left) console.log(`  ${feature}: ${short}`);
}
