import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { create, equals, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { sharedFolder } from "../../scripts/shared.ts";
import { WaybillError } from "../foundation/index.ts";
import { frameRecord, readRecords } from "./formats/tfrecord.ts";
import { parseMessageText, printMessageText, readMessage, writeMessage } from "./proto-file.ts";

const statistics = create(DatasetFeatureStatisticsListSchema, {
  datasets: [
    {
      numExamples: 3n,
      features: [{ fieldId: { case: "path", value: { step: ["a\n\"é'\x01"] } } }],
    },
  ],
});

for (const ending of ["pbtxt", "pb", "tfrecord"]) {
  test(`a message written as .${ending} reads back equal and leaves no other file`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-proto-"));
    const path = join(folder.path, `statistics.${ending}`);
    await writeMessage(DatasetFeatureStatisticsListSchema, statistics, path);
    const read = await readMessage(DatasetFeatureStatisticsListSchema, path);
    assert.ok(equals(DatasetFeatureStatisticsListSchema, read, statistics));
    assert.deepEqual(await readdir(folder.path), [`statistics.${ending}`]);
  });
}

const badTexts = [
  {
    name: "an unknown field",
    text: 'feature {\n  nam: "a"\n}\n',
    want: /line 2, column \d+: unknown field "nam"/,
  },
  {
    name: "a missing brace",
    text: 'feature {\n  name: "a"\n',
    want: /line 2, column \d+: unexpected end/,
  },
  {
    name: "a wrong value",
    text: 'feature {\n  name: "a"\n  type: FLOOT\n}',
    want: /line 3, column \d+/,
  },
];

for (const { name, text, want } of badTexts) {
  test(`text with ${name} is refused with line and column`, () => {
    assert.throws(
      () => parseMessageText(SchemaSchema, text, "schema.pbtxt"),
      (error) =>
        error instanceof WaybillError &&
        error.code === "invalid_argument" &&
        want.test(error.message),
    );
  });
}

const badFiles = [
  { name: "missing.pb", bytes: undefined, code: "not_found" },
  { name: "cut.pb", bytes: Buffer.from([0x0a, 0x7f, 1, 2]), code: "data_loss" },
  { name: "stranger.pb", bytes: Buffer.from([0x7a, 0x01, 0x61]), code: "data_loss" },
  { name: "binary.pbtxt", bytes: Buffer.from([0xff, 0xfe, 0]), code: "data_loss" },
  { name: "nul.pbtxt", bytes: Buffer.alloc(100), code: "invalid_argument" },
  { name: "ending.dat", bytes: Buffer.alloc(1), code: "invalid_argument" },
  { name: "nul.tfrecord", bytes: Buffer.alloc(100), code: "data_loss" },
  {
    name: "cut.tfrecord",
    bytes: frameRecord(Buffer.from("abc")).subarray(0, 17),
    code: "data_loss",
  },
  { name: "empty.tfrecord", bytes: Buffer.alloc(0), code: "invalid_argument" },
];

for (const { name, bytes, code } of badFiles) {
  test(`reading ${name} is ${code}, with the file's name and a hint`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-proto-"));
    const path = join(folder.path, name);
    if (bytes !== undefined) await writeFile(path, bytes);
    await assert.rejects(
      readMessage(DatasetFeatureStatisticsListSchema, path),
      (error) =>
        error instanceof WaybillError &&
        error.code === code &&
        error.message.includes(name) &&
        error.hint !== undefined,
    );
  });
}

test("a TFRecord with one flipped bit is refused", () => {
  const record = frameRecord(Buffer.from("statistics of a day"));
  fc.assert(
    fc.property(fc.nat(record.length * 8 - 1), (bit) => {
      const damaged = record.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => readRecords(damaged, "x.tfrecord"), { code: "data_loss" });
    }),
    { numRuns: 100 },
  );
});

test("every record that is framed is read back", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (list) => {
      const bytes = Buffer.concat(list.map(frameRecord));
      const { records, consumed } = readRecords(bytes, "x.tfrecord");
      assert.equal(consumed, bytes.length);
      assert.deepEqual(
        records.map((record) => [...record]),
        list.map((record) => [...record]),
      );
    }),
    { numRuns: 100 },
  );
});

const shared = sharedFolder();

test("every statistics file that TFDV wrote parses, and prints to text that parses to the same", {
  skip: shared === undefined && "the shared folder is not here",
}, () => {
  const files = globSync("goldens/tfdv/*/{stats,expected_stats,previous,serving}.pbtxt", {
    cwd: shared!,
  });
  assert.ok(files.length > 100);
  for (const file of files) {
    const message = parseMessageText(
      DatasetFeatureStatisticsListSchema,
      readFileSync(join(shared!, file), "utf8"),
      file,
    );
    const again = parseMessageText(
      DatasetFeatureStatisticsListSchema,
      printMessageText(DatasetFeatureStatisticsListSchema, message),
    );
    // By bytes: NaN is not equal to itself.
    const bytes = toBinary(DatasetFeatureStatisticsListSchema, message);
    assert.deepEqual(toBinary(DatasetFeatureStatisticsListSchema, again), bytes, file);
  }
});

test("TFDV's own TFRecord of examples has checksums that we accept", {
  skip: shared === undefined && "the shared folder is not here",
}, async () => {
  const path = join(shared!, "goldens/tfdv/stats_tfr_multivalent/input.tfrecord");
  const bytes = await readFile(path);
  assert.equal(readRecords(bytes, path).consumed, bytes.length);
});
