import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { open } from "lmdb";
import { openLmdbOnlineStore } from "./lmdb.ts";
import { onlineStoreConformance } from "./online.conformance.ts";
import type { OnlineStore } from "./port.ts";

onlineStoreConformance("lmdb", async () => {
  const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const store = await openLmdbOnlineStore(folder.path);
  return Object.assign(store, {
    async [Symbol.asyncDispose]() {
      await Object.getPrototypeOf(store)[Symbol.asyncDispose].call(store);
      folder.remove();
    },
  });
});

test("what was written is there after the store is opened again", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  await fill(folder.path, 3);
  await using store = await openLmdbOnlineStore(folder.path);
  assert.equal(await store.count("v"), 3);
});

test("two handles of one store see each other's writes", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  await using one = await openLmdbOnlineStore(folder.path);
  await using two = await openLmdbOnlineStore(folder.path);
  await one.write("v", [rowOf(1)]);
  assert.equal(await two.count("v"), 1);
});

test("a folder with something else in it is data_loss, and is left as it was", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const path = join(folder.path, "data.mdb");
  for (const content of [Buffer.from("not a database"), Buffer.alloc(20_000, 7)]) {
    writeFileSync(path, content);
    await assert.rejects(openLmdbOnlineStore(folder.path), { code: "data_loss" });
    assert.deepEqual(readFileSync(path), content);
  }
});

test("a store that was cut short is data_loss wherever the cut is, and does not end the process", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  await fill(folder.path, 3000);
  const path = join(folder.path, "data.mdb");
  const whole = readFileSync(path);
  for (const part of [0.9, 0.5, 0.1, 0.02]) {
    writeFileSync(path, whole);
    truncateSync(path, Math.floor(whole.length * part));
    await assert.rejects(openLmdbOnlineStore(folder.path), {
      code: "data_loss",
      hint: "Remove the folder and materialize its views again.",
    });
  }
  writeFileSync(path, whole);
  await using store = await openLmdbOnlineStore(folder.path);
  assert.equal(await store.count("v"), 3000);
});

test("a write that meets a damaged row is data_loss and writes nothing", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const options = { path: folder.path, encoding: "binary", keyEncoding: "binary" } as const;
  const raw = open<Uint8Array, Uint8Array>(options);
  await raw.put(Buffer.from("\u0001vkey 2"), Buffer.from("short"));
  await raw.close();
  await using store = await openLmdbOnlineStore(folder.path);
  await assert.rejects(store.write("v", [rowOf(1), rowOf(2)]), { code: "data_loss" });
  assert.deepEqual(await store.read("v", [rowOf(1).key]), [undefined]);
});

test("a path that is a file is an error that says so", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-online-"));
  const path = join(folder.path, "file");
  writeFileSync(path, "");
  await assert.rejects(openLmdbOnlineStore(path), { code: "already_exists" });
});

async function fill(folder: string, count: number): Promise<void> {
  await using store: OnlineStore = await openLmdbOnlineStore(folder);
  await store.write(
    "v",
    Array.from({ length: count }, (_, index) => rowOf(index)),
  );
}

function rowOf(index: number) {
  return {
    key: Buffer.from(`key ${index}`),
    eventUs: 1n,
    createdUs: 0n,
    value: Buffer.alloc(index % 500 === 0 ? 9000 : 200, index),
  };
}
