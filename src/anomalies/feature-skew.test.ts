import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openEngine } from "../engine/index.ts";
import { detectFeatureSkew } from "./feature-skew.ts";

const engine = await openEngine();
after(() => engine[Symbol.asyncDispose]());

const base = `(SELECT * FROM (VALUES
  (1, 'a', 1.001::DOUBLE, 'x'), (2, 'b', 2.0::DOUBLE, 'x'), (3, NULL, 3.0::DOUBLE, 'x'),
  (4, 'd', NULL, 'x'), (5, 'e', 5.0::DOUBLE, 'x'), (5, 'e', 5.0::DOUBLE, 'x'), (NULL, 'f', 6.0::DOUBLE, 'x')
) AS v(id, city, fare, old))`;
const served = `(SELECT * FROM (VALUES
  (1, 'a', 1.002::DOUBLE), (2, 'z', 2.0::DOUBLE), (3, 'c', 3.0::DOUBLE), (4, NULL, NULL),
  (5, 'e', 5.0::DOUBLE), (9, 'i', 9.0::DOUBLE)
) AS v(id, city, fare))`;
const options = { identifiers: ["id"] };

test("rows are matched by identifier and each feature is counted", async () => {
  const { features, match } = await detectFeatureSkew(engine, base, served, options);
  assert.deepEqual(features, [
    {
      feature: "city",
      baseCount: 3,
      testCount: 3,
      matchCount: 1,
      baseOnly: 1,
      testOnly: 1,
      mismatchCount: 1,
      diffCount: 3,
    },
    {
      feature: "fare",
      baseCount: 3,
      testCount: 3,
      matchCount: 2,
      baseOnly: 0,
      testOnly: 0,
      mismatchCount: 1,
      diffCount: 1,
    },
    {
      feature: "old",
      baseCount: 4,
      testCount: 0,
      matchCount: 0,
      baseOnly: 4,
      testOnly: 0,
      mismatchCount: 0,
      diffCount: 4,
    },
  ]);
  assert.deepEqual(match, {
    baseWithIdCount: 6,
    testWithIdCount: 6,
    identifiersCount: 6,
    idsMissingInBaseCount: 1,
    idsMissingInTestCount: 0,
    matchingPairsCount: 6,
    duplicateIdCount: 1,
    baseMissingIdCount: 1,
    testMissingIdCount: 0,
  });
});

test("floats are rounded, features ignored and duplicates compared on request", async () => {
  const { features } = await detectFeatureSkew(engine, base, served, {
    ...options,
    floatRoundDigits: 2,
    ignore: ["city", "old"],
    allowDuplicateIdentifiers: true,
  });
  assert.deepEqual(
    features.map(({ feature, matchCount, mismatchCount }) => [feature, matchCount, mismatchCount]),
    [["fare", 5, 0]],
  );
});

test("skewed pairs are named with what differs", async () => {
  const { pairs } = await detectFeatureSkew(engine, base, served, {
    ...options,
    ignore: ["old"],
    sampleSize: 2,
  });
  assert.deepEqual(pairs, [
    { identifiers: { id: 1 }, baseOnly: [], testOnly: [], mismatched: ["fare"] },
    { identifiers: { id: 2 }, baseOnly: [], testOnly: [], mismatched: ["city"] },
  ]);
});

test("confusion counts which value met which", async () => {
  const { confusion } = await detectFeatureSkew(engine, base, served, {
    ...options,
    confusion: ["city"],
  });
  assert.deepEqual(
    confusion.map(({ base: from, test: to, count }) => `${from} ${to} ${count}`).sort(),
    ["__MISSING_VALUE__ c 1", "a a 1", "b z 1", "d __MISSING_VALUE__ 1"],
  );
});

const refused = [
  { name: "no identifiers", options: { identifiers: [] } },
  { name: "an identifier that is not there", options: { identifiers: ["nr"] } },
  { name: "confusion of numbers", options: { ...options, confusion: ["fare"] } },
  { name: "digits that are none", options: { ...options, floatRoundDigits: 0.5 } },
];
for (const { name, options: given } of refused) {
  test(`${name} is refused`, async () => {
    await assert.rejects(detectFeatureSkew(engine, base, served, given), {
      name: "WaybillError",
      code: "invalid_argument",
    });
  });
}
