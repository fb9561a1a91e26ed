import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText, parseFloat32, percentage, sixDecimals, sixDigits } from "./format.ts";

const numbers: readonly [number, string][] = [
  [0, "0"],
  [-0, "-0"],
  [1, "1"],
  [30, "30"],
  [0.214285714, "0.214286"],
  [0.0001, "0.0001"],
  [0.00001234567, "1.23457e-05"],
  [123456, "123456"],
  [999999.5, "1e+06"],
  [1000000, "1e+06"],
  [123456789, "1.23457e+08"],
  [-25.52, "-25.52"],
  [1e100, "1e+100"],
  // Ties round to even: both are exact in binary.
  [100000.5, "100000"],
  [100001.5, "100002"],
  [Number.POSITIVE_INFINITY, "inf"],
  [Number.NEGATIVE_INFINITY, "-inf"],
  [Number.NaN, "nan"],
];
for (const [value, text] of numbers) {
  test(`${value} in six digits is ${text}`, () => assert.equal(sixDigits(value), text));
}

test("six digits are within half a unit of the sixth, and never more than six", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = sixDigits(value);
      const off = Math.abs(Number(text) - value);
      // Below the smallest normal number digits are lost to the value itself.
      assert.ok(off <= Math.abs(value) * 5.0001e-6 || Math.abs(value) < 1e-300, text);
      assert.ok((text.replace(/e.*/, "").match(/\d/g)?.length ?? 0) <= 11, text);
    }),
  );
});

test("six decimals never have an exponent", () => {
  assert.equal(sixDecimals(0.8666666666666667), "0.866667");
  assert.equal(sixDecimals(-1e19), "-10000000000000000000.000000");
  assert.equal(sixDecimals(1e22), "10000000000000000000000.000000");
  assert.equal(sixDecimals(Number.NaN), "nan");
});

test("texts are escaped as in C, UTF-8 left alone", () => {
  assert.equal(
    escapeText('a\nb\t"q" it\'s \\ é \u0001\u007f'),
    'a\\nb\\t\\"q\\" it\\\'s \\\\ é \\001\\177',
  );
});

test("shares are floored percents", () => {
  assert.deepEqual(
    [percentage(1, 29), percentage(1, 200), percentage(0, 0), percentage(5, 5)],
    ["~3%", "<1%", "?", "~100%"],
  );
});

const floats: readonly [string, number | undefined][] = [
  [" 1.5 ", 1.5],
  ["+7", 7],
  [".5", 0.5],
  ["5.", 5],
  ["1e3", 1000],
  ["0.1", Math.fround(0.1)],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["INF", Number.POSITIVE_INFINITY],
  ["nan", Number.NaN],
  ["1e99", Number.POSITIVE_INFINITY],
  ["+-1", undefined],
  ["", undefined],
  [".", undefined],
  ["0x10", undefined],
  ["1,5", undefined],
  ["1 2", undefined],
];
for (const [text, value] of floats) {
  test(`"${text}" as a float is ${value}`, () => assert.equal(parseFloat32(text), value));
}
