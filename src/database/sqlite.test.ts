import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { databaseConformance } from "./database.conformance.ts";
import { openSqlite, openSqliteInMemory } from "./index.ts";

databaseConformance("SQLite in memory", openSqliteInMemory);

let fileCount = 0;
const shared = await mkdtemp(join(tmpdir(), "waybill-sqlite-"));
process.on("exit", () => {
  // Synchronous, since nothing is awaited any more at exit.
  process.getBuiltinModule("node:fs").rmSync(shared, { recursive: true, force: true });
});
databaseConformance("SQLite file", () => {
  fileCount += 1;
  return openSqlite(join(shared, `${fileCount}.db`));
});

test("a missing file is not_found unless the mode creates it", async () => {
  await using folder = await temporaryFolder();
  for (const mode of ["READONLY", "READWRITE"] as const) {
    await assert.rejects(openSqlite(folder.file("a.db"), { mode }), { code: "not_found" });
  }
  await assert.rejects(openSqlite(folder.file("none/a.db")), { code: "not_found" });
  await assert.rejects(stat(folder.file("a.db")), { code: "ENOENT" });
});

test("a file opened for reading cannot be written, and stays as it was", async () => {
  await using folder = await temporaryFolder();
  const file = folder.file("a.db");
  await makeDatabase(file);
  const before = await readFile(file);
  {
    await using database = await openSqlite(file, { mode: "READONLY" });
    assert.equal(await rowCount(database), 1n);
    await assert.rejects(
      database.write(async () => {}),
      { code: "failed_precondition" },
    );
  }
  assert.deepEqual(await readFile(file), before);
});

test("a file: URL names the same file as its path", async () => {
  await using folder = await temporaryFolder();
  const file = folder.file("a b%20.db");
  await makeDatabase(file);
  const url = `file:${file.replace("%", "%25")}?mode=ro`;
  await using database = await openSqlite(url, { mode: "READONLY" });
  assert.equal(await rowCount(database), 1n);
});

test("what is no database, or is cut off, is data_loss and stays as it was", async () => {
  await using folder = await temporaryFolder();
  const text = folder.file("text.db");
  await writeFile(text, "not a database at all\n".repeat(100));
  const cut = folder.file("cut.db");
  await makeDatabase(cut, 500);
  await truncate(cut, 8_192);
  const short = folder.file("short.db");
  await makeDatabase(short);
  await truncate(short, 50);
  for (const file of [text, cut, short]) {
    const before = await readFile(file);
    await assert.rejects(openSqlite(file), { code: "data_loss", message: new RegExp(file) }, file);
    assert.deepEqual(await readFile(file), before);
  }
  await assert.rejects(openSqlite(shared), { code: "invalid_argument" });
});

test("a damaged page is data_loss when it is read", async () => {
  await using folder = await temporaryFolder();
  const file = folder.file("a.db");
  await makeDatabase(file, 500);
  const bytes = await readFile(file);
  bytes.fill(0xff, 4_096, 8_192);
  await writeFile(file, bytes);
  await using database = await openSqlite(file);
  await assert.rejects(
    database.read((tx) => tx.all("SELECT * FROM t")),
    { code: "data_loss" },
  );
});

test("several processes write to one file in turn", async () => {
  await using folder = await temporaryFolder();
  const file = folder.file("a.db");
  await makeDatabase(file);
  const writers = Array.from({ length: 3 }, () =>
    spawn(process.execPath, [join(import.meta.dirname, "sqlite.fixture.ts"), file, "25"], {
      stdio: ["ignore", "ignore", "inherit"],
    }),
  );
  const codes = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0]));
  assert.deepEqual(codes, [0, 0, 0]);
  await using database = await openSqlite(file);
  assert.equal(await rowCount(database), 76n);
});

test("a write that other processes do not let in is aborted", async () => {
  await using folder = await temporaryFolder();
  const file = folder.file("a.db");
  await makeDatabase(file);
  await using first = await openSqlite(file);
  await using second = await openSqlite(file, { busyWaitMs: 50 });
  await first.write(async () => {
    await assert.rejects(
      second.write((tx) => tx.run("INSERT INTO t (v) VALUES ('b')")),
      { code: "aborted" },
    );
  });
  assert.equal(await rowCount(second), 1n);
});

async function makeDatabase(file: string, rows = 1): Promise<void> {
  await using database = await openSqlite(file);
  await database.write(async (tx) => {
    await tx.run("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    for (let i = 0; i < rows; i += 1) {
      assert.equal(
        await tx.insert("INSERT INTO t (v) VALUES (?)", ["x".repeat(100)]),
        BigInt(i + 1),
      );
    }
  });
}

async function rowCount(database: Awaited<ReturnType<typeof openSqlite>>) {
  return (await database.read((tx) => tx.get("SELECT COUNT(*) AS n FROM t")))?.["n"];
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "waybill-sqlite-"));
  return {
    file: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
