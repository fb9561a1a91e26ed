import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../foundation/index.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const TABLE = "main.stock";
const START =
  "(SELECT * FROM (VALUES (1, 'a', 10), (2, 'b', 20), (3, NULL, 30)) t(id, name, amount))";

/** Rows as `id:name:amount`, so that a difference is read at a glance. */
async function shown(
  given: TestWarehouse,
  options?: Parameters<TestWarehouse["rows"]>[1],
): Promise<string[]> {
  const rows = await given.rows(TABLE, options);
  return rows.map((row) => `${row["id"]}:${row["name"] ?? "-"}:${row["amount"] ?? "-"}`);
}

async function stocked(partitionBy?: string): Promise<TestWarehouse> {
  const given = await openTestWarehouse();
  await given.step((step) =>
    given.warehouse.createTable(
      step,
      TABLE,
      [
        { name: "id", type: "int" },
        { name: "name", type: "string" },
        { name: "amount", type: "int" },
      ],
      partitionBy === undefined ? {} : { partitionBy: [{ column: "id", transform: partitionBy }] },
    ),
  );
  await given.step((step) => given.warehouse.append(step, TABLE, { relation: START }));
  return given;
}

async function refused(code: string, message: RegExp, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof WaybillError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.hint}`, message);
    return true;
  });
}

for (const partitionBy of [undefined, "identity", "bucket[2]"]) {
  const kind =
    partitionBy === undefined ? "an unpartitioned table" : `a table cut by ${partitionBy}`;

  test(`in ${kind}, rows are deleted, and a condition that is NULL deletes nothing`, async () => {
    await using given = await stocked(partitionBy);
    const change = await given.step((step) =>
      given.warehouse.delete(step, TABLE, { where: "name = 'a' OR name = 'x'" }),
    );
    assert.equal(change.affectedRows, 1);
    assert.equal(change.totalRows, 2);
    assert.deepEqual(await shown(given), ["2:b:20", "3:-:30"]);
  });

  test(`in ${kind}, rows are updated where a condition holds`, async () => {
    await using given = await stocked(partitionBy);
    const set = { amount: "amount + 1", name: "upper(name)" };
    const change = await given.step((step) =>
      given.warehouse.update(step, TABLE, { set, where: "id < 3" }),
    );
    assert.equal(change.affectedRows, 2);
    assert.deepEqual(await shown(given), ["1:A:11", "2:B:21", "3:-:30"]);
  });

  test(`in ${kind}, rows are merged by key`, async () => {
    await using given = await stocked(partitionBy);
    const relation = "(SELECT * FROM (VALUES (2, 22), (4, 44)) t(id, amount))";
    const change = await given.step((step) =>
      given.warehouse.merge(step, TABLE, { relation, on: ["id"] }),
    );
    assert.equal(change.affectedRows, 2);
    assert.deepEqual(await shown(given), ["1:a:10", "2:b:22", "3:-:30", "4:-:44"]);
  });

  test(`in ${kind}, rows are overwritten, and earlier snapshots keep theirs`, async () => {
    await using given = await stocked(partitionBy);
    const [first] = await given.warehouse.snapshots(TABLE);
    assert.ok(first);
    const relation = "(SELECT 9::INT AS id, 'z' AS name)";
    await given.step((step) =>
      given.warehouse.overwrite(step, TABLE, { relation, where: "amount >= 20" }),
    );
    assert.deepEqual(await shown(given), ["1:a:10", "9:z:-"]);
    await given.step((step) => given.warehouse.overwrite(step, TABLE, { relation }));
    assert.deepEqual(await shown(given), ["9:z:-"]);
    assert.deepEqual(await shown(given, { asOf: first.id }), ["1:a:10", "2:b:20", "3:-:30"]);
  });

  test(`in ${kind}, small files are rewritten into few, and the rows stay`, async () => {
    await using given = await stocked(partitionBy);
    for (let id = 4; id < 8; id++) {
      await given.step((step) =>
        given.warehouse.append(step, TABLE, { relation: `(SELECT ${id}::INT AS id)` }),
      );
    }
    const before = await shown(given);
    const files = (await given.warehouse.table(TABLE)).fileCount;
    await given.step((step) => given.warehouse.compact(step, TABLE));
    const after = await given.warehouse.table(TABLE);
    assert.deepEqual(await shown(given), before);
    if (partitionBy !== "identity") {
      assert.equal(after.snapshot?.operation, "replace");
      assert.ok(after.fileCount < files, `${after.fileCount} < ${files}`);
    }
    assert.equal(after.rowCount, 7);
    const again = await given.step((step) => given.warehouse.compact(step, TABLE));
    assert.equal(again.snapshotId, undefined, "nothing is left to rewrite");
  });
}

test("deleting every row of a file drops it without writing another", async () => {
  await using given = await stocked();
  await given.step((step) => given.warehouse.delete(step, TABLE, { where: "TRUE" }));
  const view = await given.warehouse.table(TABLE);
  assert.equal(view.snapshot?.operation, "delete");
  assert.equal(view.fileCount, 0);
  assert.deepEqual(await shown(given), []);
});

test("a change that touches no row makes no snapshot", async () => {
  await using given = await stocked();
  const { snapshotId, artifact } = await given.step((step) =>
    given.warehouse.delete(step, TABLE, { where: "id = 77" }),
  );
  assert.equal(snapshotId, undefined);
  assert.equal(artifact.id, (await given.warehouse.table(TABLE)).artifact.id);
  assert.equal((await given.warehouse.snapshots(TABLE)).length, 1);
});

test("a merge can leave alone what is there, or what is new", async () => {
  await using given = await stocked();
  const relation = "(SELECT * FROM (VALUES (2, 22), (4, 44)) t(id, amount))";
  await given.step((step) =>
    given.warehouse.merge(step, TABLE, { relation, on: ["id"], whenMatched: "ignore" }),
  );
  assert.deepEqual(await shown(given), ["1:a:10", "2:b:20", "3:-:30", "4:-:44"]);
  const more = "(SELECT * FROM (VALUES (4, 45), (5, 55)) t(id, amount))";
  await given.step((step) =>
    given.warehouse.merge(step, TABLE, { relation: more, on: ["id"], whenNotMatched: "ignore" }),
  );
  assert.deepEqual(await shown(given), ["1:a:10", "2:b:20", "3:-:30", "4:-:45"]);
});

test("a merge whose keys are not clear is refused", async () => {
  await using given = await stocked();
  const merge = (relation: string, on: string[]) => () =>
    given.step((step) => given.warehouse.merge(step, TABLE, { relation, on }));
  const values = (rows: string) => `(SELECT * FROM (VALUES ${rows}) t(id, amount))`;
  await refused(
    "invalid_argument",
    /1 keys \("id"\) are more than once/,
    merge(values("(1, 2), (1, 3)"), ["id"]),
  );
  await refused("invalid_argument", /have no "id"/, merge(values("(NULL, 2)"), ["id"]));
  await refused("invalid_argument", /no column "key"/, merge(values("(1, 2)"), ["key"]));
  await refused(
    "invalid_argument",
    /rows to merge have no column "name"/,
    merge(values("(1, 2)"), ["name"]),
  );
  await refused(
    "invalid_argument",
    /no column "other"/,
    merge("(SELECT 1 AS id, 2 AS other)", ["id"]),
  );
  await refused("invalid_argument", /needs a column/, merge(values("(1, 2)"), []));
  assert.equal((await shown(given)).length, 3);
});

test("an overwrite may read the table that it replaces", async () => {
  await using given = await stocked();
  const { relation } = await given.warehouse.table(TABLE);
  await given.step((step) =>
    given.warehouse.overwrite(step, TABLE, {
      relation: `(SELECT id, name, (amount * 2)::INT AS amount FROM ${relation})`,
    }),
  );
  assert.deepEqual(await shown(given), ["1:a:20", "2:b:40", "3:-:60"]);
});

test("an unknown column or broken condition changes nothing", async () => {
  await using given = await stocked();
  await refused("invalid_argument", /no column "nam"/, () =>
    given.step((step) => given.warehouse.update(step, TABLE, { set: { nam: "1" } })),
  );
  await refused("invalid_argument", /Error/, () =>
    given.step((step) => given.warehouse.delete(step, TABLE, { where: "id ===" })),
  );
  assert.equal((await given.warehouse.snapshots(TABLE)).length, 1);
});

test("rows can be changed on a branch, and main does not see it", async () => {
  await using given = await stocked();
  await given.step((step) => given.warehouse.setRef(step, TABLE, { name: "dev", type: "branch" }));
  await given.step((step) =>
    given.warehouse.append(step, TABLE, { relation: "(SELECT 7::INT AS id)", branch: "dev" }),
  );
  await given.step((step) =>
    given.warehouse.delete(step, TABLE, { where: "id = 1", branch: "dev" }),
  );
  assert.deepEqual(await shown(given), ["1:a:10", "2:b:20", "3:-:30"]);
  assert.deepEqual(await shown(given, { asOf: "dev" }), ["2:b:20", "3:-:30", "7:-:-"]);
  await refused("not_found", /no branch "test".*main, dev/s, () =>
    given.step((step) =>
      given.warehouse.append(step, TABLE, { relation: "(SELECT 7::INT AS id)", branch: "test" }),
    ),
  );
});

/** One random operation on the table, and what it does to a model of it. */
type Model = Map<number, number | null>;
interface Operation {
  readonly name: string;
  readonly run: (given: TestWarehouse) => Promise<unknown>;
  readonly model: (rows: Model) => void;
}

const key = fc.integer({ min: 0, max: 9 });
const pairs = fc.uniqueArray(fc.tuple(key, fc.integer({ min: 0, max: 99 })), {
  selector: ([id]) => id,
  minLength: 1,
  maxLength: 4,
});
const relationOf = (rows: readonly (readonly [number, number])[]) =>
  `(SELECT id::INT AS id, amount::INT AS amount FROM (VALUES ${rows.map((row) => `(${row.join(", ")})`).join(", ")}) t(id, amount))`;

const operation: fc.Arbitrary<Operation> = fc.oneof(
  pairs.map((rows) => ({
    name: "merge",
    run: (given: TestWarehouse) =>
      given.step((step) =>
        given.warehouse.merge(step, TABLE, { relation: relationOf(rows), on: ["id"] }),
      ),
    model: (model: Model) => {
      for (const [id, amount] of rows) model.set(id, amount);
    },
  })),
  key.map((limit) => ({
    name: "delete",
    run: (given: TestWarehouse) =>
      given.step((step) => given.warehouse.delete(step, TABLE, { where: `id >= ${limit}` })),
    model: (model: Model) => {
      for (const id of [...model.keys()]) if (id >= limit) model.delete(id);
    },
  })),
  key.map((limit) => ({
    name: "update",
    run: (given: TestWarehouse) =>
      given.step((step) =>
        given.warehouse.update(step, TABLE, { set: { amount: "id * 3" }, where: `id < ${limit}` }),
      ),
    model: (model: Model) => {
      for (const id of model.keys()) if (id < limit) model.set(id, id * 3);
    },
  })),
  pairs.map((rows) => ({
    name: "overwrite",
    run: (given: TestWarehouse) =>
      given.step((step) => given.warehouse.overwrite(step, TABLE, { relation: relationOf(rows) })),
    model: (model: Model) => {
      model.clear();
      for (const [id, amount] of rows) model.set(id, amount);
    },
  })),
  fc.constant({
    name: "compact",
    run: (given: TestWarehouse) => given.step((step) => given.warehouse.compact(step, TABLE)),
    model: () => {},
  }),
  fc.constantFrom("bucket[3]", "truncate[4]", "identity").map((transform) => ({
    name: `partition by ${transform}`,
    run: (given: TestWarehouse) =>
      given.step((step) =>
        given.warehouse.alter(step, TABLE, [
          { kind: "partition-by", fields: [{ column: "id", transform }] },
        ]),
      ),
    model: () => {},
  })),
);

test("after random operations the table equals a model of it, at every snapshot", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 6, maxLength: 6 }), async (operations) => {
      await using given = await stocked();
      const model: Model = new Map([
        [1, 10],
        [2, 20],
        [3, 30],
      ]);
      const states = new Map<bigint, string[]>();
      for (const { run, model: change } of operations) {
        await run(given);
        change(model);
        const { snapshot } = await given.warehouse.table(TABLE);
        const want = [...model].map(([id, amount]) => `${id}:${amount}`).sort();
        if (snapshot !== undefined) states.set(snapshot.id, want);
      }
      for (const [id, want] of states) {
        const rows = await given.rows(TABLE, { asOf: id });
        assert.deepEqual(rows.map((row) => `${row["id"]}:${row["amount"]}`).sort(), want);
      }
    }),
    { numRuns: 3 },
  );
});
