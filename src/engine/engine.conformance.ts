import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DIALECT_CASES, statementOf } from "./dialect.fixture.ts";
import type { Engine } from "./port.ts";

/** What every driver of the Engine port holds to. */
export function engineConformance(name: string, open: () => Promise<Engine>): void {
  for (const given of DIALECT_CASES) {
    test(`${name}: ${given.name}`, async () => {
      await using engine = await open();
      const [row] = await engine.rows(statementOf(engine.dialect, given));
      const value = row?.["value"];
      assert.deepEqual(typeof value === "bigint" ? Number(value) : value, given.want);
    });
  }

  test(`${name}: the most frequent values come by count, then by value, both falling`, async () => {
    await using engine = await open();
    const counted =
      "(SELECT 'a' AS v, 1 AS n UNION ALL SELECT 'b', 2 UNION ALL SELECT 'c', 1) AS t";
    const [row] = await engine.rows(
      `SELECT ${engine.dialect.topValues(counted, "v", "n", 2)} AS top`,
    );
    assert.deepEqual(row?.["top"], [
      { v: "b", n: 2 },
      { v: "c", n: 1 },
    ]);
  });

  test(`${name}: values are bound, not pasted`, async () => {
    await using engine = await open();
    const rows = await engine.rows("SELECT ? AS a, ? AS b, ? AS c", {
      parameters: ["x'; DROP TABLE t; --", 5n, null],
    });
    assert.deepEqual(rows, [{ a: "x'; DROP TABLE t; --", b: 5n, c: null }]);
  });

  test(`${name}: times are read as UTC`, async () => {
    await using engine = await open();
    const [row] = await engine.rows(
      "SELECT CAST('2001-02-03 04:05:06' AS TIMESTAMP) AS t, CAST('2001-02-03' AS DATE) AS d",
    );
    assert.deepEqual(row, {
      t: new Date("2001-02-03T04:05:06Z"),
      d: new Date("2001-02-03T00:00:00Z"),
    });
  });

  test(`${name}: a query comes in batches whose columns are typed arrays with validity`, async () => {
    await using engine = await open();
    let rows = 0;
    let sum = 0;
    let nulls = 0;
    for await (const batch of engine.query(
      "SELECT CASE WHEN i % 10 = 0 THEN NULL ELSE CAST(i AS DOUBLE) END AS x FROM range(10000) AS r(i)",
    )) {
      const [column] = batch.columns;
      assert.ok(column?.kind === "number");
      for (let row = 0; row < batch.rowCount; row++) {
        rows++;
        if (column.isNull(row)) nulls++;
        else sum += column.values[row] ?? 0;
      }
    }
    assert.deepEqual({ rows, nulls, sum }, { rows: 10_000, nulls: 1_000, sum: 45_000_000 });
  });

  test(`${name}: two queries may overlap`, async () => {
    await using engine = await open();
    const sums = await Promise.all(
      [1, 2, 3].map((n) => engine.rows(`SELECT sum(i) * ${n} AS s FROM range(100000) AS r(i)`)),
    );
    assert.deepEqual(
      sums.map(([row]) => Number(row?.["s"])),
      [4_999_950_000, 9_999_900_000, 14_999_850_000],
    );
  });

  test(`${name}: what a session makes ends with it`, async () => {
    await using engine = await open();
    await engine.session(async (session) => {
      await session.execute("CREATE TEMPORARY TABLE t AS SELECT 1 AS a");
      assert.deepEqual(await session.rows("SELECT a FROM t"), [{ a: 1 }]);
    });
    await assert.rejects(engine.rows("SELECT a FROM t"), { code: "invalid_argument" });
  });

  test(`${name}: a relation tells its columns without reading rows`, async () => {
    await using engine = await open();
    const columns = await engine.columns("(SELECT 1 AS a, 'x' AS b) AS t");
    assert.deepEqual(
      columns.map((column) => column.name),
      ["a", "b"],
    );
  });

  test(`${name}: an abort ends a long statement as cancelled`, async () => {
    await using engine = await open();
    const controller = new AbortController();
    const running = engine.rows(
      "SELECT count(*) AS n FROM range(100000000000) AS r(i) WHERE i % 7 = 3",
      {
        signal: controller.signal,
      },
    );
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(running, { code: "cancelled" });
  });

  const wrong: readonly { given: string; sql: string; code: string }[] = [
    { given: "a syntax error", sql: "SELEC 1", code: "invalid_argument" },
    {
      given: "an unknown column",
      sql: "SELECT nope FROM (SELECT 1 AS a) AS t",
      code: "invalid_argument",
    },
    { given: "a missing file", sql: "SELECT * FROM {missing}", code: "not_found" },
    { given: "a file that is no Parquet", sql: "SELECT * FROM {garbage}", code: "data_loss" },
  ];
  for (const { given, sql, code } of wrong) {
    test(`${name}: ${given} is ${code}`, async () => {
      await using engine = await open();
      using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-engine-"));
      const garbage = join(folder.path, "garbage.parquet");
      writeFileSync(garbage, Buffer.alloc(4096, "PAR1xxxx"));
      const statement = sql
        .replace("{missing}", engine.dialect.parquet([join(folder.path, "missing.parquet")]))
        .replace("{garbage}", engine.dialect.parquet([garbage]));
      await assert.rejects(engine.rows(statement), { name: "WaybillError", code });
    });
  }

  test(`${name}: a result that is too large for rows() is refused`, async () => {
    await using engine = await open();
    await assert.rejects(engine.rows("SELECT i FROM range(100001) AS r(i)"), {
      code: "out_of_range",
    });
  });
}
