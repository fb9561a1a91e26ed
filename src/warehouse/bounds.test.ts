import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openEngine } from "../engine/index.ts";
import { type FileStatistics, fileStatistics, parseValue } from "./bounds.ts";
import { decodeValue, type Primitive, primitiveOf } from "./formats/primitive.ts";
import { compareValues } from "./partition.ts";
import { sqlTypeName } from "./types.ts";

const TYPES = {
  flag: "boolean",
  small: "int",
  large: "long",
  single: "float",
  real: "double",
  text: "string",
  day: "date",
  time: "timestamp",
  instant: "timestamptz",
  amount: "decimal(18,4)",
  huge: "decimal(38,10)",
  bytes: "binary",
} as const;

function column(name: keyof typeof TYPES, id = 1) {
  const type = primitiveOf(TYPES[name]);
  assert.ok(type);
  return { id, name, type };
}

/** Writes one column of literals and gives its statistics as the manifest would have them. */
async function statisticsOf(name: keyof typeof TYPES, literals: readonly string[]) {
  await using engine = await openEngine({ threads: 1 });
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-bounds-"));
  const given = column(name);
  const ids = { id: 1, name, type: sqlTypeName(engine.dialect, given.type) };
  const query = `SELECT CAST(v AS ${ids.type}) AS "${name}" FROM (VALUES ${literals.map((v) => `(${v})`).join(", ")}) t(v)`;
  const sql = engine.dialect.copyToParquet(query, join(folder.path, "a.parquet"), [ids]);
  const [row] = await engine.rows(sql);
  assert.ok(row);
  return fileStatistics(row, [given]);
}

function boundsOf(type: Primitive, statistics: FileStatistics) {
  const lower = statistics.lowerBounds.get(1);
  const upper = statistics.upperBounds.get(1);
  return [lower && decodeValue(type, lower), upper && decodeValue(type, upper)];
}

const cases: {
  name: keyof typeof TYPES;
  values: string[];
  want: (number | bigint | string | boolean | undefined)[];
}[] = [
  { name: "flag", values: ["true", "NULL"], want: [true, true] },
  { name: "small", values: ["-2147483648", "7"], want: [-2147483648, 7] },
  {
    name: "large",
    values: ["-9223372036854775808", "9223372036854775807"],
    want: [-(2n ** 63n), 2n ** 63n - 1n],
  },
  { name: "single", values: ["0.1"], want: [Math.fround(0.1), Math.fround(0.1)] },
  { name: "real", values: ["-1e300", "1e-300", "0.1"], want: [-1e300, 0.1] },
  { name: "real", values: ["'inf'", "'-inf'"], want: [-Infinity, Infinity] },
  { name: "real", values: ["'nan'", "'1'"], want: [undefined, undefined] },
  { name: "real", values: ["0.0"], want: [-0, 0] },
  { name: "text", values: ["'b'", "'a'"], want: ["a", "b"] },
  { name: "text", values: [`'${"x".repeat(40)}'`], want: ["x".repeat(16), `${"x".repeat(15)}y`] },
  { name: "text", values: ["repeat('y', 100000)"], want: ["y".repeat(16), `${"y".repeat(15)}z`] },
  {
    name: "text",
    values: ["repeat(chr(1114111), 20)"],
    want: ["\u{10ffff}".repeat(16), undefined],
  },
  { name: "text", values: ["'a''b\"c'"], want: ["a'b\"c", "a'b\"c"] },
  { name: "day", values: ["'1582-10-15'", "'1970-01-02'"], want: [-141427, 1] },
  { name: "time", values: ["'1969-12-31 23:59:59.999999'"], want: [-1n, -1n] },
  {
    name: "instant",
    values: ["'2024-01-01 00:00:00.5+02'"],
    want: [1704060000500000n, 1704060000500000n],
  },
  { name: "amount", values: ["-1.5", "2"], want: [-15000n, 20000n] },
  { name: "amount", values: ["-0.5"], want: [-5000n, -5000n] },
  {
    name: "huge",
    values: ["'1234567890123456789012345678.0123456789'"],
    want: [12345678901234567890123456780123456789n, 12345678901234567890123456780123456789n],
  },
  { name: "bytes", values: ["'ab'"], want: [undefined, undefined] },
  { name: "small", values: ["NULL"], want: [undefined, undefined] },
];
for (const { name, values, want } of cases) {
  test(`the bounds of ${name} ${values.join(" and ").slice(0, 50)} are right`, async () => {
    assert.deepEqual(boundsOf(column(name).type, await statisticsOf(name, values)), want);
  });
}

test("a file says how many values and nulls a column has, and its bytes", async () => {
  const statistics = await statisticsOf("small", ["1", "NULL", "3"]);
  assert.equal(statistics.rowCount, 3);
  assert.equal(statistics.valueCounts.get(1), 3);
  assert.equal(statistics.nullCounts.get(1), 1);
  assert.ok((statistics.columnSizes.get(1) ?? 0) > 0);
  assert.ok(statistics.sizeBytes > 0);
});

test("every text of a file lies within the bounds, however long", async () => {
  const type = column("text").type;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "binary", maxLength: 40 }), { minLength: 1, maxLength: 20 }),
      async (texts) => {
        // NUL is written as chr(0), since no text of a statement holds it.
        const literals = texts.map(
          (text) =>
            [...text.toWellFormed()].map((char) => `chr(${char.codePointAt(0)})`).join(" || ") ||
            "''",
        );
        const [lower, upper] = boundsOf(type, await statisticsOf("text", literals));
        for (const text of texts) {
          const value = text.toWellFormed();
          if (lower !== undefined) assert.ok(compareValues(lower, value) <= 0, "lower");
          if (upper !== undefined) assert.ok(compareValues(upper, value) >= 0, "upper");
        }
      },
    ),
    { numRuns: 12 },
  );
});

test("text that is no value of the type is no bound", () => {
  for (const [type, text] of [
    ["long", "1.5"],
    ["double", "much"],
    ["date", "12024-01-01"],
    ["timestamp", "290309-12-22 (BC) 00:00:00"],
    ["decimal(9,2)", "1.234"],
  ] as const) {
    const primitive = primitiveOf(type);
    assert.ok(primitive);
    assert.equal(parseValue(primitive, text), undefined, `${type} ${text}`);
  }
});
