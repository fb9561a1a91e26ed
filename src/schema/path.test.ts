import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareBytes, comparePaths, parsePath, serializePath } from "./path.ts";

const cases = [
  { path: ["fare"], text: "fare" },
  { path: ["trip", "fare"], text: "trip.fare" },
  { path: ["dot.name"], text: "'dot.name'" },
  { path: ["q'uote"], text: "'q''uote'" },
  { path: [""], text: "''" },
  { path: ["(ext.ension)"], text: "(ext.ension)" },
  { path: ["a(b)"], text: "'a(b)'" },
  { path: ["a", "", "b.c"], text: "a.''.'b.c'" },
  { path: [], text: "" },
];

for (const { path, text } of cases) {
  test(`the path ${JSON.stringify(path)} is written ${text} and read back`, () => {
    assert.equal(serializePath(path), text);
    assert.deepEqual(parsePath(text), path);
  });
}

test("any path is read back from its text", () => {
  const step = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("'", ".", "(", ")", "a") }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), (path) => {
      assert.deepEqual(parsePath(serializePath(path)), path);
    }),
  );
});

for (const text of ["a..b", "a.", ".a", "'open", "a'b", "a(b"]) {
  test(`${text} is not a path`, () => {
    assert.throws(() => parsePath(text), { name: "WaybillError", code: "invalid_argument" });
  });
}

test("texts are ordered by their bytes, beyond the basic plane too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.ok(compareBytes("\u{1f600}", "\uffee") > 0);
});

test("a parent is ordered before its members and after its lesser siblings", () => {
  const paths = [["b"], ["a", "z"], ["a"], ["a", "b"], ["a.b"]];
  assert.deepEqual(paths.sort(comparePaths), [["a"], ["a", "b"], ["a", "z"], ["a.b"], ["b"]]);
});
