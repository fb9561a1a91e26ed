import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
  type FeatureNameStatistics,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type Engine, openEngine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { compareStatistics } from "./compare.fixture.ts";
import { computeStatistics } from "./generate.ts";
import type { FileInput } from "./input.ts";

const engine = await openEngine({ threads: 2 });
const single = await openEngine({ threads: 1 });
const folder = await mkdtempDisposable(join(tmpdir(), "waybill-statistics-"));
after(async () => {
  await engine[Symbol.asyncDispose]();
  await single[Symbol.asyncDispose]();
  await folder.remove();
});

const BAD_FILES: readonly {
  name: string;
  content: string | Uint8Array | undefined;
  code: string;
  message: RegExp;
}[] = [
  { name: "missing.csv", content: undefined, code: "not_found", message: /No file is named/ },
  { name: "none-*.csv", content: undefined, code: "not_found", message: /none-\*\.csv/ },
  { name: "empty.csv", content: "", code: "data_loss", message: /is empty/ },
  { name: "header.csv", content: "a,b\n", code: "invalid_argument", message: /header and no rows/ },
  {
    name: "more.csv",
    content: "a,b\n1,2\n3,4,5\n",
    code: "data_loss",
    message: /line 3 has 3 cells where the header has 2/,
  },
  {
    name: "fewer.csv",
    content: 'a,b\n\n"x\ny",2\n3\n',
    code: "data_loss",
    message: /line 5 has 1 cells where the header has 2/,
  },
  {
    name: "quote.csv",
    content: 'a,b\n1,2\n3,"4\n5,6\n',
    code: "data_loss",
    message: /line 3 opens a quote/,
  },
  { name: "nul.csv", content: new Uint8Array(5_000), code: "data_loss", message: /NUL/ },
  {
    name: "utf16.csv",
    content: Buffer.from("a,b\n1,2\n", "utf16le"),
    code: "data_loss",
    message: /NUL/,
  },
  { name: "twice.csv", content: "a,a\n1,2\n", code: "invalid_argument", message: /"a" twice/ },
  { name: "cut.parquet", content: "PAR1 and no more", code: "data_loss", message: /cut\.parquet/ },
  { name: "empty.parquet", content: "", code: "data_loss", message: /is empty/ },
  { name: "nul.parquet", content: new Uint8Array(100), code: "data_loss", message: /nul\.parquet/ },
  {
    name: "broken.jsonl",
    content: '{"a": 1}\n{"a": \n',
    code: "data_loss",
    message: /broken\.jsonl/,
  },
];

for (const { name, content, code, message } of BAD_FILES) {
  test(`${name} is one error, ${code}, with a hint`, async () => {
    const path = join(folder.path, name);
    if (content !== undefined) await writeFile(path, content);
    const format = name.split(".").at(-1) as FileInput["format"];
    await assert.rejects(computeStatistics(engine, { format, paths: [path] }), (error) => {
      assert.ok(error instanceof WaybillError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.notEqual(error.hint, undefined);
      return true;
    });
  });
}

test("a folder is refused", async () => {
  await assert.rejects(computeStatistics(engine, { format: "csv", paths: [folder.path] }), {
    code: "invalid_argument",
    message: /is a folder/,
  });
});

test("files with other headers are refused", async () => {
  await writeFile(join(folder.path, "day-1.csv"), "a,b\n1,2\n");
  await writeFile(join(folder.path, "day-2.csv"), "a,c\n1,2\n");
  await assert.rejects(
    computeStatistics(engine, { format: "csv", paths: [join(folder.path, "day-*.csv")] }),
    { code: "invalid_argument", message: /day-2\.csv" has another header: column 2 is "c"/ },
  );
});

test("an interrupted computation is cancelled", async () => {
  await writeFile(join(folder.path, "some.csv"), "a\n1\n");
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(
    computeStatistics(
      engine,
      { format: "csv", paths: [join(folder.path, "some.csv")] },
      { signal: controller.signal },
    ),
    { code: "cancelled" },
  );
});

test("quoted newlines, doubled quotes, CRLF, a byte-order mark and a last line without newline are read", async () => {
  const path = join(folder.path, "quotes.csv");
  await writeFile(path, '\uFEFF"a ""x""",b\r\n"1\n2",5\r\n"p""q",6\r\n\r\n"r"s,"7"\r\n"",8');
  const { statistics } = await computeStatistics(engine, { format: "csv", paths: [path] });
  const [a, b] = statistics.datasets[0]!.features;
  assert.deepEqual(pathOf(a!), ['a "x"']);
  assert.deepEqual(topOf(a!), ["rs", 'p"q', "1\n2"]);
  assert.equal(a!.stats.value!.commonStats!.numMissing, 1n);
  assert.equal(b!.stats.case === "numStats" && b!.stats.value.mean, 6.5);
});

test("a column whose type shows only late is counted as if it had been known", async () => {
  const path = join(folder.path, "late.csv");
  const rows = Array.from(
    { length: 200_000 },
    (_, row) => `${row},${row + 20_000_000},00${row % 7}`,
  );
  await writeFile(path, `a,b,c\n${rows.join("\n")}\n0.5,0.5,\nx,1,y\n`);
  const { statistics } = await computeStatistics(engine, { format: "csv", paths: [path] });
  const [a, b, c] = statistics.datasets[0]!.features;
  assert.equal(a!.stats.case === "stringStats" && a!.stats.value.unique, 200_002n);
  assert.equal(b!.stats.case === "numStats" && b!.stats.value.min, 0.5);
  assert.equal(b!.stats.case === "numStats" && b!.stats.value.max, Math.fround(20_199_999));
  assert.deepEqual(topOf(c!).slice(0, 3).sort(), ["000", "001", "002"]);
});

test("a CSV, the same rows as Parquet, JSON lines and in the engine give the same statistics", async () => {
  const csv = join(folder.path, "same.csv");
  const rows = Array.from({ length: 30_000 }, (_, row) => {
    const noise = (row * 7_919) % 10_007;
    return `${row},${noise},${noise / 8},${noise % 3 === 0 ? "" : `v${noise % 50}`},k${row}`;
  });
  await writeFile(csv, `id,noise,part,text,key\n${rows.join("\n")}\n`);
  const relation = `read_csv('${csv}')`;
  const parquet = join(folder.path, "same.parquet");
  const jsonl = join(folder.path, "same.jsonl");
  await engine.execute(`COPY (SELECT * FROM ${relation}) TO '${parquet}'`);
  await engine.execute(`COPY (SELECT * FROM ${relation}) TO '${jsonl}' (FORMAT json)`);
  const want = (await computeStatistics(engine, { format: "csv", paths: [csv] })).statistics;
  const others = [
    { format: "parquet", paths: [parquet] },
    { format: "jsonl", paths: [jsonl] },
    { relation },
  ] as const;
  for (const input of others) {
    const { statistics } = await computeStatistics(engine, input);
    assert.deepEqual(compareStatistics(want, statistics), [], JSON.stringify(input));
  }
});

/** Values that add up differently in another order, with heavy tails, repeats, NULLs and times. */
const TRICKY = `(
  SELECT hash(i) / 1e19 AS ratio, exp(40 * (hash(i + 1) / 18446744073709551616)) AS wide,
    CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN 'nan'::DOUBLE ELSE sin(i) * 1e6 END AS holes,
    (hash(i) % 1000)::DECIMAL(10, 2) / 8 AS money, i % 2 = 0 AS flag, i * 1000003 AS key,
    DATE '2020-01-01' + (i % 900)::INTEGER AS day, make_timestamp(i * 977777777) AS moment,
    'u' || (hash(i) % 40000) AS name
  FROM range(120000) AS t(i))`;

test("the same data gives the same bytes with one thread, two threads, and again", async () => {
  const path = join(folder.path, "tricky.parquet");
  await engine.execute(`COPY (SELECT * FROM ${TRICKY}) TO '${path}' (ROW_GROUP_SIZE 20000)`);
  const compute = async (on: Engine) => {
    const { statistics } = await computeStatistics(on, { format: "parquet", paths: [path] });
    return Buffer.from(toBinary(DatasetFeatureStatisticsListSchema, statistics)).toString("base64");
  };
  const first = await compute(single);
  for (const on of [engine, single, engine]) assert.ok((await compute(on)) === first);
});

test("columns of an engine have the types that the part documents", async () => {
  const { statistics } = await computeStatistics(engine, { relation: TRICKY });
  assert.deepEqual(typesOf(statistics), {
    ratio: "1",
    wide: "1",
    holes: "1",
    money: "1",
    flag: "0",
    key: "0",
    day: "0 time_domain { integer_format: UNIX_DAYS }",
    moment: "0 time_domain { integer_format: UNIX_MICROSECONDS }",
    name: "2",
  });
});

test("moments and medians of an engine's doubles are those of the engine", async () => {
  const { statistics } = await computeStatistics(engine, { relation: TRICKY });
  const [row] = await engine.rows(
    `SELECT avg(wide) AS mean, stddev_pop(wide) AS deviation, median(wide) AS middle FROM ${TRICKY}`,
  );
  const wide = statistics.datasets[0]!.features.find((feature) => pathOf(feature)[0] === "wide")!;
  assert.ok(wide.stats.case === "numStats");
  const { mean, stdDev, median } = wide.stats.value;
  assert.ok(Math.abs(mean / Number(row!["mean"]) - 1) < 1e-9);
  assert.ok(Math.abs(stdDev / Number(row!["deviation"]) - 1) < 1e-9);
  // The value is spread over 17 orders of magnitude; its rank may be off by 0.002.
  assert.ok(Math.abs(Math.log(median) - Math.log(Number(row!["middle"]))) < 40 * 0.002);
});

function pathOf(feature: FeatureNameStatistics): readonly string[] {
  return feature.fieldId.case === "path" ? feature.fieldId.value.step : [];
}

function topOf(feature: FeatureNameStatistics): string[] {
  return feature.stats.case === "stringStats"
    ? feature.stats.value.topValues.map(({ value }) => value)
    : [];
}

function typesOf(statistics: DatasetFeatureStatisticsList): Record<string, string> {
  return Object.fromEntries(
    statistics.datasets[0]!.features.map((feature) => {
      const domain = feature.customStats[0]?.val.value;
      return [
        pathOf(feature)[0],
        [feature.type, ...(domain === undefined ? [] : [domain])].join(" "),
      ];
    }),
  );
}

test("the file that is counted is left as it is", async () => {
  const path = join(folder.path, "left.csv");
  await writeFile(path, 'a\n"x""y"\n');
  await computeStatistics(engine, { format: "csv", paths: [path] });
  assert.equal(await readFile(path, "utf8"), 'a\n"x""y"\n');
});
