import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Database } from "./port.ts";

const TABLE = `
  CREATE TABLE waybill_probe (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(255) UNIQUE,
    amount DOUBLE PRECISION
  )`;

/** The contract of `Database`, run on a driver that opens an empty database for each test. */
export function databaseConformance(driver: string, open: () => Promise<Database>): void {
  describe(`database port: ${driver}`, () => {
    test("integers are bigint, also at the ends of 64 bits, and doubles keep every digit", async () => {
      await using database = await probe(open);
      const rows = [
        { id: 2n ** 63n - 1n, name: "max", amount: 1 / 3 },
        { id: -(2n ** 63n), name: "min", amount: 1e-300 },
        { id: 0n, name: null, amount: -0.1 },
      ];
      await database.write(async (tx) => {
        for (const { id, name, amount } of rows) {
          assert.equal(
            await tx.run("INSERT INTO waybill_probe (id, name, amount) VALUES (?, ?, ?)", [
              id,
              name,
              amount,
            ]),
            1,
          );
        }
      });
      const read = await database.read((tx) =>
        tx.all("SELECT id, name, amount FROM waybill_probe ORDER BY id DESC"),
      );
      assert.deepEqual(
        read.map((row) => ({ ...row })),
        [rows[0], rows[2], rows[1]],
      );
    });

    test("text keeps quotes, line breaks and every script, and is never SQL", async () => {
      await using database = await probe(open);
      const texts = ["'; DROP TABLE waybill_probe; --", '"\\%_', "line\nbreak", "日本語 ü 🚀", ""];
      await database.write(async (tx) => {
        for (const [index, text] of texts.entries()) {
          await tx.run("INSERT INTO waybill_probe (id, name) VALUES (?, ?)", [BigInt(index), text]);
        }
      });
      const read = await database.read((tx) =>
        tx.all<{ name: string }>("SELECT name FROM waybill_probe ORDER BY id"),
      );
      assert.deepEqual(
        read.map((row) => row.name),
        texts,
      );
    });

    test("a throw rolls all of the transaction back and goes on", async () => {
      await using database = await probe(open);
      const boom = new RangeError("boom");
      await assert.rejects(
        database.write(async (tx) => {
          await tx.run("INSERT INTO waybill_probe (id) VALUES (1)");
          throw boom;
        }),
        boom,
      );
      assert.equal(await count(database), 0n);
      await database.write((tx) => tx.run("INSERT INTO waybill_probe (id) VALUES (1)"));
      assert.equal(await count(database), 1n);
    });

    test("a broken key is already_exists, and what the transaction did before is undone", async () => {
      await using database = await probe(open);
      for (const column of ["id", "name"]) {
        await assert.rejects(
          database.write(async (tx) => {
            await tx.run(`INSERT INTO waybill_probe (id, name) VALUES (1, 'a')`);
            await tx.run(
              `INSERT INTO waybill_probe (id, name) VALUES (${column === "id" ? "1, 'b'" : "2, 'a'"})`,
            );
          }),
          { code: "already_exists" },
        );
      }
      assert.equal(await count(database), 0n);
    });

    test("an insert that may find its key taken does nothing then", async () => {
      await using database = await probe(open);
      await database.write(async (tx) => {
        const sql = tx.dialect.insertIfAbsent("waybill_probe", ["id", "name"]);
        assert.equal(await tx.run(sql, [1n, "a"]), 1);
        assert.equal(await tx.run(sql, [1n, "b"]), 0);
      });
      const row = await database.read((tx) =>
        tx.get<{ name: string }>("SELECT name FROM waybill_probe"),
      );
      assert.equal(row?.name, "a");
    });

    test("transactions of many callers each see the one before them whole", async () => {
      await using database = await probe(open);
      await database.write((tx) => tx.run("INSERT INTO waybill_probe (id, amount) VALUES (1, 0)"));
      await Promise.all(
        Array.from({ length: 20 }, () =>
          database.write(async (tx) => {
            const row = await tx.get<{ amount: number }>("SELECT amount FROM waybill_probe");
            await new Promise((resolve) => setImmediate(resolve));
            await tx.run("UPDATE waybill_probe SET amount = ?", [(row?.amount ?? 0) + 1]);
          }),
        ),
      );
      const row = await database.read((tx) =>
        tx.get<{ amount: number }>("SELECT amount FROM waybill_probe"),
      );
      assert.equal(row?.amount, 20);
    });

    test("a read sees one committed state, and never half of a write", async () => {
      await using database = await probe(open);
      let finish = () => {};
      const held = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const writing = database.write(async (tx) => {
        await tx.run("INSERT INTO waybill_probe (id) VALUES (1)");
        await held;
        await tx.run("INSERT INTO waybill_probe (id) VALUES (2)");
      });
      const reading = count(database);
      finish();
      await writing;
      assert.ok((await reading) !== 1n);
      assert.equal(await count(database), 2n);
    });

    test("more reads than connections wait for their turn", async () => {
      await using database = await probe(open);
      const counts = await Promise.all(Array.from({ length: 30 }, () => count(database)));
      assert.deepEqual(new Set(counts), new Set([0n]));
    });

    test("the tables can be listed, and a quoted name may be a keyword", async () => {
      await using database = await probe(open);
      await database.write(async (tx) => {
        await tx.run(`CREATE TABLE ${tx.dialect.quoteIdentifier("order")} (id BIGINT)`);
      });
      const names = await database.read((tx) => tx.all<{ name: string }>(tx.dialect.tableNames));
      assert.ok(names.some((row) => row.name === "waybill_probe"));
      assert.ok(names.some((row) => row.name === "order"));
    });

    test("SQL that it does not take is internal, and names the database", async () => {
      await using database = await probe(open);
      await assert.rejects(
        database.read((tx) => tx.all("SELEKT")),
        (error: Error & { code: string }) =>
          error.code === "internal" && error.message.includes(database.location),
      );
    });

    test("a closed database is refused", async () => {
      const database = await probe(open);
      await database[Symbol.asyncDispose]();
      await assert.rejects(count(database), { code: "failed_precondition" });
    });
  });
}

async function probe(open: () => Promise<Database>): Promise<Database> {
  const database = await open();
  await database.write((tx) => tx.run(TABLE));
  return database;
}

async function count(database: Database): Promise<bigint | undefined> {
  const row = await database.read((tx) =>
    tx.get<{ n: bigint }>("SELECT COUNT(*) AS n FROM waybill_probe"),
  );
  return row?.n;
}
