import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { WaybillError } from "../../foundation/index.ts";
import { type AvroSchema, readAvro, writeAvro } from "./avro.ts";

const ROW: AvroSchema = {
  type: "record",
  name: "row",
  fields: [
    { name: "flag", type: "boolean", "field-id": 1 },
    { name: "small", type: "int", "field-id": 2 },
    { name: "large", type: ["null", "long"], default: null, "field-id": 3 },
    { name: "single", type: "float", "field-id": 4 },
    { name: "real", type: "double", "field-id": 5 },
    { name: "text", type: "string", "field-id": 6 },
    { name: "bytes", type: "bytes", "field-id": 7 },
    { name: "fixed", type: { type: "fixed", name: "four", size: 4 }, "field-id": 8 },
    { name: "again", type: "four", "field-id": 9 },
    { name: "list", type: { type: "array", items: "long", "element-id": 11 }, "field-id": 10 },
    { name: "map", type: { type: "map", values: ["null", "string"] }, "field-id": 12 },
    { name: "kind", type: { type: "enum", name: "kinds", symbols: ["a", "b"] }, "field-id": 13 },
  ],
};
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** As the codec reads them: a number where that is exact. */
const long = int64.map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
const row = fc.record(
  {
    flag: fc.boolean(),
    small: fc.integer(),
    large: fc.option(long, { nil: null }),
    single: fc.float(),
    real: fc.double(),
    text: fc.string({ unit: "grapheme" }),
    bytes: fc.uint8Array(),
    fixed: four,
    again: four,
    list: fc.array(long),
    map: fc
      .array(fc.tuple(fc.string(), fc.option(fc.string(), { nil: null })))
      .map((entries) => new Map(entries)),
    kind: fc.constantFrom("a", "b"),
  },
  { noNullPrototype: true },
);

test("rows that are written are read back the same", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
      assert.deepEqual(readAvro(writeAvro(ROW, rows)).rows, rows);
    }),
    { numRuns: 100 },
  );
});

test("attributes that Avro does not know stay in the schema, and metadata in the header", () => {
  const { schema, metadata } = readAvro(writeAvro(ROW, [], { "format-version": "2" }));
  assert.deepEqual(schema, ROW);
  assert.equal(metadata.get("format-version"), "2");
  assert.equal(metadata.get("avro.codec"), "deflate");
});

test("fields can be named by their ids, since writers differ in names", () => {
  const schema: AvroSchema = {
    type: "record",
    name: "r",
    fields: [{ name: "added_data_files_count", type: "int", "field-id": 504 }],
  };
  const bytes = writeAvro(schema, [{ added_data_files_count: 3 }]);
  assert.deepEqual(readAvro(bytes, (field) => `id:${field["field-id"]}`).rows, [{ "id:504": 3 }]);
});

for (const { codec, pack } of [
  { codec: "null", pack: (bytes: Uint8Array) => bytes },
  { codec: "deflate", pack: (bytes: Uint8Array) => deflateRawSync(bytes) },
  { codec: "zstandard", pack: (bytes: Uint8Array) => zstdCompressSync(bytes) },
]) {
  test(`blocks in the codec ${codec} are read, also several of them`, () => {
    const rows = [Uint8Array.of(2, 0x61), Uint8Array.of(4, 0x62, 0x63)];
    const bytes = container(
      '"string"',
      codec,
      rows.map((row) => [1, pack(row)] as const),
    );
    assert.deepEqual(readAvro(bytes).rows, ["a", "bc"]);
  });
}

test("a codec that we lack is named", () => {
  assertRefused(container('"string"', "snappy", []), "unimplemented", /snappy/);
});

const SHORT = Uint8Array.of(2, 0x61);
const hostile: { name: string; bytes: Uint8Array; why: RegExp }[] = [
  { name: "no Avro file", bytes: Buffer.from("PAR1 and more"), why: /begin with Obj/ },
  { name: "nothing at all", bytes: new Uint8Array(), why: /cut short/ },
  {
    name: "a block cut short",
    bytes: container('"string"', "null", [[1, SHORT]]).slice(0, -3),
    why: /cut short/,
  },
  {
    name: "a billion rows in two bytes",
    bytes: container('"string"', "null", [[2 ** 30, SHORT]]),
    why: /too short for them/,
  },
  {
    name: "a billion nulls in no byte",
    bytes: container('"null"', "null", [[2 ** 30, new Uint8Array()]]),
    why: /empty values/,
  },
  {
    name: "a text of 2^40 bytes",
    bytes: container('"string"', "null", [[1, zigzag(2n ** 40n)]]),
    why: /cut short/,
  },
  {
    name: "a text of a negative length",
    bytes: container('"string"', "null", [[1, zigzag(-2n)]]),
    why: /is -2/,
  },
  {
    name: "a number that never ends",
    bytes: container('"long"', "null", [[1, new Uint8Array(11).fill(255)]]),
    why: /64 bits/,
  },
  {
    name: "a block that is longer than its rows",
    bytes: container('"string"', "null", [[1, Uint8Array.of(2, 0x61, 9)]]),
    why: /longer than its rows/,
  },
  {
    name: "a block that does not unpack",
    bytes: container('"string"', "deflate", [[1, Uint8Array.of(255, 255)]]),
    why: /unpack/,
  },
  { name: "a deflate bomb", bytes: container('"string"', "deflate", [[1, bomb()]]), why: /unpack/ },
  {
    name: "a text that is no UTF-8",
    bytes: container('"string"', "null", [[1, Uint8Array.of(2, 0xff)]]),
    why: /UTF-8/,
  },
  {
    name: "an unknown type",
    bytes: container('"strong"', "null", []),
    why: /unknown type "strong"/,
  },
  { name: "a schema that is no JSON", bytes: container("{", "null", []), why: /no JSON/ },
  { name: "a schema that is null", bytes: container("null", "null", []), why: /malformed/ },
  {
    name: "a record that holds itself",
    bytes: container('{"type":"record","name":"r","fields":[{"name":"r","type":"r"}]}', "null", [
      [1, SHORT],
    ]),
    why: /too deep/,
  },
  {
    name: "a schema nested 10,000 deep",
    bytes: container(
      `${'{"type":"array","items":'.repeat(10_000)}"int"${"}".repeat(10_000)}`,
      "null",
      [],
    ),
    why: /too deep/,
  },
  {
    name: "a union branch that is not there",
    bytes: container('["null","int"]', "null", [[1, zigzag(5n)]]),
    why: /branch/,
  },
  {
    name: "an array of a billion empty records",
    bytes: container('{"type":"array","items":{"type":"record","name":"r","fields":[]}}', "null", [
      [1, zigzag(2n ** 30n)],
    ]),
    why: /empty values/,
  },
];
for (const { name, bytes, why } of hostile) {
  test(`${name} is told as damage`, () => assertRefused(bytes, "data_loss", why));
}

test("bytes that are changed at random are read or refused, and nothing else", () => {
  const whole = writeAvro(ROW, [...fc.sample(row, { numRuns: 3, seed: 7 })]);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
      const bytes = whole.slice(0, end);
      if (at < end) bytes[at] = byte;
      try {
        readAvro(bytes);
      } catch (error) {
        assert.ok(error instanceof WaybillError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

function assertRefused(bytes: Uint8Array, code: string, why: RegExp): void {
  assert.throws(
    () => readAvro(bytes),
    (error: unknown) => {
      assert.ok(error instanceof WaybillError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, why);
      return true;
    },
  );
}

/** A container file put together by hand, so that it can lie. */
function container(
  schema: string,
  codec: string,
  blocks: readonly (readonly [count: number, bytes: Uint8Array])[],
): Uint8Array {
  const text = (value: string) => [zigzag(BigInt(Buffer.byteLength(value))), Buffer.from(value)];
  const sync = new Uint8Array(16).fill(7);
  const parts: Uint8Array[] = [
    Buffer.from("Obj\x01"),
    zigzag(2n),
    ...text("avro.schema"),
    ...text(schema),
    ...text("avro.codec"),
    ...text(codec),
    zigzag(0n),
    sync,
  ];
  for (const [count, bytes] of blocks) {
    parts.push(zigzag(BigInt(count)), zigzag(BigInt(bytes.length)), bytes, sync);
  }
  return Buffer.concat(parts);
}

function zigzag(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** 300 MiB of zeros, deflated to some 300 KiB. */
function bomb(): Uint8Array {
  return deflateRawSync(new Uint8Array(300 << 20), { level: 1 });
}
