import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../foundation/index.ts";
import type { Condition } from "./prune.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const TABLE = "main.p";

/** Twelve files of ten rows: an unpartitioned part, then one by month and bucket, one by a text's start. */
async function filled(): Promise<TestWarehouse> {
  const given = await openTestWarehouse();
  const rows = (
    from: number,
    to: number,
  ) => `(SELECT i AS id, CASE WHEN i % 10 = 9 THEN NULL ELSE 'k' || (i // 10) END AS name,
    DATE '2023-12-25' + i::INT AS day, TIMESTAMP '2023-12-25 06:00:00' + to_hours(i * 5) AS time, i / 4 AS x,
    (i * 1.5)::DECIMAL(9,2) AS price FROM range(${from}, ${to}) t(i))`;
  const append = (from: number, to: number) =>
    given.step((step) => given.warehouse.load(step, TABLE, { relation: rows(from, to) }));
  for (let from = 0; from < 40; from += 10) await append(from, from + 10);
  const partitionBy = (...fields: { column: string; transform: string }[]) =>
    given.step((step) => given.warehouse.alter(step, TABLE, [{ kind: "partition-by", fields }]));
  await partitionBy(
    { column: "day", transform: "month" },
    { column: "id", transform: "bucket[3]" },
  );
  await append(40, 70);
  await partitionBy(
    { column: "name", transform: "truncate[2]" },
    { column: "time", transform: "day" },
  );
  await append(70, 80);
  return given;
}

const cases: { name: string; filter: Condition[]; files: number }[] = [
  {
    name: "a range by bounds",
    filter: [
      { column: "id", op: "<", value: 10 },
      { column: "day", op: "<=", value: "2024-01-03" },
    ],
    files: 1,
  },
  { name: "a value that no file has", filter: [{ column: "id", op: "=", value: 1000n }], files: 0 },
  {
    name: "a day by its month and bounds",
    filter: [{ column: "day", op: "=", value: new Date("2024-01-02") }],
    files: 1,
  },
  {
    name: "an instant",
    filter: [{ column: "time", op: "<", value: "2023-12-27T00:00:00Z" }],
    files: 1,
  },
  { name: "a decimal", filter: [{ column: "price", op: ">", value: "118.4" }], files: 1 },
  { name: "a list", filter: [{ column: "id", in: [3, 33] }], files: 2 },
  { name: "an empty list", filter: [{ column: "id", in: [] }], files: 0 },
  { name: "a double", filter: [{ column: "x", op: "<=", value: 2.25 }], files: 1 },
];
test("files without rows for a filter are left out", async () => {
  await using given = await filled();
  for (const { name, filter, files } of cases) {
    assert.equal((await given.warehouse.table(TABLE, { filter })).fileCount, files, name);
  }
  const isNull = await given.warehouse.table(TABLE, { filter: [{ column: "name", isNull: true }] });
  const all = await given.warehouse.table(TABLE);
  assert.ok(isNull.fileCount < all.fileCount);
});

const condition: fc.Arbitrary<readonly [Condition, sql: string]> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("=", "<", "<=", ">", ">=") as fc.Arbitrary<"=" | "<">,
      fc.integer({ min: -5, max: 85 }),
    )
    .chain(([op, n]) =>
      fc.constantFrom<readonly [Condition, string]>(
        [{ column: "id", op, value: n }, `id ${op} ${n}`],
        [{ column: "x", op, value: n / 4 }, `x ${op} ${n / 4}`],
        [{ column: "price", op, value: String(n * 1.5) }, `price ${op} ${n * 1.5}`],
        [{ column: "name", op, value: `k${n}` }, `name ${op} 'k${n}'`],
        [{ column: "day", op, value: dayOf(n) }, `day ${op} DATE '${dayOf(n)}'`],
        [
          { column: "time", op, value: `${dayOf(n)} 11:00:00` },
          `time ${op} TIMESTAMP '${dayOf(n)} 11:00:00'`,
        ],
      ),
    ),
  fc
    .array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 3 })
    .map((ids): readonly [Condition, string] => [
      { column: "id", in: ids },
      `id IN (${ids.join(", ")})`,
    ]),
  fc
    .boolean()
    .map((isNull): readonly [Condition, string] => [
      { column: "name", isNull },
      isNull ? "name IS NULL" : "name IS NOT NULL",
    ]),
);

test("no row that a filter is about is ever left out", async () => {
  await using given = await filled();
  const { relation: all } = await given.warehouse.table(TABLE);
  await fc.assert(
    fc.asyncProperty(fc.array(condition, { minLength: 1, maxLength: 2 }), async (conditions) => {
      const filter = conditions.map(([condition]) => condition);
      const where = conditions.map(([, sql]) => sql).join(" AND ");
      const { relation } = await given.warehouse.table(TABLE, { filter });
      const count = async (from: string) =>
        (await given.engine.rows(`SELECT count(*)::INT AS n FROM ${from} WHERE ${where}`))[0]?.[
          "n"
        ];
      assert.equal(await count(relation), await count(all), where);
    }),
    { numRuns: 15 },
  );
});

test("a filter on what is not there, or with a value of another type, is refused", async () => {
  await using given = await filled();
  for (const condition of [
    { column: "nam", op: "=", value: "a" },
    { column: "id", op: "=", value: "a" },
    { column: "day", op: "=", value: "tomorrow" },
  ] as const) {
    await assert.rejects(
      given.warehouse.table(TABLE, { filter: [condition] }),
      (error: unknown) => error instanceof WaybillError && error.code === "invalid_argument",
    );
  }
});

function dayOf(n: number): string {
  return new Date(Date.UTC(2023, 11, 25 + n)).toISOString().slice(0, 10);
}
