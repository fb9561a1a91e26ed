import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EntityKeyWriter } from "./entity-key.ts";
import { featureId, RowWriter, readRow } from "./row-codec.ts";
import { type FeatureValue, featureValueOf, VALUE_TYPES, type ValueType } from "./value-type.ts";

const scalars: Readonly<Record<string, fc.Arbitrary<FeatureValue>>> = {
  BYTES: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  STRING: fc.string({ unit: "grapheme", maxLength: 20 }),
  INT32: fc.integer(),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  DOUBLE: fc.double(),
  FLOAT: fc.float(),
  BOOL: fc.boolean(),
  UNIX_TIMESTAMP: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
};

const cell = fc
  .constantFrom<ValueType>(...(Object.keys(VALUE_TYPES) as ValueType[]))
  .chain((type) => {
    const element = scalars[type.replace("_LIST", "")] ?? fc.constant(null);
    const value = type.endsWith("_LIST") ? fc.array(fc.option(element), { maxLength: 4 }) : element;
    return fc.tuple(fc.constant(type), fc.option(value));
  });

test("a row is read as it was written, whichever of its features are asked for", () => {
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 12 }), fc.array(fc.boolean()), (cells, asked) => {
      const bytes = written(cells);
      const places = cells.map((_, index) => index).filter((index) => asked[index] ?? true);
      const wanted = new Map(places.map((index, place) => [featureId(`f${index}`), place]));
      const values = readRow(bytes, wanted);
      assert.deepEqual(
        values,
        places.map((index) => cells[index]?.[1]),
      );
    }),
  );
});

test("a feature that a row does not have is undefined", () => {
  assert.deepEqual(readRow(written([["INT64", 1n]]), new Map([[featureId("other"), 0]])), [
    undefined,
  ]);
});

test("bytes that are no row are data_loss", () => {
  const row = written([
    ["STRING", "hello"],
    ["INT64_LIST", [1n, 2n]],
  ]);
  const wanted = new Map([
    [featureId("f0"), 0],
    [featureId("f1"), 1],
  ]);
  for (let length = 0; length < row.length; length++) {
    const cut = row.subarray(0, length);
    try {
      readRow(cut, wanted);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "data_loss");
      continue;
    }
    // A row may end after any cell: it then has fewer features.
    assert.ok([1, 15].includes(length), `a cut at ${length} was taken`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readRow(bytes, wanted);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "data_loss");
      }
    }),
  );
});

test("an entity key has the bytes that Feast's version 3 gives it", () => {
  // serialize_entity_key(join_keys=["driver_id"], values=[int64 1001]), written out by its rule.
  const key = new EntityKeyWriter([{ name: "driver_id", type: "INT64" }]).key([1001n]);
  assert.equal(
    Buffer.from(key).toString("hex"),
    `01000000${"0200000009000000"}${Buffer.from("driver_id").toString("hex")}` +
      "0400000008000000e903000000000000",
  );
});

test("an entity key of several entities does not depend on their order", () => {
  const driver = { name: "driver_id", type: "INT64" } as const;
  const customer = { name: "customer_id", type: "STRING" } as const;
  const one = new EntityKeyWriter([driver, customer]).key([1n, "a"]);
  const two = new EntityKeyWriter([customer, driver]).key(["a", 1n]);
  assert.deepEqual(one, two);
  assert.notDeepEqual(one, new EntityKeyWriter([driver, customer]).key([1n, "b"]));
});

test("values of JSON are taken as their declared type, or refused", () => {
  const cases: readonly [ValueType, unknown, FeatureValue | "refused"][] = [
    ["INT64", "1001", 1001n],
    ["INT64", 1.5, "refused"],
    ["INT64", 2n ** 63n, "refused"],
    ["INT32", 7, 7],
    ["INT32", 2 ** 31, "refused"],
    ["DOUBLE", "0.5", 0.5],
    ["DOUBLE", "half", "refused"],
    ["FLOAT", 0.1, Math.fround(0.1)],
    ["BOOL", true, true],
    ["BOOL", 1, "refused"],
    ["STRING", "x", "x"],
    ["STRING", {}, "refused"],
    ["UNIX_TIMESTAMP", "2024-01-01T00:00:00", 1_704_067_200_000_000n],
    ["UNIX_TIMESTAMP", "2024-01-01T01:00:00.000001+01:00", 1_704_067_200_000_001n],
    ["UNIX_TIMESTAMP", 1_704_067_200, 1_704_067_200_000_000n],
    ["UNIX_TIMESTAMP", "yesterday", "refused"],
    ["INT64_LIST", [1, null], [1n, null]],
    ["INT64_LIST", 1, "refused"],
    ["INT64", null, null],
  ];
  for (const [type, given, want] of cases) {
    if (want === "refused") {
      assert.throws(() => featureValueOf(type, given, "It"), { code: "invalid_argument" });
    } else {
      assert.deepEqual(featureValueOf(type, given, "It"), want);
    }
  }
});

function written(cells: readonly (readonly [ValueType, FeatureValue])[]): Uint8Array {
  const writer = new RowWriter();
  writer.start();
  for (const [index, [type, value]] of cells.entries()) {
    writer.cell(featureId(`f${index}`), type, value);
  }
  return writer.finish();
}
