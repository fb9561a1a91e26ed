import assert from "node:assert/strict";
import { test } from "node:test";
import { displayWidth, formatBox, formatTable, truncate } from "./table.ts";

test("columns align by what a terminal shows, not by code units", () => {
  const table = formatTable(
    [{ title: "name" }, { title: "rows", align: "right" }],
    [
      ["東京", "1"],
      ["é", "10"],
      ["👍 ok", "100"],
    ],
  );
  assert.deepEqual(table.split("\n"), ["name   rows", "東京      1", "é        10", "👍 ok   100"]);
  assert.equal(new Set(table.split("\n").map(displayWidth)).size, 1);
});

test("a box has the type under each name", () => {
  assert.equal(
    formatBox([{ title: "n", type: "BIGINT", align: "right" }], [["42"]]),
    ["┌────────┐", "│      n │", "│ BIGINT │", "├────────┤", "│     42 │", "└────────┘"].join("\n"),
  );
});

test("what is too wide is cut with an ellipsis", () => {
  assert.equal(truncate("abcdef", 4), "abc…");
  assert.equal(truncate("東京都", 4), "東…");
  assert.equal(truncate("abcd", 4), "abcd");
});

test("a cell of several lines stays in its row", () => {
  assert.equal(formatTable([{ title: "x" }], [["a\nb"]]), "x\na\\nb");
});
