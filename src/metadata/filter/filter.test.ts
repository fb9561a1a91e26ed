import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sqliteDialect } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import { artifactKind, contextKind, executionKind, type KindTables } from "../rdbms/kinds.ts";
import { compileFilter } from "./index.ts";

const compile = (query: string, kind: KindTables = artifactKind) =>
  compileFilter(kind, query, sqliteDialect);

const refused: readonly {
  readonly query: string;
  readonly says: string;
  readonly kind?: KindTables;
}[] = [
  { query: "id =", says: "Syntax error: Unexpected end of expression [at 1:5]" },
  { query: "  ", says: "Syntax error: Unexpected end of expression [at 1:3]" },
  { query: "nosuch = 1", says: "Unrecognized name: nosuch [at 1:1]" },
  { query: "id = 1 AND\n  nosuch = 1", says: "Unrecognized name: nosuch [at 2:3]" },
  { query: "id", says: "Given query string is not a valid boolean expression: id" },
  { query: "1", says: "Given query string is not a valid boolean expression: 1" },
  {
    query: "id = 'x'",
    says: "No matching signature for operator = for argument types: INT64, STRING [at 1:1]",
  },
  { query: "name = 3", says: "argument types: STRING, INT64" },
  { query: "id = TRUE", says: "argument types: INT64, BOOL" },
  { query: "(id = 1", says: 'Expected ")" but got end of expression' },
  { query: "id == 1", says: 'Syntax error: Unexpected "="' },
  { query: "id = 1; select 1", says: 'Illegal input character ";"' },
  { query: "id % 2 = 0", says: 'Illegal input character "%"' },
  { query: "id = 1 = 1", says: 'Unexpected "="' },
  { query: "id = 'open", says: "Unclosed string literal" },
  { query: "name = 'a\\qb'", says: "Illegal escape sequence" },
  { query: "id = 9223372036854775808", says: "Invalid integer literal" },
  { query: "id = 1e999", says: "Invalid floating point literal" },
  { query: "id = 12abc", says: "Missing whitespace" },
  { query: "/* open", says: "Unclosed comment" },
  { query: "state = NOPE", says: "Unsupported enum value specified in the query: NOPE" },
  { query: "state = 'LIVE'", says: "Unsupported enum value" },
  { query: "state > LIVE", says: "does not take enum values" },
  { query: "last_known_state = NEW", says: "Unrecognized name: last_known_state" },
  { query: "state = LIVE", says: "Unrecognized name: state", kind: executionKind },
  { query: "contexts_a.external_id = 'x'", says: "Field name external_id does not exist" },
  { query: "events_x.nosuch = 1", says: "Field name nosuch does not exist" },
  { query: "artifacts_a.id = 1", says: "Unrecognized name: artifacts_a" },
  { query: "contexts_a.id = 1", says: "Unrecognized name: contexts_a", kind: contextKind },
  { query: "properties.p = 1", says: "Unrecognized name: properties.p" },
  { query: "NOSUCH(id) = 1", says: "Function not found: NOSUCH" },
  { query: "constructor(id) = 1", says: "Function not found: CONSTRUCTOR" },
  { query: "LENGTH(id) = 1", says: "No matching signature for function LENGTH" },
  { query: "CAST(id AS BLOB) = 1", says: "Type not found: BLOB" },
  { query: "id IN ()", says: 'Unexpected ")"' },
  { query: "NOT id", says: "No matching signature for operator NOT" },
  { query: "id = 1 AND name", says: "not a valid boolean expression" },
];
for (const { query, says, kind } of refused) {
  test(`the filter ${JSON.stringify(query)}${kind ? ` on ${kind.word}s` : ""} is refused: ${says}`, () => {
    assert.throws(
      () => compile(query, kind),
      (error: WaybillError) =>
        error.code === "invalid_argument" &&
        error.message.startsWith("Invalid `filter_query`: ") &&
        error.message.includes(says),
    );
  });
}

test("no value of a query goes into the SQL", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }),
      fc.bigInt({ min: 0n, max: 2n ** 62n }),
      (text, number) => {
        const literal = `'${text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
        const key = `\`${text.replace(/[\\`]/g, "\\$&")}x\``;
        const { sql, values } = compile(
          `name = ${literal} AND id = ${number} AND properties.${key}.string_value LIKE ${literal}`,
        );
        assert.equal(
          sql,
          compile("name = '' AND id = 0 AND properties.x.string_value LIKE ''").sql,
        );
        assert.deepEqual(values, [text, number, `${text}x`, false, text]);
      },
    ),
    { numRuns: 300 },
  );
});

test("precedence is that of GoogleSQL", () => {
  const pairs = [
    ["id = 1 OR id = 2 AND id = 3", "id = 1 OR (id = 2 AND id = 3)"],
    ["NOT id = 1 AND id = 2", "(NOT (id = 1)) AND (id = 2)"],
    ["id = 1 + 2 * 3", "id = (1 + (2 * 3))"],
    ["id = 8 - 2 - 1", "id = ((8 - 2) - 1)"],
    ["id & 3 = 1 << 1 + 1", "(id & 3) = (1 << (1 + 1))"],
    ["id | 1 = id & 2", "(id | 1) = (id & 2)"],
    ["- id + 1 = 0", "((- id) + 1) = 0"],
    ["id NOT BETWEEN 1 AND 2 AND id = 3", "(id NOT BETWEEN 1 AND 2) AND (id = 3)"],
  ];
  for (const [bare = "", grouped = ""] of pairs) {
    assert.deepEqual(compile(bare), compile(grouped), bare);
  }
});

test("conditions on one neighbour speak of the same one, others are found apart", () => {
  const { sql } = compile(
    "contexts_a.name = 'x' AND contexts_b.id = 2 AND contexts_a.type = 'y' AND id > 1",
  );
  assert.equal(sql.match(/n\.id IN \(SELECT/g)?.length, 2);
  const correlated = compile("contexts_a.id = id");
  assert.match(correlated.sql, /^EXISTS \(SELECT/);
});

test("long chains are no deeper in SQL than databases take", () => {
  const query = Array.from({ length: 5_000 }, (_, id) => `id = ${id}`).join(" OR ");
  const { sql } = compile(query);
  let depth = 0;
  let deepest = 0;
  for (const char of sql) {
    if (char === "(") deepest = Math.max(deepest, ++depth);
    else if (char === ")") depth -= 1;
  }
  assert.ok(deepest < 20, `${deepest} deep`);
});

test("what is too deep, too wide or too long is refused and not an overflow", () => {
  const cases = [
    `${"(".repeat(10_000)}id = 1${")".repeat(10_000)}`,
    `${"NOT ".repeat(10_000)}TRUE`,
    `id = ${"- ".repeat(10_000)}1`,
    `id = 1${" + 1".repeat(10_000)}`,
    `id IN (${Array(40_000).fill("1").join(",")})`,
    Array.from({ length: 80 }, (_, index) => `contexts_c${index}.id = 1`).join(" AND "),
    "x".repeat(2_000_000),
  ];
  for (const query of cases) {
    assert.throws(() => compile(query), { code: "invalid_argument" }, query.slice(0, 30));
  }
});

test("whatever is thrown at the parser, it answers with an error of its own", () => {
  const words =
    "id name type state LIVE contexts_a . , ( ) ' \" ` \\ = != < > AND OR NOT IN LIKE BETWEEN IS NULL TRUE CASE WHEN THEN END CAST AS 1 2.5 -- /* */ + - * / || SELECT EXISTS properties p int_value `".split(
      " ",
    );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 40 }),
        fc.array(fc.constantFrom(...words), { maxLength: 15 }).map((parts) => parts.join(" ")),
      ),
      (query) => {
        try {
          compile(query);
        } catch (error) {
          assert.ok(error instanceof WaybillError && error.code === "invalid_argument", `${error}`);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
