import assert from "node:assert/strict";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import type { Alteration } from "./evolve.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const TABLE = "main.days";

async function filled(): Promise<TestWarehouse> {
  const given = await openTestWarehouse();
  const relation = `(SELECT i::INT AS id, 'n' || i AS name, DATE '2024-01-30' + i::INT AS day,
    TIMESTAMP '2024-01-30 12:00:00' + to_hours(i) AS time, 1.5::DECIMAL(5,2) AS price FROM range(4) t(i))`;
  await given.step((step) => given.warehouse.load(step, TABLE, { relation }));
  return given;
}

function alter(given: TestWarehouse, ...alterations: Alteration[]) {
  return given.step((step) => given.warehouse.alter(step, TABLE, alterations));
}

async function refused(code: string, message: RegExp, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof WaybillError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.hint}`, message);
    return true;
  });
}

test("columns that are renamed, widened and added read right in files that are older", async () => {
  await using given = await filled();
  await alter(
    given,
    { kind: "rename-column", name: "name", to: "title" },
    { kind: "widen-column", name: "id", type: "long" },
    { kind: "widen-column", name: "price", type: "decimal(9,2)" },
    { kind: "add-column", name: "city", type: "string", after: "id", doc: "where" },
  );
  const relation = "(SELECT 5000000000 AS id, 'Ulm' AS city, 't' AS title)";
  await given.step((step) => given.warehouse.append(step, TABLE, { relation }));
  const { schema, relation: rows } = await given.warehouse.table(TABLE);
  assert.deepEqual(
    schema.fields.map(({ id, name, type }) => `${id} ${name} ${type}`),
    [
      "1 id long",
      "6 city string",
      "2 title string",
      "3 day date",
      "4 time timestamp",
      "5 price decimal(9,2)",
    ],
  );
  assert.deepEqual(
    await given.engine.rows(
      `SELECT id, city, title FROM ${rows} WHERE id IN (1, 5000000000) ORDER BY id`,
    ),
    [
      { id: 1n, city: null, title: "n1" },
      { id: 5000000000n, city: "Ulm", title: "t" },
    ],
  );
});

test("a column that is dropped and made again does not get its old values back", async () => {
  await using given = await filled();
  await alter(given, { kind: "drop-column", name: "price" });
  await alter(given, { kind: "add-column", name: "price", type: "decimal(5,2)" });
  const rows = await given.rows(TABLE);
  assert.deepEqual(
    rows.map((row) => row["price"]),
    [null, null, null, null],
  );
});

test("an earlier snapshot has the columns that it had", async () => {
  await using given = await filled();
  const [first] = await given.warehouse.snapshots(TABLE);
  assert.ok(first);
  await alter(given, { kind: "rename-column", name: "name", to: "title" });
  await given.step((step) =>
    given.warehouse.append(step, TABLE, { relation: "(SELECT 9::INT AS id)" }),
  );
  assert.ok("name" in ((await given.rows(TABLE, { asOf: first.id }))[0] ?? {}));
  assert.ok("title" in ((await given.rows(TABLE))[0] ?? {}));
});

const refusals: { name: string; alteration: Alteration; why: RegExp }[] = [
  {
    name: "an unknown column",
    alteration: { kind: "drop-column", name: "nam" },
    why: /no column "nam".*"name"/s,
  },
  {
    name: "a name that is taken",
    alteration: { kind: "rename-column", name: "id", to: "name" },
    why: /"name" is used twice/,
  },
  {
    name: "a narrower type",
    alteration: { kind: "widen-column", name: "price", type: "decimal(4,2)" },
    why: /cannot be made decimal\(4,2\)/,
  },
  {
    name: "another type",
    alteration: { kind: "widen-column", name: "id", type: "string" },
    why: /int may become long/,
  },
  {
    name: "a required column without values",
    alteration: { kind: "add-column", name: "x", type: "int", required: true },
    why: /cannot be required/,
  },
  {
    name: "a transform for another type",
    alteration: { kind: "partition-by", fields: [{ column: "name", transform: "day" }] },
    why: /type string has no day/,
  },
  {
    name: "a transform that is none",
    alteration: { kind: "partition-by", fields: [{ column: "day", transform: "days" }] },
    why: /"days" is no partition transform/,
  },
  {
    name: "a partition field twice",
    alteration: { kind: "partition-by", fields: [{ column: "day" }, { column: "day" }] },
    why: /"day" is there twice/,
  },
];
for (const { name, alteration, why } of refusals) {
  test(`${name} is refused, and the table stays as it is`, async () => {
    await using given = await filled();
    const before = (await given.warehouse.table(TABLE)).metadataUri;
    await refused("invalid_argument", why, () => alter(given, alteration));
    assert.equal((await given.warehouse.table(TABLE)).metadataUri, before);
  });
}

test("what the table is cut or sorted by cannot be dropped", async () => {
  await using given = await filled();
  await alter(
    given,
    { kind: "partition-by", fields: [{ column: "day", transform: "month" }] },
    { kind: "sort-by", fields: [{ column: "name", direction: "desc" }] },
  );
  await refused("invalid_argument", /partitioned by it/, () =>
    alter(given, { kind: "drop-column", name: "day" }),
  );
  await refused("invalid_argument", /sorted by it/, () =>
    alter(given, { kind: "drop-column", name: "name" }),
  );
});

test("after partitions change, new files have the new ones, and all rows are read", async () => {
  await using given = await filled();
  await alter(given, {
    kind: "partition-by",
    fields: [
      { column: "day", transform: "month" },
      { column: "id", transform: "bucket[2]" },
    ],
  });
  const relation =
    "(SELECT i::INT AS id, DATE '2024-01-31' + i::INT AS day FROM range(10, 40) t(i))";
  await given.step((step) => given.warehouse.append(step, TABLE, { relation }));
  const view = await given.warehouse.table(TABLE);
  assert.deepEqual(view.partitionedBy, ["month(day)", "bucket[2](id)"]);
  assert.equal(view.rowCount, 34);
  assert.equal(view.fileCount, 1 + 4, "two months in two buckets, beside the old file");
  assert.equal((await given.rows(TABLE)).length, 34);
});

test("any text and NULL can be a partition, and none is mixed with another", async () => {
  await using given = await openTestWarehouse();
  await given.step((step) =>
    given.warehouse.createTable(
      step,
      "main.odd",
      [
        { name: "k", type: "string" },
        { name: "v", type: "int" },
      ],
      { partitionBy: [{ column: "k" }] },
    ),
  );
  const keys = [
    "NULL",
    "''",
    "'__HIVE_DEFAULT_PARTITION__'",
    "'NULL'",
    "'n'",
    "'a/b=c %''é😀'",
    "repeat('long', 100)",
    "'..'",
  ];
  const relation = `(SELECT k, 1 AS v FROM (VALUES ${keys.map((k) => `(${k})`).join(", ")}) t(k))`;
  await given.step((step) => given.warehouse.append(step, "main.odd", { relation }));
  const view = await given.warehouse.table("main.odd");
  assert.equal(view.fileCount, keys.length);
  const missing = `(SELECT k FROM ${relation}) EXCEPT (SELECT k FROM ${view.relation})`;
  assert.deepEqual(await given.engine.rows(missing), []);
  await given.step((step) =>
    given.warehouse.delete(step, "main.odd", { where: "k IS NULL OR k = '..'" }),
  );
  assert.equal((await given.warehouse.table("main.odd")).rowCount, keys.length - 2);
});

test("rows of new files are in the table's sort order", async () => {
  await using given = await filled();
  await alter(given, { kind: "sort-by", fields: [{ column: "id", direction: "desc" }] });
  const relation = "(SELECT ((i * 7) % 100)::INT AS id FROM range(100) t(i))";
  await given.step((step) => given.warehouse.overwrite(step, TABLE, { relation }));
  const view = await given.warehouse.table(TABLE);
  assert.deepEqual(view.sortedBy, ["id desc"]);
  const rows = await given.engine.rows(`SELECT id FROM ${view.relation}`);
  assert.deepEqual(
    rows.map((row) => row["id"]),
    Array.from({ length: 100 }, (_, index) => 99 - index),
  );
});

test("properties are set and removed", async () => {
  await using given = await filled();
  await alter(given, { kind: "set-properties", properties: { owner: "ann", topic: "days" } });
  await alter(given, { kind: "remove-properties", names: ["topic"] });
  assert.deepEqual((await given.warehouse.table(TABLE)).properties, { owner: "ann" });
});

test("a tag keeps its snapshot, and a rollback can be undone", async () => {
  await using given = await filled();
  const { warehouse, step } = given;
  await step((open) => warehouse.setRef(open, TABLE, { name: "v1", type: "tag" }));
  await step((open) => warehouse.delete(open, TABLE, { where: "id > 0" }));
  const [first, second] = await warehouse.snapshots(TABLE);
  assert.ok(first && second);
  assert.equal((await given.rows(TABLE, { asOf: "v1" })).length, 4);
  await step((open) => warehouse.rollback(open, TABLE, { to: "v1" }));
  assert.equal((await given.rows(TABLE)).length, 4);
  // By time the table still was what it was, and is what it is since the rollback.
  assert.equal((await given.rows(TABLE, { asOf: second.time })).length, 1);
  assert.equal((await given.rows(TABLE, { asOf: new Date("2100-01-01") })).length, 4);
  await step((open) => warehouse.rollback(open, TABLE, { to: second.id }));
  assert.equal((await given.rows(TABLE)).length, 1);
  await refused("already_exists", /tag "v1"/, () =>
    step((open) => warehouse.setRef(open, TABLE, { name: "v1", type: "tag" })),
  );
  await refused("invalid_argument", /cannot be dropped/, () =>
    step((open) => warehouse.dropRef(open, TABLE, "main")),
  );
  await refused("not_found", /"v2"/, () => step((open) => warehouse.dropRef(open, TABLE, "v2")));
  await step((open) => warehouse.dropRef(open, TABLE, "v1"));
  await refused("not_found", /"v1"/, () => given.rows(TABLE, { asOf: "v1" }));
});

test("expiry keeps what is young, tagged or the last, and clean-up frees the files of the rest", async () => {
  await using given = await filled();
  const { warehouse, step } = given;
  const [first] = await warehouse.snapshots(TABLE);
  await step((open) => warehouse.delete(open, TABLE, { where: "id = 3" }));
  await step((open) => warehouse.setRef(open, TABLE, { name: "keep", type: "tag" }));
  await step((open) => warehouse.delete(open, TABLE, { where: "id = 2" }));
  await step((open) => warehouse.delete(open, TABLE, { where: "id = 1" }));
  const future = new Date(Date.now() + 86_400_000);
  await step((open) => warehouse.expire(open, TABLE, { olderThan: future, keepLast: 2 }));
  const left = await warehouse.snapshots(TABLE);
  assert.deepEqual(
    left.map(({ refs }) => refs.join()),
    ["keep", "", "main"],
  );
  await refused("not_found", /no snapshot/, () => given.rows(TABLE, { asOf: first?.id ?? 0n }));
  await refused("not_found", /no rows yet|expired/, () =>
    given.rows(TABLE, { asOf: first?.time ?? future }),
  );
  const nothing = await step((open) => warehouse.expire(open, TABLE, { olderThan: new Date(0) }));
  assert.equal(nothing.metadataUri, (await warehouse.table(TABLE)).metadataUri);

  await refused("invalid_argument", /last hour/, () =>
    step((open) => warehouse.removeOrphans(open, TABLE, { olderThan: new Date() })),
  );
  const data = join(given.folder, "warehouse", "main", "days", "data");
  const old = new Date(Date.now() - 86_400_000);
  for (const name of await readdir(data)) await utimes(join(data, name), old, old);
  assert.equal((await readdir(data)).length, 4);
  const cleaned = await step((open) =>
    warehouse.removeOrphans(open, TABLE, { olderThan: new Date(Date.now() - 7_200_000) }),
  );
  assert.equal(cleaned.removedFiles, 1);
  assert.equal((await readdir(data)).length, 3);
  for (const { id, totalRows } of left)
    assert.equal((await given.rows(TABLE, { asOf: id })).length, totalRows);
});

test("a dropped table is gone, and one of its name starts anew beside its files", async () => {
  await using given = await filled();
  const { warehouse, step } = given;
  await step((open) => warehouse.dropTable(open, TABLE));
  assert.deepEqual(await warehouse.tables(), []);
  await refused("not_found", /main.days/, () => warehouse.table(TABLE));
  await step((open) => warehouse.load(open, TABLE, { relation: "(SELECT 1 AS other)" }));
  assert.deepEqual(await given.rows(TABLE), [{ other: 1 }]);
  assert.equal((await readdir(join(given.folder, "warehouse", "main"))).length, 2);
});
