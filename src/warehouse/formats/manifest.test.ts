import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../../foundation/index.ts";
import { readAvro } from "./avro.ts";
import {
  type DataFile,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from "./manifest.ts";

const counts = fc
  .uniqueArray(fc.tuple(fc.nat(1000), fc.nat()), { selector: ([id]) => id })
  .map((pairs) => new Map(pairs));
const bounds = fc
  .uniqueArray(fc.tuple(fc.nat(1000), fc.uint8Array()), { selector: ([id]) => id })
  .map((pairs) => new Map(pairs));
const file: fc.Arbitrary<DataFile> = fc.record(
  {
    content: fc.constantFrom("data", "position-deletes", "equality-deletes"),
    path: fc.string(),
    format: fc.constant("PARQUET"),
    partition: fc
      .tuple(fc.option(fc.string(), { nil: null }), fc.option(fc.integer(), { nil: null }))
      .map(
        ([city, bucket]) =>
          new Map<number, string | number | null>([
            [1000, city],
            [1001, bucket],
          ]),
      ),
    rowCount: fc.nat(),
    sizeBytes: fc.maxSafeNat(),
    columnSizes: counts,
    valueCounts: counts,
    nullCounts: counts,
    nanCounts: counts,
    lowerBounds: bounds,
    upperBounds: bounds,
    splitOffsets: fc.array(fc.maxSafeNat()),
    equalityIds: fc.array(fc.nat(1000)),
    sortOrderId: fc.nat(9),
    keyMetadata: fc.uint8Array(),
    referencedDataFile: fc.string(),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      "content",
      "path",
      "format",
      "partition",
      "rowCount",
      "sizeBytes",
      "columnSizes",
      "valueCounts",
      "nullCounts",
      "nanCounts",
      "lowerBounds",
      "upperBounds",
    ],
  },
);
const long = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const entry: fc.Arbitrary<ManifestEntry> = fc.record(
  {
    status: fc.constantFrom("existing", "deleted"),
    snapshotId: long,
    sequenceNumber: long,
    fileSequenceNumber: long,
    file,
  },
  { noNullPrototype: true },
);
const LISTED: ManifestFile = {
  path: "file:///w/main/t/metadata/m0.avro",
  sizeBytes: 1,
  specId: 3,
  content: "data",
  sequenceNumber: 12n,
  minSequenceNumber: 1n,
  addedSnapshotId: 2n ** 62n + 1n,
  addedFiles: 1,
  existingFiles: 2,
  deletedFiles: 3,
  addedRows: 4,
  existingRows: 5,
  deletedRows: 6,
  partitions: [{ containsNull: true, containsNan: false, lowerBound: Uint8Array.of(1) }],
};
const OPTIONS = {
  schema: { type: "struct", "schema-id": 0, fields: [] },
  spec: {
    "spec-id": 3,
    fields: [
      { "source-id": 1, "field-id": 1000, name: "city name", transform: "identity" },
      { "source-id": 2, "field-id": 1001, name: "id_bucket", transform: "bucket[4]" },
    ],
  },
  partitionType: (id: number) => (id === 1000 ? "string" : "int"),
  content: "data",
} as const;

test("entries that are written to a manifest are read back the same", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      assert.deepEqual(readManifest(writeManifest(entries, OPTIONS), LISTED).entries, entries);
    }),
    { numRuns: 50 },
  );
});

test("an added entry inherits its sequence number from the manifest list", () => {
  const [sample] = fc.sample(entry, 1);
  assert.ok(sample);
  const bytes = writeManifest([{ ...sample, status: "added" }], OPTIONS);
  const [read] = readManifest(bytes, LISTED).entries;
  assert.equal(read?.sequenceNumber, 12n);
  assert.equal(read?.fileSequenceNumber, 12n);
});

test("a manifest names its schema and its spec, and partition fields as Avro can", () => {
  const { metadata, schema } = readAvro(writeManifest([], OPTIONS));
  assert.equal(metadata.get("partition-spec-id"), "3");
  assert.equal(metadata.get("content"), "data");
  assert.deepEqual(JSON.parse(metadata.get("partition-spec") ?? ""), OPTIONS.spec.fields);
  assert.match(JSON.stringify(schema), /"city_x20name"/);
});

test("a manifest list is read back the same", () => {
  const snapshot = { "snapshot-id": 7n, "sequence-number": 12n };
  const bytes = writeManifestList(
    [LISTED, { ...LISTED, content: "deletes", partitions: [] }],
    snapshot,
  );
  assert.deepEqual(readManifestList(bytes, "list.avro"), [
    LISTED,
    { ...LISTED, content: "deletes", partitions: [] },
  ]);
});

test("a damaged manifest is told by its name", () => {
  for (const read of [
    () => readManifest(Buffer.from("garbage"), LISTED),
    () => readManifestList(writeManifest([], OPTIONS).slice(0, 40), LISTED.path),
    // A list in place of a manifest has none of its fields.
    () =>
      readManifest(
        writeManifestList([LISTED], { "snapshot-id": 1n, "sequence-number": 1n }),
        LISTED,
      ),
  ]) {
    assert.throws(read, (error: unknown) => {
      assert.ok(error instanceof WaybillError, String(error));
      assert.equal(error.code, "data_loss");
      assert.match(error.message, /m0\.avro/);
      return true;
    });
  }
});
