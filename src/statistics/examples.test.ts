import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { root, sharedFolder } from "../../scripts/shared.ts";
import { openEngine } from "../engine/index.ts";
import { compareStatistics } from "./compare.fixture.ts";
import { frameRecord } from "./formats/tfrecord.ts";
import { computeStatistics } from "./generate.ts";
import type { FileInput } from "./input.ts";
import { parseStatisticsOptions } from "./options.ts";
import { parseMessageText, readMessage } from "./proto-file.ts";

const engine = await openEngine({ threads: 1 });
const folder = await mkdtempDisposable(join(tmpdir(), "waybill-examples-"));
after(async () => {
  await engine[Symbol.asyncDispose]();
  await folder.remove();
});
const shared = sharedFolder();
const golden = join(root, "test/golden/tfdv/1.16.1/nested");

for (const { name, options } of [
  { name: "plain", options: {} },
  { name: "weighted", options: { weightFeature: "w" } },
]) {
  test(`nested lists and structs have TFDV's statistics from JSON lines and Parquet: ${name}`, async () => {
    const want = await readMessage(
      DatasetFeatureStatisticsListSchema,
      join(golden, `${name}.pbtxt`),
    );
    const jsonl = join(golden, "rows.jsonl");
    const parquet = join(folder.path, `${name}.parquet`);
    await engine.execute(
      `COPY (SELECT * FROM read_json('${jsonl}', format = 'newline_delimited')) TO '${parquet}'`,
    );
    const inputs: FileInput[] = [
      { format: "jsonl", paths: [jsonl] },
      { format: "parquet", paths: [parquet] },
    ];
    for (const input of inputs) {
      const { statistics } = await computeStatistics(engine, input, options);
      assert.deepEqual(compareStatistics(want, statistics), [], input.format);
    }
  });
}

/** Values that are exact as 32-bit floats, so that delimited text and the engine agree. */
const WEIGHTED = `(
  SELECT (i % 4) / 2.0::DOUBLE AS weight, 1 + i % 3 AS other, i % 97 AS number, (i % 50) / 8.0::DOUBLE AS part,
    CASE WHEN i % 5 = 0 THEN NULL ELSE 'v' || (i % 13) END AS text
  FROM range(3000) AS t(i))`;

test("weights and slices are the same from CSV, Parquet and a relation", async () => {
  const csv = join(folder.path, "weighted.csv");
  const parquet = join(folder.path, "weighted.parquet");
  await engine.execute(`COPY ${WEIGHTED} TO '${csv}' (HEADER)`);
  await engine.execute(`COPY ${WEIGHTED} TO '${parquet}'`);
  const options = {
    weightFeature: "weight",
    perFeatureWeight: { text: "other" },
    sliceFeatures: [{ text: ["v1", "v2"], other: null }],
  };
  const { statistics: want } = await computeStatistics(
    engine,
    { format: "csv", paths: [csv] },
    options,
  );
  assert.deepEqual(namesOf(want), [
    "All Examples",
    ...[1, 2, 3].flatMap((other) => [`other_${other}_text_v1`, `other_${other}_text_v2`]),
  ]);
  for (const input of [{ format: "parquet" as const, paths: [parquet] }, { relation: WEIGHTED }]) {
    const { statistics } = await computeStatistics(engine, input, options);
    assert.deepEqual(compareStatistics(want, statistics), []);
  }
});

test("an example without its weight is an error that says which", async () => {
  const path = join(folder.path, "weight.csv");
  await writeFile(path, "w,x\n1,2\n,3\n");
  await assert.rejects(
    computeStatistics(engine, { format: "csv", paths: [path] }, { weightFeature: "w" }),
    { code: "invalid_argument", message: /Example 2 has no single number .* "w"/ },
  );
});

test("a sample has about its part of the examples, and is the same each time", async () => {
  const input = { relation: "(SELECT i AS x FROM range(20000) AS t(i))" };
  const sizes = await Promise.all(
    [1, 2].map(async () => {
      const { statistics } = await computeStatistics(engine, input, { sampleRate: 0.1 });
      return Number(statistics.datasets[0]!.numExamples);
    }),
  );
  assert.equal(sizes[0], sizes[1]);
  assert.ok(Math.abs(sizes[0]! - 2_000) < 150, String(sizes[0]));
  await assert.rejects(computeStatistics(engine, input, { sampleRate: 0 }), {
    code: "invalid_argument",
  });
});

test("integers of a schema's categories are counted as text by the engine and from CSV", async () => {
  const schema = parseMessageText(
    SchemaSchema,
    'feature { name: "number" type: INT int_domain { is_categorical: true } }',
  );
  const csv = join(folder.path, "categories.csv");
  await engine.execute(`COPY ${WEIGHTED} TO '${csv}' (HEADER)`);
  const options = { schema, featureAllowlist: ["number"] };
  const fromCsv = await computeStatistics(engine, { format: "csv", paths: [csv] }, options);
  const fromEngine = await computeStatistics(engine, { relation: WEIGHTED }, options);
  assert.deepEqual(compareStatistics(fromCsv.statistics, fromEngine.statistics), []);
  const [feature] = fromCsv.statistics.datasets[0]!.features;
  assert.equal(feature!.stats.case === "stringStats" && feature!.stats.value.unique, 97n);
});

test("types from a schema refuse a cell of another type", async () => {
  const path = join(folder.path, "typed.csv");
  await writeFile(path, "a,b\n1,2\n1.5,3\n");
  const schema = parseMessageText(SchemaSchema, 'feature { name: "a" type: INT }');
  await assert.rejects(
    computeStatistics(
      engine,
      { format: "csv", paths: [path] },
      { schema, inferTypeFromSchema: true },
    ),
    { code: "invalid_argument", message: /"a" holds "1\.5", which is not INT/ },
  );
});

test("a gzip TFRecord has the statistics of the plain one", {
  skip: shared === undefined && "the shared folder is not here",
}, async () => {
  const plain = join(shared!, "goldens/tfdv/stats_tfr_multivalent/input.tfrecord");
  const path = join(folder.path, "examples.tfrecord.gz");
  await writeFile(path, gzipSync(await readFile(plain)));
  const [want, got] = await Promise.all(
    [plain, path].map((file) => computeStatistics(engine, { format: "tfrecord", paths: [file] })),
  );
  assert.deepEqual(compareStatistics(want!.statistics, got!.statistics), []);
});

/** tf.Examples by hand: a map entry of name "x" to a list of the given bytes. */
function exampleBytes(list: readonly number[]): Uint8Array {
  const feature = [...list];
  const entry = [0x0a, 1, 0x78, 0x12, feature.length, ...feature];
  const features = [0x0a, entry.length, ...entry];
  return frameRecord(Uint8Array.from([0x0a, features.length, ...features]));
}
const INT_MINUS_ONE = [0x1a, 0x0c, 0x0a, 0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
const FLOAT_ONE = [0x12, 6, 0x0a, 4, 0, 0, 0x80, 0x3f];

test("negative 64-bit integers of tf.Examples are read", async () => {
  const path = join(folder.path, "negative.tfrecord");
  await writeFile(path, exampleBytes(INT_MINUS_ONE));
  const { statistics } = await computeStatistics(engine, { format: "tfrecord", paths: [path] });
  const [feature] = statistics.datasets[0]!.features;
  assert.equal(feature!.stats.case === "numStats" && feature!.stats.value.mean, -1);
});

const whole = exampleBytes(INT_MINUS_ONE);
const BAD: readonly { name: string; content: Uint8Array | string; message: RegExp }[] = [
  {
    name: "cut.tfrecord",
    content: whole.subarray(0, whole.length - 3),
    message: /ends inside a record/,
  },
  {
    name: "crc.tfrecord",
    content: Buffer.concat([whole, whole.map((byte, at) => (at === 20 ? byte ^ 1 : byte))]),
    message: /wrong checksum/,
  },
  {
    name: "other.tfrecord",
    content: frameRecord(Buffer.from("hello")),
    message: /record 1 is not a tf\.Example/,
  },
  {
    name: "kinds.tfrecord",
    content: Buffer.concat([
      whole,
      exampleBytes(FLOAT_ONE),
      frameRecord(
        Buffer.from([
          0x0a, 14, 0x0a, 12, 0x0a, 1, 0x78, 0x12, 7, 0x0a, 5, 0x0a, 3, 0x61, 0x62, 0x63,
        ]),
      ),
    ]),
    message: /"x" is float before and string here/,
  },
  { name: "cut.tfrecord.gz", content: gzipSync(whole).subarray(0, 20), message: /is not whole/ },
  {
    name: "list.jsonl",
    content: "{}\n[1]\n",
    message: /line 2 is not a JSON object: it is a bare value/,
  },
  { name: "cut.jsonl", content: '{"a": 1}\n\n{"a": [1', message: /line 3 is not a JSON object/ },
  {
    name: "mixed.jsonl",
    content: '{"a": [1, "x"]}\n',
    message: /"a" holds values of kind int and string/,
  },
  {
    name: "kinds.jsonl",
    content: '{"a": 1}\n{"a": "x"}\n',
    message: /"a" is int before and string here/,
  },
  {
    name: "depth.jsonl",
    content: '{"a": [1]}\n{"a": [[1]]}\n',
    message: /nests 1 deep before and 2 deep here/,
  },
  { name: "utf8.jsonl", content: Buffer.from([0x7b, 0xff, 0x7d, 0x0a]), message: /is not UTF-8/ },
];

for (const { name, content, message } of BAD) {
  test(`${name} is data_loss that says where`, async () => {
    const path = join(folder.path, name);
    await writeFile(path, content);
    const format = name.includes("tfrecord") ? "tfrecord" : "jsonl";
    await assert.rejects(
      computeStatistics(engine, { format, paths: [path] }),
      (error: { code?: string; message: string; hint?: string }) => {
        assert.match(error.message, message);
        assert.equal(error.code, "data_loss");
        assert.notEqual(error.hint, undefined);
        return true;
      },
    );
  });
}

test("in JSON 1.0 is FLOAT, 1 and true are INT, null and absent are missing", async () => {
  const path = join(folder.path, "kinds-of-json.jsonl");
  await writeFile(
    path,
    '\uFEFF{"a": 1.0, "b": 1, "c": true, "d": null, "e": "é"}\r\n{"a": 2, "b": 1e2}\n{"e": "v1.0"}\n',
  );
  const { statistics } = await computeStatistics(engine, { format: "jsonl", paths: [path] });
  const { features } = statistics.datasets[0]!;
  assert.deepEqual(
    features.map(({ fieldId, type, stats }) => [
      fieldId.case === "path" && fieldId.value.step[0],
      type,
      stats.value!.commonStats!.numMissing,
    ]),
    [
      ["a", 1, 1n],
      ["b", 1, 1n],
      ["c", 0, 2n],
      ["e", 2, 1n],
    ],
  );
});

test("options that mean nothing are refused, with those that there are", () => {
  for (const json of [[], { num_top: 3 }, { num_top_values: "3" }, { slice_features: [3] }]) {
    assert.throws(() => parseStatisticsOptions(json), { code: "invalid_argument" });
  }
  const json = { num_top_values: 3, epsilon: 0.1, weight_feature: null };
  assert.deepEqual(parseStatisticsOptions(json), { numTopValues: 3 });
});

function namesOf(statistics: DatasetFeatureStatisticsList): string[] {
  return statistics.datasets.map(({ name }) => name);
}
