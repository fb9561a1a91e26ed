import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { compareStatistics } from "./compare.fixture.ts";
import {
  DistributionReader,
  distributionOfPoints,
  keptDistribution,
  mergeDistributions,
} from "./distribution.ts";
import {
  computeStatistics,
  finishStatistics,
  generateStatistics,
  mergeStatistics,
} from "./generate.ts";
import { decodePartials, encodePartials, readPartials } from "./partial-file.ts";
import { readMessage } from "./proto-file.ts";

const engine = await openEngine({ threads: 1 });
const folder = await mkdtempDisposable(join(tmpdir(), "waybill-merge-"));
after(async () => {
  await engine[Symbol.asyncDispose]();
  await folder.remove();
});

const DATA = `
  SELECT i AS id, (hash(i) % 200)::INTEGER AS small, (hash(i + 7) % 100000) / 8.0::DOUBLE AS part,
    CASE WHEN i % 6 = 0 THEN NULL ELSE 'v' || (hash(i) % 300) END AS text, 'k' || i AS key,
    i % 3 = 0 AS flag, CASE WHEN i % 9 = 0 THEN 'inf'::DOUBLE ELSE i END AS holes
  FROM range(30000) AS t(i)`;

for (const format of ["csv", "parquet"] as const) {
  test(`statistics of shards merge into those of the whole: ${format}`, async () => {
    const paths: string[] = [];
    for (const [from, until] of [
      [0, 1_000],
      [1_000, 20_000],
      [20_000, 30_000],
    ] as const) {
      const path = join(folder.path, `shard-${from}.${format}`);
      await engine.execute(
        `COPY (SELECT * FROM (${DATA}) WHERE id >= ${from} AND id < ${until}) TO '${path}'`,
      );
      paths.push(path);
    }
    const whole = await computeStatistics(engine, { format, paths });
    const shards = await Promise.all(
      paths.map(async (path) => {
        const { partials } = await computeStatistics(
          engine,
          { format, paths: [path] },
          { keptValues: 65_536 },
        );
        return decodePartials(encodePartials(partials), path);
      }),
    );
    assert.deepEqual(compareStatistics(whole.statistics, mergeStatistics(shards).statistics), []);
  });
}

test("a merge of more distinct values than are kept estimates them within three standard errors", async () => {
  const shards = await Promise.all(
    [0, 1].map(async (shard) => {
      const relation = `(SELECT 'key ' || (i + ${shard * 50_000}) AS key FROM range(100000) AS t(i))`;
      const { partials } = await computeStatistics(engine, { relation }, { keptValues: 65_536 });
      return decodePartials(encodePartials(partials), "memory");
    }),
  );
  const { statistics, partials, approximations } = mergeStatistics(shards);
  assert.deepEqual(approximations, [{ path: ["key"], of: "values" }]);
  const [feature] = statistics.datasets[0]!.features;
  assert.ok(feature!.stats.case === "stringStats");
  const unique = Number(feature!.stats.value.unique);
  assert.ok(Math.abs(unique - 150_000) < (150_000 * 3) / Math.sqrt(4_094), String(unique));
  assert.equal(partials[0]!.features[0]!.strings!.isComplete, false);
});

test("text in one shard and numbers in another cannot be merged, and that is said", async () => {
  const shards = await Promise.all(
    ["1 AS x", "'a' AS x"].map(
      async (column) =>
        (await computeStatistics(engine, { relation: `(SELECT ${column})` })).partials,
    ),
  );
  assert.throws(() => mergeStatistics(shards), {
    code: "failed_precondition",
    message: /"x" is int in one shard and string in another/,
  });
});

test("kept counts give the statistics that they were kept from, byte for byte", async () => {
  const { statistics, partials } = await computeStatistics(
    engine,
    {
      relation: `(SELECT id, small, text, key, flag FROM (${DATA}) WHERE id < 3000)`,
    },
    { keptValues: 65_536 },
  );
  const bytes = encodePartials(partials);
  const again = decodePartials(bytes, "memory");
  assert.deepEqual(bytesOf(finishStatistics(again)), bytesOf(statistics));
  assert.deepEqual(encodePartials(again), bytes);
});

test("a damaged file of kept counts is refused", async () => {
  const { partials } = await computeStatistics(engine, { relation: "(SELECT 1 AS a, 'x' AS b)" });
  const bytes = encodePartials(partials);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      if (at >= 24 && at < 32) return;
      const damaged = bytes.slice();
      damaged[at]! ^= change;
      assert.throws(() => decodePartials(damaged, "x.partials"), { code: "data_loss" });
      assert.throws(() => decodePartials(bytes.subarray(0, at), "x.partials"), {
        code: "data_loss",
      });
    }),
    { numRuns: 60 },
  );
});

const shardOfValues = fc.array(
  fc.oneof(fc.integer({ min: -20, max: 20 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
  { minLength: 1, maxLength: 40 },
);

test("merged distributions hold the mass of their shards, up to every value", () => {
  fc.assert(
    fc.property(fc.array(shardOfValues, { minLength: 1, maxLength: 6 }), (shards) => {
      const merged = mergeDistributions(
        shards.map((values) =>
          distributionOfPoints(Float64Array.from(values), new Float64Array(values.length).fill(1)),
        ),
      );
      const all = shards.flat();
      const reader = new DistributionReader(merged);
      assert.equal(reader.total, all.length);
      for (const value of all) {
        assert.equal(reader.massUpTo(value), all.filter((other) => other <= value).length);
      }
    }),
    { numRuns: 200 },
  );
});

test("what is kept of 100,000 distinct values is off by less than 0.005 of the mass anywhere", () => {
  const values = Float64Array.from({ length: 100_000 }, (_, index) => Math.tan(index / 63_700));
  const weights = new Float64Array(values.length).fill(1);
  const shards = [0, 1, 2, 3].map((shard) =>
    keptDistribution(
      distributionOfPoints(
        values.filter((_, index) => index % 4 === shard),
        weights.slice(0, 25_000),
      ),
    ),
  );
  const reader = new DistributionReader(mergeDistributions(shards));
  for (let part = 1; part < 100; part++) {
    const rank = values.findIndex((value) => value >= reader.quantile(part, 100));
    assert.ok(Math.abs(rank / 100_000 - part / 100) < 0.005, `${part}: ${rank}`);
    const x = values[part * 1_000]!;
    assert.ok(Math.abs(reader.massUpTo(x) / 100_000 - part / 100) < 0.005, `${part}`);
  }
});

test("a step writes statistics and counts, and records their digest, examples and features", async () => {
  const home = join(folder.path, "home");
  await using store = await openMetadataStore(join(folder.path, "mlmd.db"));
  const recorder = createRecorder(store);
  const output = join(home, "statistics.pb");
  const run = () =>
    recorder.step("StatisticsGen", {}, (step) =>
      generateStatistics(step, engine, {
        input: { relation: `(SELECT * FROM (${DATA}) WHERE id < 100)` },
        output,
        partials: join(home, "statistics.partials"),
        split: "train",
      }),
    );
  const { value } = await run();
  const { artifact, statistics } = value;
  assert.equal(artifact.customProperties["num_examples"]?.value.value, 100n);
  assert.equal(artifact.customProperties["feature_count"]?.value.value, 7n);
  const read = await readMessage(DatasetFeatureStatisticsListSchema, output);
  assert.deepEqual(bytesOf(read), bytesOf(statistics));
  const [dataset] = await readPartials(join(home, "statistics.partials"));
  assert.equal(dataset!.examples, 100);
  const before = await readFile(output);
  const second = (await run()).value.artifact;
  assert.deepEqual(await readFile(output), before);
  assert.equal(
    second.customProperties["sha256"]?.value.value,
    artifact.customProperties["sha256"]?.value.value,
  );
  assert.deepEqual((await readdir(home)).sort(), ["statistics.partials", "statistics.pb"]);
});

test("a step whose output has a name without an encoding fails before it counts", async () => {
  await using store = await openMetadataStore(join(folder.path, "failed.db"));
  const path = join(folder.path, "never-read.csv");
  await writeFile(path, "");
  await assert.rejects(
    createRecorder(store).step("StatisticsGen", {}, (step) =>
      generateStatistics(step, engine, {
        input: { format: "csv", paths: [path] },
        output: join(folder.path, "statistics.dat"),
      }),
    ),
    { code: "invalid_argument", message: /does not say how the message/ },
  );
});

function bytesOf(statistics: DatasetFeatureStatisticsList): Uint8Array {
  const bytes = toBinary(DatasetFeatureStatisticsListSchema, statistics);
  fromBinary(DatasetFeatureStatisticsListSchema, bytes);
  return bytes;
}
