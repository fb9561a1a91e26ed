import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import { tableTypeOf } from "./types.ts";

const cases: { engine: string; table: unknown }[] = [
  { engine: "INTEGER", table: "int" },
  { engine: "DECIMAL(18, 4)", table: "decimal(18,4)" },
  { engine: "TIMESTAMP WITH TIME ZONE", table: "timestamptz" },
  { engine: "ENUM('a', 'b)''(')", table: "string" },
  {
    engine: "DOUBLE[]",
    table: { type: "list", "element-id": 1, element: "double", "element-required": false },
  },
  {
    engine: 'STRUCT("a ""b" VARCHAR, c INTEGER[2])',
    table: {
      type: "struct",
      fields: [
        { id: 1, name: 'a "b', required: false, type: "string" },
        {
          id: 2,
          name: "c",
          required: false,
          type: { type: "list", "element-id": 3, element: "int", "element-required": false },
        },
      ],
    },
  },
  {
    engine: "MAP(VARCHAR, STRUCT(x BIGINT))",
    table: {
      type: "map",
      "key-id": 1,
      "value-id": 2,
      key: "string",
      value: { type: "struct", fields: [{ id: 3, name: "x", required: false, type: "long" }] },
      "value-required": false,
    },
  },
];
for (const { engine, table } of cases) {
  test(`a column of type ${engine} has a table type`, () => {
    let last = 0;
    const nextId = () => {
      last += 1;
      return last;
    };
    assert.deepEqual(tableTypeOf(engine, "c", nextId), table);
  });
}

for (const engine of [
  "HUGEINT",
  "TIMESTAMP_NS",
  "INTERVAL",
  "STRUCT(INTEGER, INTEGER)",
  "MAP(INTEGER)",
  "STRUCT(a INTEGER",
  "UNION(a INTEGER)",
  `${"STRUCT(a ".repeat(100)}INTEGER${")".repeat(100)}`,
]) {
  test(`a column of type ${engine.slice(0, 30)} is refused`, () => {
    assert.throws(
      () => tableTypeOf(engine, "c", () => 0),
      (error: unknown) =>
        error instanceof WaybillError &&
        error.code === "invalid_argument" &&
        /"c"/.test(error.message),
    );
  });
}
