import type { Dialect } from "./dialect.ts";

/** One expression of a dialect with the value that every engine gives for it. */
export interface DialectCase {
  readonly name: string;
  readonly sql: (dialect: Dialect) => string;
  readonly want: number | string | boolean | null;
}

/** What `Dialect` promises, as expressions to evaluate. Run on each engine. */
export const DIALECT_CASES: readonly DialectCase[] = [
  { name: "an identifier is quoted", sql: (d) => `t.${d.quoteIdentifier("a b")}`, want: 7 },
  { name: "a text constant keeps quotes", sql: (d) => d.text("it's"), want: "it's" },
  { name: "a text constant keeps backslashes", sql: (d) => d.text("a\\b"), want: "a\\b" },
  {
    name: "a double constant is a double",
    sql: (d) => `${d.double(0.1)} + ${d.double(0.2)}`,
    want: 0.1 + 0.2,
  },
  { name: "a negative double constant", sql: (d) => `1 - ${d.double(-2.5)}`, want: 3.5 },
  { name: "tryDouble reads numbers", sql: (d) => d.tryDouble("'1e3'"), want: 1000 },
  { name: "tryDouble gives NULL for text", sql: (d) => d.tryDouble("'abc'"), want: null },
  { name: "isFinite is true for numbers", sql: (d) => d.isFinite(d.double(1)), want: true },
  {
    name: "isFinite is false for infinity",
    sql: (d) => d.isFinite(d.double(Infinity)),
    want: false,
  },
  { name: "isFinite is false for NaN", sql: (d) => d.isFinite(d.double(NaN)), want: false },
  { name: "isNan is true for NaN", sql: (d) => d.isNan(d.double(NaN)), want: true },
  { name: "countIf counts", sql: (d) => d.countIf("t.n > 1"), want: 0 },
  { name: "byteLength counts bytes of UTF-8", sql: (d) => d.byteLength("'é€'"), want: 5 },
  {
    name: "binaryLength counts bytes",
    sql: (d) => d.binaryLength(`CAST('abc' AS ${d.typeName("binary")})`),
    want: 3,
  },
  {
    name: "isUtf8 is true for text",
    sql: (d) => d.isUtf8(`CAST('abc' AS ${d.typeName("binary")})`),
    want: true,
  },
  { name: "isUtf8 is false for other bytes", sql: (d) => d.isUtf8("unhex('FF')"), want: false },
  {
    name: "md5 is lower-case hex",
    sql: (d) => d.md5("'abc'"),
    want: "900150983cd24fb0d6963f7d28e17f72",
  },
  {
    name: "epochUs counts microseconds from 1970 in UTC",
    sql: (d) => d.epochUs(`CAST('1970-01-02 00:00:00.5' AS ${d.typeName("timestamptz")})`),
    want: 86_400_500_000,
  },
  {
    name: "epochDays counts days from 1970",
    sql: (d) => d.epochDays("CAST('1969-12-30' AS DATE)"),
    want: -2,
  },
  {
    name: "sumWhole rounds and sums",
    sql: (d) => `CAST(${d.sumWhole(d.double(-2.75))} AS ${d.typeName("long")})`,
    want: -3,
  },
  {
    name: "epochUs reads a timestamp without zone as UTC",
    sql: (d) => d.epochUs(`CAST('1970-01-02 00:00:00.5' AS ${d.typeName("timestamp")})`),
    want: 86_400_500_000,
  },
  {
    name: "epochUs reads a date as its midnight, UTC",
    sql: (d) => d.epochUs("CAST('1970-01-02' AS DATE)"),
    want: 86_400_000_000,
  },
  {
    name: "timestampFromUs is the inverse of epochUs",
    sql: (d) => d.epochUs(d.timestampFromUs("1500000")),
    want: 1_500_000,
  },
  {
    name: "addSeconds moves a timestamp",
    sql: (d) => d.epochUs(d.addSeconds(d.timestampFromUs("0"), "90")),
    want: 90_000_000,
  },
  {
    name: "startOfDay cuts the time",
    sql: (d) => d.epochUs(d.startOfDay(d.timestampFromUs("90000000001"))),
    want: 86_400_000_000,
  },
  { name: "divide is of doubles", sql: (d) => d.divide("1", "4"), want: 0.25 },
  { name: "divide by zero is infinite", sql: (d) => d.divide("-1", "0"), want: -Infinity },
  { name: "divide of zero by zero is NaN", sql: (d) => d.isNan(d.divide("0", "0")), want: true },
  { name: "divide of NULL is NULL", sql: (d) => d.divide("NULL", "0"), want: null },
  {
    name: "struct makes fields to read",
    sql: (d) =>
      `${d.struct([
        ["a", "5"],
        ["b", "'x'"],
      ])}['b']`,
    want: "x",
  },
  {
    name: "fromJson reads nested fields",
    sql: (d) =>
      `${d.fromJson(`'{"a": {"b": [1.5], "c": "Infinity"}}'`, { a: { b: ["double"], c: "double" } })}.a.c`,
    want: Infinity,
  },
  {
    name: "fromJson gives NULL for what the text lacks",
    sql: (d) => `${d.fromJson(`'{"a": 1}'`, { a: "long", c: { d: "string" } })}.c.d`,
    want: null,
  },
  { name: "rowNumber starts at 1", sql: (d) => d.rowNumber(), want: 1 },
];

/** The statement that evaluates one case: a single row with the column `value`. */
export function statementOf(dialect: Dialect, { sql }: DialectCase): string {
  const column = dialect.quoteIdentifier("a b");
  return `SELECT ${sql(dialect)} AS value FROM (SELECT 7 AS ${column}, 1 AS n) AS t`;
}
