import assert from "node:assert/strict";
import { readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import { propertiesOf } from "../metadata/index.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const ROWS = (from: number, to: number) =>
  `(SELECT i AS id, 'n' || i AS name FROM range(${from}, ${to}) t(i))`;

function ids(rows: readonly { readonly [name: string]: unknown }[]): number[] {
  return rows.map((row) => Number(row["id"]));
}

async function refused(code: string, message: RegExp, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof WaybillError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.hint}`, message);
    return true;
  });
}

async function loaded(): Promise<TestWarehouse> {
  const given = await openTestWarehouse();
  await given.step((step) => given.warehouse.load(step, "main.trips", { relation: ROWS(0, 3) }));
  await given.step((step) => given.warehouse.append(step, "main.trips", { relation: ROWS(3, 5) }));
  return given;
}

test("appended rows are read back, and each append is a snapshot", async () => {
  await using given = await loaded();
  assert.deepEqual(ids(await given.rows("main.trips")), [0, 1, 2, 3, 4]);
  const snapshots = await given.warehouse.snapshots("main.trips");
  assert.deepEqual(
    snapshots.map(({ totalRows, addedRows, operation }) => [totalRows, addedRows, operation]),
    [
      [3, 3, "append"],
      [5, 2, "append"],
    ],
  );
  assert.equal(snapshots[1]?.parentId, snapshots[0]?.id);
  assert.deepEqual(snapshots[1]?.refs, ["main"]);
});

test("a commit is a record: an artifact with the snapshot, made of the parent", async () => {
  await using given = await loaded();
  const [first, second] = (await given.metadata.getArtifactsByType({ typeName: "WarehouseTable" }))
    .artifacts;
  assert.ok(first && second);
  const [, snapshot] = await given.warehouse.snapshots("main.trips");
  const properties = propertiesOf(second);
  assert.equal(properties["snapshot_id"], snapshot?.id);
  assert.equal(properties["rows"], 5n);
  assert.equal(properties["added_rows"], 2n);
  assert.equal(second.uri, (await given.warehouse.table("main.trips")).metadataUri);
  const { events } = await given.metadata.getEventsByArtifactIDs({ artifactIds: [first.id] });
  assert.equal(events.length, 2, "an output of the first step, an input of the second");
});

test("an earlier time, snapshot id or branch gives the rows of then", async () => {
  await using given = await loaded();
  const [first, second] = await given.warehouse.snapshots("main.trips");
  assert.ok(first && second);
  const at = async (asOf: Date | bigint | string) => ids(await given.rows("main.trips", { asOf }));
  assert.deepEqual(await at(first.id), [0, 1, 2]);
  assert.deepEqual(await at(first.time), [0, 1, 2]);
  assert.deepEqual(await at(new Date(second.time.getTime() - 1)), [0, 1, 2]);
  assert.deepEqual(await at(second.time), [0, 1, 2, 3, 4]);
  assert.deepEqual(await at("main"), [0, 1, 2, 3, 4]);
});

test("a state that the table never had is not found", async () => {
  await using given = await loaded();
  const at = (asOf: Date | bigint | string) => given.warehouse.table("main.trips", { asOf });
  await refused("not_found", /had no rows yet at 1970.*first known snapshot/s, () =>
    at(new Date(0)),
  );
  await refused("not_found", /no snapshot 7/, () => at(7n));
  await refused("not_found", /no branch or tag "dev".*"main"/s, () => at("dev"));
  await refused("invalid_argument", /no date/, () => at(new Date("never")));
});

test("snapshots of the same millisecond still have times of their own", async () => {
  await using given = await openTestWarehouse({ nowMs: () => 1_700_000_000_000 });
  for (let load = 0; load < 3; load++) {
    await given.step((step) =>
      given.warehouse.load(step, "main.t", { relation: ROWS(load, load + 1) }),
    );
  }
  const snapshots = await given.warehouse.snapshots("main.t");
  for (const [index, { time }] of snapshots.entries()) {
    assert.equal((await given.rows("main.t", { asOf: time })).length, index + 1);
  }
});

test("a table that is made has no rows, and its columns are those that were asked for", async () => {
  await using given = await openTestWarehouse();
  await given.step((step) =>
    given.warehouse.createTable(
      step,
      "main.made",
      [
        { name: "id", type: "long", required: true, doc: "the key" },
        { name: "a \"b'", type: "decimal(9,2)" },
      ],
      { properties: { owner: "ann" } },
    ),
  );
  const view = await given.warehouse.table("main.made");
  assert.equal(view.snapshot, undefined);
  assert.equal(view.rowCount, 0);
  assert.deepEqual(view.properties, { owner: "ann" });
  assert.deepEqual(
    view.schema.fields.map(({ id, name, type, required }) => [id, name, type, required]),
    [
      [1, "id", "long", true],
      [2, "a \"b'", "decimal(9,2)", false],
    ],
  );
  assert.deepEqual(await given.rows("main.made"), []);
  await given.step((step) =>
    given.warehouse.append(step, "main.made", { relation: `(SELECT 1 AS id, 2.5 AS "a ""b'")` }),
  );
  assert.deepEqual(await given.rows("main.made"), [{ id: 1n, "a \"b'": 2.5 }]);
});

test("every column type keeps its values", async () => {
  await using given = await openTestWarehouse();
  const relation = `(SELECT true AS flag, -5::TINYINT AS tiny, 2147483647 AS small, 9223372036854775807 AS large,
    18446744073709551615::UBIGINT AS unsigned, 0.1::FLOAT AS single, 'nan'::DOUBLE AS real, 'é😀' AS text,
    DATE '1582-10-15' AS day, TIMESTAMP '2024-01-01 00:00:00.123456' AS time,
    TIMESTAMPTZ '2024-01-01 00:00:00+02' AS instant, 'a\\x00b'::BLOB AS bytes, -1.25::DECIMAL(9,2) AS amount)`;
  await given.step((step) => given.warehouse.load(step, "main.types", { relation }));
  const view = await given.warehouse.table("main.types");
  assert.equal(
    view.schema.fields.map(({ type }) => type).join(" "),
    "boolean int int long decimal(20,0) float double string date timestamp timestamptz binary decimal(9,2)",
  );
  // Compared by the engine itself, so that no type goes through JavaScript.
  const differences = `(SELECT * FROM ${view.relation}) EXCEPT (SELECT * FROM ${relation})`;
  assert.deepEqual(await given.engine.rows(`SELECT count(*)::INT AS n FROM (${differences})`), [
    { n: 0 },
  ]);
  assert.equal(view.rowCount, 1);
});

test("nested columns, times and uuids keep their values, also through changes of rows", async () => {
  await using given = await openTestWarehouse();
  const relation = `(SELECT i AS id, {'lat': i / 2, 'deep': [{'y': i}]} AS place, ['a', NULL] AS tags,
    MAP {'k': i} AS attrs, TIME '12:00:00.000001' AS clock, '00000000-0000-4000-8000-000000000001'::UUID AS uid
    FROM range(3) t(i))`;
  await given.step((step) => given.warehouse.load(step, "main.nested", { relation }));
  const other = `(SELECT 7 AS id, {'deep': [{'y': 1::SMALLINT}], 'lat': 0.5::FLOAT} AS place)`;
  await given.step((step) => given.warehouse.append(step, "main.nested", { relation: other }));
  await given.step((step) =>
    given.warehouse.delete(step, "main.nested", { where: "id = 1 OR place.lat = 0.5 AND id < 7" }),
  );
  const view = await given.warehouse.table("main.nested");
  const want = `(SELECT * FROM ${relation} WHERE id <> 1 UNION ALL BY NAME SELECT * FROM ${other})`;
  const differences = `(SELECT * FROM ${view.relation}) EXCEPT (SELECT * FROM ${want})`;
  assert.deepEqual(await given.engine.rows(differences), []);
  assert.equal(view.rowCount, 3);
  await refused("invalid_argument", /"place" is a struct/, () =>
    given.step((step) =>
      given.warehouse.append(step, "main.nested", { relation: "(SELECT {'other': 1} AS place)" }),
    ),
  );
});

test("columns are matched by name, in any order, and a missing one is NULL", async () => {
  await using given = await loaded();
  const relation = "(SELECT 9::SMALLINT AS id)";
  await given.step((step) => given.warehouse.append(step, "main.trips", { relation }));
  assert.deepEqual((await given.rows("main.trips")).at(-1), { id: 9n, name: null });
});

test("rows that do not fit the table's columns are refused, and nothing changes", async () => {
  await using given = await loaded();
  const { warehouse } = given;
  await given.step((step) =>
    warehouse.createTable(step, "main.strict", [{ name: "id", type: "int", required: true }]),
  );
  const append = (table: string, relation: string) => () =>
    given.step((step) => warehouse.append(step, table, { relation }));
  await refused(
    "invalid_argument",
    /no column "nam".*"name"/s,
    append("main.trips", "(SELECT 1 AS nam)"),
  );
  await refused(
    "invalid_argument",
    /"id" is long.*DOUBLE/s,
    append("main.trips", "(SELECT 1::DOUBLE AS id)"),
  );
  await refused(
    "invalid_argument",
    /"id" is required, and 2/,
    append("main.strict", "(SELECT unnest([NULL, 1, NULL]) AS id)"),
  );
  await refused("invalid_argument", /INTEGER\[\]/, append("main.trips", "(SELECT [1] AS id)"));
  await refused("invalid_argument", /TIMESTAMP_NS.*Cast it/s, () =>
    given.step((step) =>
      warehouse.load(step, "main.ns", { relation: "(SELECT '2024-01-01'::TIMESTAMP_NS AS t)" }),
    ),
  );
  assert.equal((await given.rows("main.trips")).length, 5);
  assert.deepEqual(await warehouse.tables(), ["main.strict", "main.trips"]);
  assert.deepEqual(await filesOf(given, "strict/data"), []);
});

test("names that are no table are refused, with those that are near", async () => {
  await using given = await loaded();
  await refused("not_found", /"main.trip".*"main.trips"/s, () =>
    given.warehouse.table("main.trip"),
  );
  await refused("invalid_argument", /no namespace/, () => given.warehouse.table("trips"));
  for (const name of [
    "main.a/b",
    "main...x",
    "../x.y",
    "main.\0",
    ".main.t",
    "main. t",
    "_catalog.tables",
  ]) {
    await refused("invalid_argument", /not allowed/, () => given.warehouse.table(name));
  }
  await refused("already_exists", /main.trips/, () =>
    given.step((step) =>
      given.warehouse.createTable(step, "main.trips", [{ name: "a", type: "int" }]),
    ),
  );
  await refused("invalid_argument", /unknown type "integer"/, () =>
    given.step((step) =>
      given.warehouse.createTable(step, "main.n", [{ name: "a", type: "integer" }]),
    ),
  );
});

test("an append of no rows is a snapshot without files", async () => {
  await using given = await loaded();
  const change = await given.step((step) =>
    given.warehouse.append(step, "main.trips", { relation: ROWS(0, 0) }),
  );
  assert.equal(change.totalRows, 5);
  assert.equal((await given.warehouse.snapshots("main.trips")).length, 3);
  assert.equal((await filesOf(given, "trips/data")).length, 2);
});

test("of two writers that start from the same state one wins, and the other changes nothing", async () => {
  await using given = await loaded();
  const both = await Promise.allSettled(
    [10, 20].map((from) =>
      given.step(async (step) => {
        const change = await given.warehouse.append(step, "main.trips", {
          relation: ROWS(from, from + 1),
        });
        // Both have read the table before either closes.
        await new Promise((resolve) => setImmediate(resolve));
        return change;
      }),
    ),
  );
  const failures = both.filter((result) => result.status === "rejected");
  const rows = await given.rows("main.trips");
  assert.equal(rows.length, 7 - failures.length);
  for (const failure of failures) assert.equal(failure.reason.code, "aborted");
});

test("8 writers that race and repeat what was aborted lose nothing", async () => {
  await using given = await loaded();
  const append = async (id: number): Promise<void> => {
    const relation = ROWS(id, id + 1);
    try {
      await given.step((step) => given.warehouse.append(step, "main.trips", { relation }));
    } catch (error) {
      if (!(error instanceof WaybillError) || error.code !== "aborted") throw error;
      await append(id);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, writer) => append(100 + writer)));
  assert.equal((await given.rows("main.trips")).length, 5 + 8);
  assert.equal((await given.warehouse.snapshots("main.trips")).length, 2 + 8);
});

test("a step commits to a table once", async () => {
  await using given = await loaded();
  await refused("failed_precondition", /committed to the table "main.trips" already/, () =>
    given.step(async (step) => {
      await given.warehouse.append(step, "main.trips", { relation: ROWS(7, 8) });
      await given.warehouse.append(step, "main.trips", { relation: ROWS(8, 9) });
    }),
  );
  assert.equal((await given.rows("main.trips")).length, 5);
});

test("what a failed step wrote is never seen, and the step can be run again", async () => {
  await using given = await loaded();
  const run = (fails: boolean) =>
    given.step(async (step) => {
      await given.warehouse.append(step, "main.trips", { relation: ROWS(5, 6) });
      if (fails) throw new WaybillError("cancelled", "Interrupted.");
    });
  await refused("cancelled", /Interrupted/, () => run(true));
  assert.deepEqual(ids(await given.rows("main.trips")), [0, 1, 2, 3, 4]);
  await run(false);
  assert.deepEqual(ids(await given.rows("main.trips")), [0, 1, 2, 3, 4, 5]);
});

test("an interrupted append leaves no data file", async () => {
  await using given = await loaded();
  const before = await filesOf(given, "trips/data");
  const controller = new AbortController();
  const slow = "(SELECT i AS id, md5(i::VARCHAR) AS name FROM range(500000000) t(i))";
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(
    given.recorder.step("Load", { signal: controller.signal }, (step) =>
      given.warehouse.append(step, "main.trips", { relation: slow }),
    ),
    (error: unknown) => error instanceof WaybillError && error.code === "cancelled",
  );
  assert.deepEqual(await filesOf(given, "trips/data"), before);
});

const damages: {
  name: string;
  folder: string;
  file: RegExp;
  damage: (path: string) => Promise<void>;
  why: RegExp;
}[] = [
  {
    name: "a data file is gone",
    folder: "data",
    file: /parquet$/,
    damage: (path) => rm(path),
    why: /needs the file .*parquet/,
  },
  {
    name: "the metadata file is gone",
    folder: "metadata",
    file: /^00001.*json$/,
    damage: (path) => rm(path),
    why: /needs the file .*metadata\.json/,
  },
  {
    name: "the metadata file is cut short",
    folder: "metadata",
    file: /^00001.*json$/,
    damage: (path) => truncate(path, 100),
    why: /00001.*metadata\.json/,
  },
  {
    name: "a manifest is garbage",
    folder: "metadata",
    file: /-m0\.avro$/,
    damage: (path) => writeFile(path, "garbage"),
    why: /-m0\.avro/,
  },
  {
    name: "a manifest list is cut short",
    folder: "metadata",
    file: /^snap-/,
    damage: (path) => truncate(path, 30),
    why: /snap-/,
  },
];
for (const { name, folder, file, damage, why } of damages) {
  test(`when ${name}, reading says so and names it`, async () => {
    await using given = await loaded();
    const path = join(given.folder, "warehouse", "main", "trips", folder);
    for (const entry of await readdir(path)) if (file.test(entry)) await damage(join(path, entry));
    // A catalog that was opened anew has nothing in its cache.
    const { openWarehouse } = await import("./warehouse.ts");
    const { engine, store, recorder } = given;
    const fresh = openWarehouse({ engine, store, heads: recorder });
    await refused("data_loss", why, () => fresh.table("main.trips"));
  });
}

test("a table whose metadata points out of the warehouse is refused", async () => {
  await using given = await loaded();
  await given.recorder.step("Load", {}, async (step) => {
    step.output("table", "WarehouseTable", {
      uri: "file:///etc/passwd",
      ref: { name: "table:main.evil", expect: undefined },
    });
  });
  await refused("permission_denied", /outside of the warehouse/, () =>
    given.warehouse.table("main.evil"),
  );
});

async function filesOf(given: TestWarehouse, folder: string): Promise<string[]> {
  return readdir(join(given.folder, "warehouse", "main", folder)).catch(() => []);
}
