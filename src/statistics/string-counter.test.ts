import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DistinctSketch, estimateOf, SKETCH_HASHES } from "./distinct-sketch.ts";
import { StringBudget, StringCounter } from "./string-counter.ts";
import { KEPT_VALUES } from "./string-partial.ts";
import { StringTable } from "./string-table.ts";

const encoder = new TextEncoder();

function shown({ bytes, count: n }: { readonly bytes: Uint8Array; readonly count: number }) {
  return [Buffer.from(bytes).toString(), n];
}

function count(counter: StringCounter, text: string): void {
  const bytes = encoder.encode(text);
  if (counter.table.add(bytes, 0, bytes.length)) counter.added(bytes, 0, bytes.length);
}

test("a table counts as a map does, and ranks by count and then by bytes, descending", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 6 }), { maxLength: 200 }),
      fc.nat(12),
      (texts, limit) => {
        const table = new StringTable();
        const counts = new Map<string, number>();
        for (const text of texts) {
          const bytes = encoder.encode(text);
          assert.equal(table.add(bytes, 0, bytes.length), !counts.has(text));
          counts.set(text, (counts.get(text) ?? 0) + 1);
        }
        assert.equal(table.size, counts.size);
        const want = [...counts].sort(
          ([a, m], [b, n]) => n - m || Buffer.compare(encoder.encode(b), encoder.encode(a)),
        );
        const got = table
          .top(limit)
          .map(({ bytes, count: n }) => [Buffer.from(bytes).toString(), n]);
        assert.deepEqual(got, want.slice(0, limit));
      },
    ),
    { numRuns: 200 },
  );
});

test("a packed table is the table that it was packed from", () => {
  const texts = ["a", "", "longer text", "\u00e9"].map((text) => encoder.encode(text));
  const packed = () =>
    StringTable.packed(
      Float64Array.of(3, 1, 2, 5),
      Float64Array.from(texts, ({ length }) => length),
      Buffer.concat(texts),
    );
  const plain = new StringTable();
  for (const [index, bytes] of texts.entries()) {
    plain.add(bytes, 0, bytes.length, [3, 1, 2, 5][index]);
  }
  assert.deepEqual([...packed().entries()].map(shown), [...plain.entries()].map(shown));
  assert.deepEqual(packed().top(2).map(shown), plain.top(2).map(shown));
  const more = packed();
  assert.equal(more.add(texts[0]!, 0, 1), false);
  assert.equal(more.add(encoder.encode("new"), 0, 3), true);
  assert.equal(more.size, 5);
  assert.equal(packed().invalidUtf8Count(), 0);
});

test("a table ranks weights below one", () => {
  const table = new StringTable();
  for (const [text, weight] of [
    ["a", 0.5],
    ["b", 0.25],
    ["c", 1],
    ["d", 3],
  ] as const) {
    table.add(encoder.encode(text), 0, 1, weight);
  }
  assert.deepEqual(
    table.top(3).map(({ count: n }) => n),
    [3, 1, 0.5],
  );
});

test("a feature over the budget keeps its frequent values and estimates how many there are", () => {
  const counter = new StringCounter(new StringBudget(4 << 20));
  const others = 300_000;
  for (let row = 0; row < others; row++) {
    count(counter, `rare value number ${row}`);
    if (row % 3 === 0) count(counter, `frequent ${row % 100}`);
  }
  const strings = counter.finish({ count: others * 2, totalBytes: 1 });
  assert.equal(strings.isComplete, false);
  assert.ok(strings.table.size <= 2 * KEPT_VALUES);
  const error = Math.abs(strings.unique - (others + 100)) / others;
  assert.ok(error < 3 / Math.sqrt(SKETCH_HASHES - 2), String(error));
  assert.deepEqual(
    new Set(strings.table.top(100).map(({ count: n }) => n)),
    new Set([others / 300]),
  );
});

test("the feature that takes most gives way, and small ones stay exact", () => {
  const budget = new StringBudget(4 << 20);
  const [large, small] = [new StringCounter(budget), new StringCounter(budget)];
  for (let row = 0; row < 150_000; row++) {
    count(large, `value ${row}`);
    count(small, `value ${row % 1_000}`);
  }
  const [limited, exact] = [large, small].map((one) => one.finish({ count: 1, totalBytes: 1 }));
  assert.deepEqual([limited!.isComplete, exact!.isComplete], [false, true]);
  assert.equal(exact!.unique, 1_000);
});

test("sketches of two shards make the sketch of their union", () => {
  const [left, right, union] = [new DistinctSketch(), new DistinctSketch(), new DistinctSketch()];
  for (let value = 0; value < 20_000; value++) {
    const bytes = encoder.encode(String(value));
    if (value < 12_000) left.add(bytes);
    if (value > 8_000) right.add(bytes);
    union.add(bytes);
  }
  const merged = new DistinctSketch();
  merged.addHashes(left.finish());
  merged.addHashes(right.finish());
  assert.deepEqual(merged.finish(), union.finish());
  assert.ok(Math.abs(estimateOf(merged.finish()) / 20_000 - 1) < 0.05);
});
