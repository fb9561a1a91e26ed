import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigEndian, decodeValue, encodeValue, fromBigEndian, primitiveOf } from "./primitive.ts";

/** From the specification's rules for single values. */
const known: { type: string; value: boolean | number | bigint | string; hex: string }[] = [
  { type: "boolean", value: true, hex: "01" },
  { type: "int", value: 34, hex: "22000000" },
  { type: "long", value: 34n, hex: "2200000000000000" },
  { type: "date", value: -1, hex: "ffffffff" },
  { type: "float", value: 1.5, hex: "0000c03f" },
  { type: "double", value: -0, hex: "0000000000000080" },
  { type: "timestamptz", value: 1n, hex: "0100000000000000" },
  { type: "string", value: "é", hex: "c3a9" },
  { type: "decimal(9,2)", value: 1420n, hex: "058c" },
  { type: "decimal(9,2)", value: -129n, hex: "ff7f" },
];
for (const { type, value, hex } of known) {
  test(`${type} ${value} is written as ${hex} and read back`, () => {
    const primitive = primitiveOf(type);
    assert.ok(primitive);
    const bytes = encodeValue(primitive, value);
    assert.equal(Buffer.from(bytes).toString("hex"), hex);
    assert.equal(decodeValue(primitive, bytes), value);
  });
}

test("big-endian integers of any size are read back", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }), (value) => {
      assert.equal(fromBigEndian(bigEndian(value)), value);
      assert.equal(fromBigEndian(bigEndian(value, 16)), value);
    }),
  );
});

test("bounds written before a column was widened are read as the wider type", () => {
  const long = primitiveOf("long");
  const int = primitiveOf("int");
  assert.ok(long && int);
  assert.equal(decodeValue(long, encodeValue(int, -7)), -7n);
});

test("bytes that do not fit the type are no bound", () => {
  const long = primitiveOf("long");
  assert.ok(long);
  assert.equal(decodeValue(long, Uint8Array.of(1, 2, 3)), undefined);
});

test("types that are no columns of ours are told apart", () => {
  for (const type of ["uuid", "time", "fixed[4]", "decimal(40,2)", "decimal(5,9)"]) {
    assert.equal(primitiveOf(type), undefined, type);
  }
});
