import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { onlineStoreConformance } from "./online.conformance.ts";
import { openSqliteOnlineStore } from "./sqlite.ts";

onlineStoreConformance("sqlite", async () => {
  const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const store = await openSqliteOnlineStore(join(folder.path, "online.db"));
  return Object.assign(store, {
    async [Symbol.asyncDispose]() {
      await Object.getPrototypeOf(store)[Symbol.asyncDispose].call(store);
      folder.remove();
    },
  });
});

test("a SQLite store is there after it is opened again, by any number of handles", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const file = join(folder.path, "deep", "online.db");
  {
    await using store = await openSqliteOnlineStore(file);
    await store.write("v", [rowOf(1)]);
  }
  await using one = await openSqliteOnlineStore(file);
  await using two = await openSqliteOnlineStore(file);
  await one.write("v", [rowOf(2)]);
  assert.equal(await two.count("v"), 2);
});

test("a file that is no SQLite online store is refused and left as it was", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const path = join(folder.path, "other.db");
  writeFileSync(
    path,
    "this is not a database, though it is long enough to be looked at ".repeat(99),
  );
  const before = readFileSync(path);
  await assert.rejects(openSqliteOnlineStore(path), { code: "data_loss" });
  assert.deepEqual(readFileSync(path), before);

  const foreign = join(folder.path, "foreign.db");
  const db = new DatabaseSync(foreign);
  db.exec("CREATE TABLE other (x)");
  db.close();
  await assert.rejects(openSqliteOnlineStore(foreign), {
    code: "data_loss",
    message: /is a database, but no online store/,
  });
});

test("a store of a newer layout is refused", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const path = join(folder.path, "online.db");
  await (await openSqliteOnlineStore(path))[Symbol.asyncDispose]();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 2");
  db.close();
  await assert.rejects(openSqliteOnlineStore(path), { code: "failed_precondition" });
});

test("a SQLite store that was cut short is data_loss", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const path = join(folder.path, "online.db");
  {
    await using store = await openSqliteOnlineStore(path);
    await store.write(
      "v",
      Array.from({ length: 500 }, (_, index) => rowOf(index)),
    );
  }
  truncateSync(path, 20_000);
  await assert.rejects(
    async () => {
      await using store = await openSqliteOnlineStore(path);
      for await (const rows of store.scan("v")) assert.ok(rows.length > 0);
    },
    { code: "data_loss" },
  );
});

function rowOf(index: number) {
  return {
    key: Buffer.from(`key ${index}`),
    eventUs: 1n,
    createdUs: 0n,
    value: Buffer.alloc(200, index),
  };
}
