// Statistics, schemas and anomalies beside the real TFDV: random datasets and examples are validated,
// inferred from and relaxed by both, real files are counted by both and walked through as its users do,
// and each reads what the other writes. tfdv.py is TFDV's half and the judge.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  type Anomalies,
  AnomaliesSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  DistributionConstraintsSchema,
  FeatureComparatorSchema,
  type Schema,
  SchemaSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import {
  type ExampleScalar,
  instanceValidator,
  updateSchema,
  type ValidateInput,
  validateStatistics,
} from "../../src/anomalies/index.ts";
import { openEngine } from "../../src/engine/index.ts";
import {
  addEnvironments,
  excludeFromEnvironment,
  getDomain,
  getFeature,
  inferSchema,
} from "../../src/schema/index.ts";
import { computeStatistics, readMessage, writeMessage } from "../../src/statistics/index.ts";
import { besidePeers, peerPython, requireShared } from "./peer.ts";

/** Files are named NAME.KIND.ENDING. */
const KINDS: Readonly<Record<string, DescMessage>> = {
  statistics: DatasetFeatureStatisticsListSchema,
  schema: SchemaSchema,
  anomalies: AnomaliesSchema,
};

/** How values of random examples, written as text, are given to Waybill. */
const VALUES: Readonly<Record<string, (text: string) => ExampleScalar>> = {
  INT: BigInt,
  // The examples are of 32-bit floats, and Python writes infinity in its own way.
  FLOAT: (text) => (text === "inf" ? Number.POSITIVE_INFINITY : Math.fround(Number(text))),
  STRING: (text) => text,
};

const python = peerPython("tfdv");
const shared = requireShared();
using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-tfdv-"));
const file = (...path: readonly string[]) => join(folder.path, ...path);
for (const side of ["ours", "echo"]) mkdirSync(file(side));

const peer = spawn(python, [besidePeers("tfdv.py"), shared, folder.path], {
  stdio: ["pipe", "pipe", "pipe"],
});
const errors: string[] = [];
peer.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
const exited = new Promise<number | null>((resolve) => peer.on("close", resolve));

for await (const line of createInterface({ input: peer.stdout })) {
  if (line !== "made") {
    console.log(line);
    continue;
  }
  await answerDatasets();
  await answerExamples();
  await walkRealData();
  await echo();
  peer.stdin.end("answered\n");
}
const code = await exited;
if (code !== 0) {
  console.error(`TFDV's half ended with ${code}\n${errors.join("").slice(-4000)}`);
  process.exitCode = 1;
}

/** Validates, relaxes and infers where TFDV did. */
async function answerDatasets(): Promise<void> {
  interface About {
    readonly environment: string | null;
    readonly newFeaturesAreWarnings: boolean;
    readonly others: readonly string[];
  }
  for (const { name, about } of casesOf<About>("dataset")) {
    const given = (role: string) =>
      readMessage(
        DatasetFeatureStatisticsListSchema,
        file("given", `${name}.${role}.statistics.pb`),
      );
    const other = async (role: string) => (about.others.includes(role) ? given(role) : undefined);
    const statistics = await given("statistics");
    const schema = await readMessage(SchemaSchema, file("given", `${name}.schema.pbtxt`));
    const input: ValidateInput = {
      environment: about.environment ?? undefined,
      previousStatistics: await other("previous"),
      servingStatistics: await other("serving"),
      previousVersionStatistics: await other("version"),
      options: { newFeaturesAreWarnings: about.newFeaturesAreWarnings },
    };
    await answerAnomalies(name, validateStatistics(statistics, schema, input));
    await answerSchema(`${name}.updated`, updateSchema(schema, statistics));
    await answerSchema(`${name}.inferred`, inferSchema(statistics));
  }
}

async function answerExamples(): Promise<void> {
  interface About {
    readonly environment: string | null;
    readonly row: readonly (readonly [name: string, kind: string, values: readonly string[]])[];
  }
  for (const { name, about } of casesOf<About>("instance")) {
    const schema = await readMessage(SchemaSchema, file("given", `${name}.schema.pb`));
    const environment = about.environment === null ? {} : { environment: about.environment };
    const example = Object.fromEntries(
      about.row.map(([feature, kind, values]) => [feature, values.map(VALUES[kind]!)]),
    );
    const anomalyInfo = instanceValidator(schema, environment)(example);
    await answerAnomalies(name, create(AnomaliesSchema, { anomalyInfo }));
  }
}

/** The walk of tfdv.py, step by step, on statistics of our own but for the last step. */
async function walkRealData(): Promise<void> {
  await using engine = await openEngine();
  const count = async (name: string, ...path: readonly string[]) => {
    const input = { format: "csv", paths: [join(shared, "data", ...path)] } as const;
    const { statistics } = await computeStatistics(engine, input);
    await answer(DatasetFeatureStatisticsListSchema, `${name}.statistics`, statistics);
    return statistics;
  };
  const covertype = await count("covertype", "covertype_sample", "covertype_evaluation.csv");
  await answerSchema("covertype", inferSchema(covertype));
  const train = await count("train", "chicago_taxi", "train.csv");
  const evaluation = await count("evaluation", "chicago_taxi", "eval.csv");
  const serving = await count("serving", "chicago_taxi", "serving.csv");

  const schema = inferSchema(train);
  const step = (name: string, data: DatasetFeatureStatisticsList, input: ValidateInput = {}) =>
    answerAnomalies(`walk.${name}`, validateStatistics(data, schema, input));
  await answerSchema("walk.inferred", schema);
  await step("evaluation", evaluation);
  await answerSchema("walk.updated", updateSchema(schema, evaluation));
  getFeature(schema, "company").distributionConstraints = create(DistributionConstraintsSchema, {
    minDomainMass: 0.9,
  });
  const payments = getDomain(schema, "payment_type");
  if (payments.$typeName === "tensorflow.metadata.v0.StringDomain") payments.value.push("Prcard");
  await step("fixed", evaluation);
  await step("serving", serving);
  addEnvironments(schema, "TRAINING", "SERVING");
  excludeFromEnvironment(schema, "tips", "SERVING");
  await step("environment", serving, { environment: "SERVING" });
  getFeature(schema, "company").driftComparator = farthest(0.001);
  getFeature(schema, "payment_type").skewComparator = farthest(0.01);
  await step("drift", evaluation, { previousStatistics: train });
  await step("skew", train, { servingStatistics: serving, environment: "TRAINING" });
  for (const name of ["trip_miles", "fare", "trip_start_hour"]) {
    getFeature(schema, name).driftComparator = create(FeatureComparatorSchema, {
      jensenShannonDivergence: { threshold: 0.0001 },
    });
  }
  // Its distances show each item of a histogram, and TFDV's histograms are approximate: these are its own.
  const counted = (name: string) =>
    readMessage(DatasetFeatureStatisticsListSchema, file("theirs", `${name}.statistics.tfrecord`));
  await step("numbers", await counted("evaluation"), {
    previousStatistics: await counted("train"),
  });
  await answerSchema("walk.final", schema);
}

function farthest(threshold: number) {
  return create(FeatureComparatorSchema, { infinityNorm: { threshold } });
}

/** Reads every answer of TFDV, in each encoding that it has, and writes it in another. */
async function echo(): Promise<void> {
  for (const name of readdirSync(file("theirs"))) {
    const [stem = "", kind = "", ending = ""] = name.split(/\.(\w+)\.(\w+)$/);
    const schema = KINDS[kind]!;
    const message = await readMessage(schema, file("theirs", name));
    const other = { pb: "pbtxt", pbtxt: "pb", tfrecord: "tfrecord" }[ending];
    await writeMessage(schema, message, file("echo", `${stem}.${kind}.${other}`));
  }
}

function answerAnomalies(name: string, anomalies: Anomalies): Promise<void> {
  return answer(AnomaliesSchema, `${name}.anomalies`, anomalies);
}

function answerSchema(name: string, schema: Schema): Promise<void> {
  return answer(SchemaSchema, `${name}.schema`, schema);
}

/** Writes an answer in every encoding that TFDV reads it in. */
async function answer<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  message: MessageShape<Desc>,
): Promise<void> {
  const endings = name.endsWith(".statistics") ? ["pb", "pbtxt", "tfrecord"] : ["pb", "pbtxt"];
  for (const ending of endings)
    await writeMessage(schema, message, file("ours", `${name}.${ending}`));
}

/** The cases that tfdv.py made, by the file that tells about them. */
function casesOf<About>(prefix: string): { readonly name: string; readonly about: About }[] {
  return readdirSync(file("given"))
    .filter((name) => name.startsWith(prefix) && name.endsWith(".json"))
    .map((name) => ({
      name: name.slice(0, -".json".length),
      about: JSON.parse(readFileSync(file("given", name), "utf8")),
    }));
}
