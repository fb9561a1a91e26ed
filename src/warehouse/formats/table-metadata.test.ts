import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../../foundation/index.ts";
import { parseExactJson, printExactJson } from "./exact-json.ts";
import { parseTableMetadata, printTableMetadata } from "./table-metadata.ts";

const ID = 2n ** 62n + 1n;
const METADATA = {
  "format-version": 2,
  "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
  location: "file:///w/main/t",
  "last-sequence-number": 1,
  "last-updated-ms": 1_700_000_000_000,
  "last-column-id": 3,
  "current-schema-id": 0,
  schemas: [
    {
      type: "struct",
      "schema-id": 0,
      fields: [
        { id: 1, name: "id", required: true, type: "long", doc: "the key" },
        {
          id: 2,
          name: "tags",
          required: false,
          type: { type: "list", "element-id": 3, element: "string", "element-required": false },
        },
      ],
    },
  ],
  "default-spec-id": 0,
  "partition-specs": [{ "spec-id": 0, fields: [] }],
  "last-partition-id": 999,
  "default-sort-order-id": 0,
  "sort-orders": [{ "order-id": 0, fields: [] }],
  properties: { owner: "ann" },
  "current-snapshot-id": ID,
  refs: { main: { "snapshot-id": ID, type: "branch" } },
  snapshots: [
    {
      "snapshot-id": ID,
      "sequence-number": 1,
      "timestamp-ms": 1_700_000_000_000,
      "manifest-list": "file:///w/main/t/metadata/snap.avro",
      summary: { operation: "append" },
      "schema-id": 0,
    },
  ],
  "snapshot-log": [{ "snapshot-id": ID, "timestamp-ms": 1_700_000_000_000 }],
  "metadata-log": [],
  statistics: [{ "snapshot-id": ID, "statistics-path": "x.puffin" }],
};

test("63-bit snapshot ids go through parsing and printing without rounding", () => {
  const metadata = parseTableMetadata(printExactJson(METADATA), "t");
  assert.equal(metadata["current-snapshot-id"], ID);
  assert.match(printTableMetadata(metadata), /"current-snapshot-id":4611686018427387905,/);
});

test("every 64-bit integer is exact in JSON, wherever it stands", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const json = parseExactJson(`{"a":[${value}],"snapshot-id":${value}}`, "t");
      const exact = Number.isSafeInteger(Number(value)) ? Number(value) : value;
      assert.deepEqual(json, { a: [exact], "snapshot-id": value });
      assert.equal(printExactJson(json), `{"a":[${value}],"snapshot-id":${value}}`);
    }),
  );
});

test("metadata that is parsed and printed is the same, with what we do not know", () => {
  const metadata = parseTableMetadata(printExactJson(METADATA), "t");
  assert.deepEqual(parseTableMetadata(printTableMetadata(metadata), "t"), metadata);
  assert.deepEqual(metadata.rest["statistics"], METADATA.statistics);
});

test("metadata without refs has main at its current snapshot", () => {
  const { refs: _refs, ...older } = METADATA;
  const metadata = parseTableMetadata(printExactJson(older), "t");
  assert.deepEqual(metadata.refs, { main: { "snapshot-id": ID, type: "branch" } });
});

const [schema] = METADATA.schemas;
const damages: { name: string; change: Record<string, unknown>; why: RegExp; code?: string }[] = [
  { name: "a table without a location", change: { location: 7 }, why: /location is no text/ },
  {
    name: "a current schema that is not there",
    change: { "current-schema-id": 5 },
    why: /current schema is missing/,
  },
  {
    name: "a current snapshot that is not there",
    change: { "current-snapshot-id": 5 },
    why: /current snapshot 5 is missing/,
  },
  {
    name: "a ref to a snapshot that is not there",
    change: { refs: { old: { "snapshot-id": 9, type: "tag" } } },
    why: /ref "old"/,
  },
  {
    name: "a default spec that is not there",
    change: { "default-spec-id": 3 },
    why: /default spec/,
  },
  { name: "snapshots that are no list", change: { snapshots: {} }, why: /snapshots is no list/ },
  {
    name: "a field id used twice",
    change: {
      schemas: [{ ...schema, fields: [schema?.fields[0], { ...schema?.fields[0], name: "b" }] }],
    },
    why: /field id 1 is used twice/,
  },
  {
    name: "a field without a type",
    change: { schemas: [{ ...schema, fields: [{ id: 1, name: "a" }] }] },
    why: /"a" has no type/,
  },
  {
    name: "an unknown type",
    change: { schemas: [{ ...schema, fields: [{ id: 1, name: "a", type: "colour" }] }] },
    why: /unknown type "colour"/,
  },
  {
    name: "a type of version 3",
    change: { schemas: [{ ...schema, fields: [{ id: 1, name: "a", type: "timestamp_ns" }] }] },
    why: /version 3/,
    code: "unimplemented",
  },
  {
    name: "format version 3",
    change: { "format-version": 3 },
    why: /format version 3/,
    code: "unimplemented",
  },
  { name: "no format version", change: { "format-version": "two" }, why: /no format-version/ },
];
for (const { name, change, why, code = "data_loss" } of damages) {
  test(`${name} is refused, naming the file`, () => {
    assert.throws(
      () => parseTableMetadata(printExactJson({ ...METADATA, ...change }), "00001-x.metadata.json"),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, why);
        assert.match(error.message, /00001-x\.metadata\.json/);
        return true;
      },
    );
  });
}

test("a metadata file that is cut short is refused at every length", () => {
  const text = printExactJson(METADATA);
  fc.assert(
    fc.property(fc.nat(text.length - 1), (length) => {
      assert.throws(
        () => parseTableMetadata(text.slice(0, length), "x.metadata.json"),
        (error: unknown) => error instanceof WaybillError && error.code === "data_loss",
      );
    }),
  );
});
