import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Engine, openEngine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { type Primitive, type PrimitiveValue, primitiveOf } from "./formats/primitive.ts";
import {
  bucketOf,
  parseTransform,
  transformSql,
  transformType,
  transformValue,
} from "./transforms.ts";
import { sqlTypeName } from "./types.ts";

const LARGEST = 2 ** 31 - 1;

/** Hashes of the specification's appendix B, without their sign bit. */
const hashes: { type: string; value: PrimitiveValue; hash: number }[] = [
  { type: "int", value: 34, hash: 2017239379 },
  { type: "long", value: 34n, hash: 2017239379 },
  { type: "decimal(9,2)", value: 1420n, hash: -500754589 },
  { type: "date", value: 17486, hash: -653330422 },
  { type: "timestamp", value: 1510871468000000n, hash: -2047944441 },
  { type: "timestamptz", value: 1510871468000000n, hash: -2047944441 },
  { type: "string", value: "iceberg", hash: 1210000089 },
  { type: "binary", value: Uint8Array.of(0, 1, 2, 3), hash: -188683207 },
];
for (const { type, value, hash } of hashes) {
  test(`the hash of ${type} ${value} is that of the specification`, () => {
    assert.equal(bucketOf(primitive(type), LARGEST, value), (hash & 0x7fffffff) % LARGEST);
  });
}

const transformed: { transform: string; type: string; sql: string; want: PrimitiveValue }[] = [
  { transform: "year", type: "date", sql: "DATE '1969-12-31'", want: -1 },
  { transform: "month", type: "date", sql: "DATE '1969-12-31'", want: -1 },
  { transform: "month", type: "timestamp", sql: "TIMESTAMP '2017-11-16 22:31:08'", want: 574 },
  { transform: "hour", type: "timestamp", sql: "TIMESTAMP '1969-12-31 23:59:59.999999'", want: -1 },
  {
    transform: "hour",
    type: "timestamptz",
    sql: "TIMESTAMPTZ '2017-11-16 22:31:08+00'",
    want: 419686,
  },
  { transform: "truncate[10]", type: "int", sql: "(-1)", want: -10 },
  { transform: "truncate[10]", type: "long", sql: "17::BIGINT", want: 10n },
  { transform: "truncate[50]", type: "decimal(9,2)", sql: "10.65::DECIMAL(9,2)", want: 1050n },
  { transform: "truncate[3]", type: "string", sql: "'é😀xyz'", want: "é😀x" },
  { transform: "bucket[16]", type: "string", sql: "'iceberg'", want: 1210000089 % 16 },
];

test("an engine's partition values are those of the specification", async () => {
  await using engine = await openEngine({ threads: 1 });
  for (const { transform, type, sql, want } of transformed) {
    const expression = transformSql(
      engine.dialect,
      parseTransform(transform),
      primitive(type),
      sql,
    );
    const [row] = await engine.rows(`SELECT ${expression} AS v`);
    const got =
      typeof want === "bigint" && type.startsWith("decimal")
        ? BigInt(Math.round(Number(row?.["v"]) * 100))
        : row?.["v"];
    assert.equal(got, want, `${transform} of ${sql}`);
  }
});

const arbitraries: Record<string, fc.Arbitrary<PrimitiveValue>> = {
  int: fc.integer(),
  long: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  date: fc.integer({ min: -100_000, max: 100_000 }),
  timestamp: fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
  string: fc.string({ unit: "grapheme-composite", maxLength: 9 }),
};
const transforms = ["identity", "bucket[7]", "truncate[3]", "year", "month", "day", "hour"];

test("an engine's partition values are ours, for every transform and type", async () => {
  await using engine = await openEngine({ threads: 1 });
  await fc.assert(
    fc.asyncProperty(
      fc
        .constantFrom(...Object.keys(arbitraries))
        .chain((type) =>
          fc.tuple(
            fc.constant(type),
            fc.array(arbitraries[type] ?? fc.boolean(), { minLength: 5, maxLength: 20 }),
          ),
        ),
      async ([type, values]) => {
        for (const text of transforms) {
          const transform = parseTransform(text);
          if (!isFor(text, primitive(type))) continue;
          const ours = values.map((value) => transformValue(transform, primitive(type), value));
          const theirs = await valuesBySql(engine, text, primitive(type), values);
          assert.deepEqual(theirs, ours.map(String), `${text} of ${type}`);
        }
      },
    ),
    { numRuns: 8 },
  );
});

test("what is no transform, or not for a column, is refused", () => {
  for (const text of ["days", "bucket", "bucket[0]", "truncate[-1]", "bucket[99999999999]", ""]) {
    assert.throws(() => parseTransform(text), isInvalid, text);
  }
  assert.throws(() => transformType(parseTransform("hour"), primitive("date")), isInvalid);
  assert.throws(() => transformType(parseTransform("bucket[4]"), primitive("double")), isInvalid);
});

function isInvalid(error: unknown): boolean {
  return error instanceof WaybillError && error.code === "invalid_argument";
}

function isFor(transform: string, type: Primitive): boolean {
  try {
    transformType(parseTransform(transform), type);
    return true;
  } catch {
    return false;
  }
}

/** Partition values as text: dates and times as the integers that they are. */
async function valuesBySql(
  engine: Engine,
  text: string,
  type: Primitive,
  values: readonly PrimitiveValue[],
): Promise<string[]> {
  const { dialect } = engine;
  const literal = (value: PrimitiveValue) => {
    switch (type.kind) {
      case "string":
        return dialect.text(String(value));
      case "date":
        return `(DATE '1970-01-01' + ${value}::INTEGER)`;
      case "timestamp":
        return dialect.timestampFromUs(`${value}::BIGINT`);
      default:
        return `CAST(${value} AS ${sqlTypeName(dialect, type)})`;
    }
  };
  const x = transformSql(dialect, parseTransform(text), type, "v");
  const result = transformType(parseTransform(text), type);
  const whole =
    result.kind === "date"
      ? dialect.epochDays(x)
      : result.kind === "timestamp"
        ? dialect.epochUs(x)
        : x;
  const rows = await engine.rows(
    `SELECT CAST(${whole} AS VARCHAR) AS v FROM (VALUES ${values
      .map((value, index) => `(${index}, ${literal(value)})`)
      .join(", ")}) t(i, v) ORDER BY i`,
  );
  return rows.map((row) => String(row["v"]));
}

function primitive(type: string): Primitive {
  const found = primitiveOf(type);
  assert.ok(found, type);
  return found;
}
