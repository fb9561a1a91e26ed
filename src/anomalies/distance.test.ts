import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  Histogram_BucketSchema,
  HistogramSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import {
  histogramDivergence,
  labelDivergence,
  lInfinityDistance,
  normalizedAbsoluteDifference,
} from "./distance.ts";

const counts = (entries: Readonly<Record<string, number>>) => new Map(Object.entries(entries));
const histogram = (...buckets: readonly (readonly [number, number, number])[]) =>
  create(HistogramSchema, {
    buckets: buckets.map(([lowValue, highValue, sampleCount]) =>
      create(Histogram_BucketSchema, { lowValue, highValue, sampleCount }),
    ),
  });
const near = (actual: number | undefined, wanted: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - wanted) < 1e-12, `${actual}, not ${wanted}`);

test("the L-infinity distance is the largest difference of shares, of ties the last label", () => {
  const found = lInfinityDistance(counts({ a: 1, b: 1 }), counts({ a: 1, c: 1 }));
  assert.deepEqual(found, { label: "c", distance: 0.5 });
});

test("the normalized absolute difference divides by all counts", () => {
  const found = normalizedAbsoluteDifference(counts({ a: 30 }), counts({ a: 60, b: 10 }));
  assert.deepEqual(found, { label: "a", distance: 0.3 });
});

test("without labels the distances are 0", () => {
  assert.equal(lInfinityDistance(new Map(), new Map()).distance, 0);
  assert.equal(labelDivergence(new Map(), counts({ a: 1 })), undefined);
});

test("disjoint distributions diverge by one bit, equal ones by none", () => {
  near(labelDivergence(counts({ a: 5 }), counts({ b: 7 })), 1);
  near(labelDivergence(counts({ a: 5, b: 5 }), counts({ a: 1, b: 1 })), 0);
  near(histogramDivergence(histogram([0, 1, 5]), histogram([2, 3, 7])), 1);
  near(histogramDivergence(histogram([0, 2, 4]), histogram([0, 1, 1], [1, 2, 1])), 0);
});

test("single values are matched by value, and mass at infinity by nothing", () => {
  near(histogramDivergence(histogram([1, 1, 4]), histogram([1, 1, 9])), 0);
  const infinite = histogram([1, Number.POSITIVE_INFINITY, 3]);
  near(histogramDivergence(infinite, infinite), 1);
});

test("an empty histogram cannot be compared", () => {
  assert.equal(histogramDivergence(histogram(), histogram([0, 1, 1])), undefined);
});

const anyCounts = fc
  .dictionary(fc.string({ maxLength: 3 }), fc.integer({ min: 1, max: 1000 }), { minKeys: 1 })
  .map((entries) => new Map(Object.entries(entries)));

test("distances are symmetric and between 0 and 1", () => {
  fc.assert(
    fc.property(anyCounts, anyCounts, (a, b) => {
      for (const distance of [
        (x: typeof a, y: typeof a) => lInfinityDistance(x, y).distance,
        (x: typeof a, y: typeof a) => normalizedAbsoluteDifference(x, y).distance,
        (x: typeof a, y: typeof a) => labelDivergence(x, y) ?? -1,
      ]) {
        assert.ok(distance(a, b) >= -1e-12 && distance(a, b) <= 1);
        assert.ok(Math.abs(distance(a, b) - distance(b, a)) < 1e-12);
        assert.ok(Math.abs(distance(a, a)) < 1e-12);
      }
    }),
  );
});

const anyHistogram = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 50 })), {
    minLength: 1,
  })
  .map((steps) => {
    const buckets: [number, number, number][] = [];
    let low = -5;
    for (const [width, count] of steps) {
      buckets.push([low, low + width, count]);
      low += width;
    }
    return histogram(...buckets);
  });

test("cutting buckets anew keeps divergences between 0 and 1", () => {
  fc.assert(
    fc.property(anyHistogram, anyHistogram, (a, b) => {
      const divergence = histogramDivergence(a, b);
      if (divergence === undefined) return;
      assert.ok(divergence >= -1e-12 && divergence <= 1, String(divergence));
      near(histogramDivergence(b, a), divergence);
    }),
  );
});
