import assert from "node:assert/strict";
import { test } from "node:test";
import { openEngine } from "../engine/index.ts";
import { boxText, csvText, jsonText } from "./rows.ts";

const SQL = `
  SELECT *
  FROM (VALUES
    (1, 9007199254740993, 'a,"b"', TIMESTAMP '2026-01-31 23:59:59.000001', DATE '1969-12-31', [1, 2]),
    (2, NULL, '', TIMESTAMP '1969-12-31 23:59:59.5', NULL, NULL)
  ) AS t(n, big, text, moment, day, list)`;

test("JSON rows are exact", async () => {
  await using engine = await openEngine();
  const text = (await Array.fromAsync(jsonText(engine.query(SQL)))).join("");
  assert.deepEqual(text.split("\n").slice(0, -1), [
    '{"n":1,"big":9007199254740993,"text":"a,\\"b\\"","moment":"2026-01-31T23:59:59.000001Z","day":"1969-12-31","list":[1,2]}',
    '{"n":2,"big":null,"text":"","moment":"1969-12-31T23:59:59.500Z","day":null,"list":null}',
  ]);
});

test("CSV tells an empty text from NULL", async () => {
  await using engine = await openEngine();
  const text = (await Array.fromAsync(csvText(engine.query(SQL)))).join("");
  assert.deepEqual(text.split("\n").slice(0, 3), [
    "n,big,text,moment,day,list",
    '1,9007199254740993,"a,""b""",2026-01-31T23:59:59.000001Z,1969-12-31,"[1,2]"',
    '2,,"",1969-12-31T23:59:59.500Z,,',
  ]);
});

test("a box counts the rows that it does not show", async () => {
  await using engine = await openEngine();
  const text = await boxText(
    {
      batches: engine.query("SELECT range AS n FROM range(3000)"),
      types: new Map([["n", "BIGINT"]]),
    },
    2,
  );
  assert.deepEqual(text.split("\n"), [
    "┌────────┐",
    "│      n │",
    "│ bigint │",
    "├────────┤",
    "│      0 │",
    "│      1 │",
    "└────────┘",
    "3,000 rows, the first 2 shown",
  ]);
});
