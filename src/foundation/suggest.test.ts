import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "./suggest.ts";

const words = ["statistics", "status", "schema", "validate", "lineage", "lake", "ls"];
const cases: readonly { typed: string; want: string | undefined }[] = [
  { typed: "statistcs", want: "statistics" },
  { typed: "shcema", want: "schema" },
  { typed: "valdiate", want: "validate" },
  { typed: "lin", want: "lineage" },
  { typed: "Lake", want: "lake" },
  { typed: "frobnicate", want: undefined },
  { typed: "x", want: undefined },
];
for (const { typed, want } of cases) {
  test(`"${typed}" is taken for ${want ?? "nothing"}`, () =>
    assert.equal(nearest(typed, words)[0], want));
}
