import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import { openSubjects, type Subjects } from "./subjects.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const AIRPORTS = "geo.airports";
const FLIGHTS = "ops.flights";
const day = (n: number) => new Date(Date.UTC(2024, 0, n));
const values = (rows: string) => `(SELECT * FROM (VALUES ${rows}) t(code, city, gates))`;
const FIRST = values("('ULM', 'Ulm', 2), ('BER', 'Berlin', 5), ('TXL', 'Berlin', 9)");
const SECOND = values("('ULM', 'Ulm', 3), ('BER', 'Berlin', 5), ('MUC', 'Munich', 7)");

async function opened(): Promise<TestWarehouse & { readonly subjects: Subjects }> {
  const given = await openTestWarehouse();
  const { warehouse, engine } = given;
  const subjects = openSubjects({ warehouse, engine, clock: { nowMs: () => Date.now() } });
  return Object.assign(given, { subjects });
}

function track(
  given: TestWarehouse & { readonly subjects: Subjects },
  relation: string,
  at: Date,
  closeMissing = false,
) {
  return given.step((step) =>
    given.subjects.track(step, AIRPORTS, { relation, on: ["code"], at, closeMissing }),
  );
}

async function shown(given: TestWarehouse, relation: string): Promise<string[]> {
  const rows = await given.engine.rows(
    `SELECT code || ' ' || gates AS row FROM ${relation} ORDER BY 1`,
  );
  return rows.map((row) => String(row["row"]));
}

async function refused(code: string, message: RegExp, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof WaybillError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} ${error.hint}`, message);
    return true;
  });
}

test("a dimension keeps what was true when: changed rows are closed, new ones follow", async () => {
  await using given = await opened();
  await track(given, FIRST, day(1));
  const change = await track(given, SECOND, day(10), true);
  assert.equal(change.affectedRows, 4, "two are closed, two begin");
  const at = async (time: Date) =>
    shown(given, (await given.subjects.read(AIRPORTS, { validAt: time })).relation);
  assert.deepEqual(await at(day(5)), ["BER 5", "TXL 9", "ULM 2"]);
  assert.deepEqual(
    await at(day(10)),
    ["BER 5", "MUC 7", "ULM 3"],
    "the end of the old is the start of the new",
  );
  assert.deepEqual(await at(day(20)), ["BER 5", "MUC 7", "ULM 3"]);
  const before = await given.subjects.read(AIRPORTS, { validAt: new Date(0) });
  assert.equal(before.rowCount, 0);
});

test("without closing, what the rows no longer have stays true", async () => {
  await using given = await opened();
  await track(given, FIRST, day(1));
  await track(given, SECOND, day(10));
  const { relation } = await given.subjects.read(AIRPORTS, { validAt: day(20) });
  assert.deepEqual(await shown(given, relation), ["BER 5", "MUC 7", "TXL 9", "ULM 3"]);
});

test("bringing the same state again changes nothing", async () => {
  await using given = await opened();
  await track(given, FIRST, day(1));
  const again = await track(given, FIRST, day(9), true);
  assert.equal(again.snapshotId, undefined);
  assert.equal((await given.warehouse.table(AIRPORTS)).rowCount, 3);
});

test("what was known and what was true are asked for apart", async () => {
  await using given = await opened();
  await track(given, FIRST, day(1));
  const [known] = await given.warehouse.snapshots(AIRPORTS);
  assert.ok(known);
  await track(given, SECOND, day(10));
  const read = async (asOf?: bigint) => {
    const times = asOf === undefined ? { validAt: day(20) } : { validAt: day(20), asOf };
    return shown(given, (await given.subjects.read(AIRPORTS, times)).relation);
  };
  assert.ok((await read()).includes("ULM 3"));
  assert.ok((await read(known.id)).includes("ULM 2"), "the change was not known then");
});

test("history is written forward, and of one row for each key", async () => {
  await using given = await opened();
  await track(given, FIRST, day(5));
  await refused("invalid_argument", /1 rows .* valid from 2024-01-05/, () =>
    track(given, SECOND, day(5)),
  );
  await refused("invalid_argument", /more than once/, () =>
    track(given, values("('NEW', 'a', 1), ('NEW', 'b', 2)"), day(9)),
  );
  await refused("invalid_argument", /kept for the history/, () =>
    track(given, "(SELECT 'A' AS code, 1 AS valid_from)", day(9)),
  );
  await refused("invalid_argument", /no column "runways"/, () =>
    track(given, "(SELECT 'A' AS code, 1 AS runways)", day(9)),
  );
});

async function withFlights() {
  const given = await opened();
  await track(given, FIRST, day(1));
  await track(given, SECOND, day(10));
  const relation = `(SELECT * FROM (VALUES (1, 'ULM', TIMESTAMPTZ '2024-01-03 00:00:00+00', 5), (2, 'ULM', TIMESTAMPTZ '2024-01-12 00:00:00+00', -7),
    (3, 'XXX', TIMESTAMPTZ '2024-01-12 00:00:00+00', NULL)) t(id, origin, departed, delay))`;
  await given.step((step) => given.warehouse.load(step, FLIGHTS, { relation }));
  await given.step((step) =>
    given.subjects.describe(step, AIRPORTS, {
      role: "dimension",
      grain: "one airport in one state",
      key: ["code"],
      owner: "ann",
    }),
  );
  await given.step((step) =>
    given.subjects.describe(step, FLIGHTS, {
      role: "fact",
      grain: "one flight",
      description: "What flew when.",
      freshForHours: 24,
      key: ["id"],
      references: { origin: AIRPORTS },
      checks: {
        "delays are known": "delay IS NOT NULL",
        "delays are positive": "delay >= 0",
        "ids are positive": "id > 0",
      },
    }),
  );
  return given;
}

test("a star join reads each dimension as it was at the fact's time, and drops no fact", async () => {
  await using given = await withFlights();
  const rows = async (timeColumn?: string) => {
    const star = await given.subjects.star(FLIGHTS, timeColumn === undefined ? {} : { timeColumn });
    return given.engine.rows(`SELECT id, origin_city, origin_gates FROM ${star} ORDER BY id`);
  };
  assert.deepEqual(await rows("departed"), [
    { id: 1, origin_city: "Ulm", origin_gates: 2 },
    { id: 2, origin_city: "Ulm", origin_gates: 3 },
    { id: 3, origin_city: null, origin_gates: null },
  ]);
  assert.deepEqual(
    (await rows()).map((row) => row["origin_gates"]),
    [3, 3, null],
  );
});

test("checks count the rows for which they do not hold, NULL included", async () => {
  await using given = await withFlights();
  const results = await given.subjects.check(FLIGHTS);
  assert.deepEqual(
    results.map(({ check, violations }) => [check, violations]),
    [
      ["delays are known", 1],
      ["delays are positive", 2],
      ["ids are positive", 0],
    ],
  );
});

test("subjects are listed with their tables, and what is stale is told", async () => {
  await using given = await withFlights();
  await given.step((step) =>
    given.warehouse.catalog.setNamespaceProperties(step, ["ops"], {
      updates: { owner: "bob" },
      removals: [],
    }),
  );
  const listed = await given.subjects.list();
  assert.deepEqual(
    listed.map(({ name, properties, tables }) => [
      name,
      properties["owner"],
      tables.map(({ table, role, rowCount }) => `${table} ${role} ${rowCount}`),
    ]),
    [
      ["geo", undefined, ["geo.airports dimension 5"]],
      ["ops", "bob", ["ops.flights fact 3"]],
    ],
  );
  assert.equal(listed[1]?.tables[0]?.isFresh, true);
  const { warehouse, engine } = given;
  const later = openSubjects({
    warehouse,
    engine,
    clock: { nowMs: () => Date.now() + 25 * 3_600_000 },
  });
  assert.equal((await later.list())[1]?.tables[0]?.isFresh, false);
});

test("what is not described, or wrongly, is told", async () => {
  await using given = await withFlights();
  await given.step((step) =>
    given.warehouse.load(step, "ops.plain", { relation: "(SELECT 1 AS id)" }),
  );
  await refused("failed_precondition", /"ops.plain" is not described/, () =>
    given.subjects.star("ops.plain"),
  );
  await refused("failed_precondition", /is a dimension/, () => given.subjects.star(AIRPORTS));
  await refused("failed_precondition", /no history/, () =>
    given.subjects.read(FLIGHTS, { validAt: day(1) }),
  );
  await refused("invalid_argument", /no column "nam"/, () =>
    given.step((step) =>
      given.subjects.describe(step, FLIGHTS, { role: "fact", grain: "x", key: ["nam"] }),
    ),
  );
});
