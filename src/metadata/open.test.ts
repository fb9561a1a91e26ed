import assert from "node:assert/strict";
import { copyFile, mkdtempDisposable, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSqlite } from "../database/index.ts";
import { createRecorder, openMetadataStore } from "./index.ts";

const folderPrefix = join(tmpdir(), "waybill-open-");

test("a store is opened by path, by sqlite: and by file: URI, and keeps what was put", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = join(folder.path, "m.db");
  {
    await using store = await openMetadataStore(file);
    await store.putArtifactType({ artifactType: { name: "Data" } });
  }
  for (const uri of [file, `sqlite:${file}`, `sqlite://${file}`, `file:${file}`]) {
    await using store = await openMetadataStore(uri, { mode: "READONLY" });
    const { artifactTypes } = await store.getArtifactTypes({});
    assert.equal(artifactTypes.length, 1, uri);
  }
});

test("stores in memory are each their own", async () => {
  await using one = await openMetadataStore("memory:");
  await using two = await openMetadataStore("memory:");
  await one.putArtifactType({ artifactType: { name: "Data" } });
  assert.deepEqual((await two.getArtifactTypes({})).artifactTypes, []);
});

test("a scheme that is not known is refused with those that are", async () => {
  await assert.rejects(openMetadataStore("oracle://x"), {
    code: "invalid_argument",
    message: /"oracle:"/,
    hint: /sqlite:FILE/,
  });
});

test("a store that a newer program wrote is refused and left untouched", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = await storeOfVersion(folder.path, 11n);
  const before = await readFile(file);
  await assert.rejects(openMetadataStore(file), {
    code: "failed_precondition",
    message: `Database "${file}" has schema version 11, this Waybill needs 10.`,
  });
  assert.deepEqual(await readFile(file), before);
});

test("a store with a part of the tables is aborted, as another program may be making them", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = join(folder.path, "m.db");
  {
    await using database = await openSqlite(file);
    await database.write((tx) => tx.run("CREATE TABLE Artifact (id INTEGER PRIMARY KEY)"));
  }
  await assert.rejects(openMetadataStore(file), { code: "aborted", message: /missing: Type, / });
});

test("an empty file becomes a store, unless it is opened for reading", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = join(folder.path, "m.db");
  await writeFile(file, "");
  await assert.rejects(openMetadataStore(file, { mode: "READONLY" }), {
    code: "failed_precondition",
  });
  assert.equal((await stat(file)).size, 0);
  await using store = await openMetadataStore(file, { mode: "READWRITE" });
  assert.equal((await store.putArtifactType({ artifactType: { name: "Data" } })).typeId, 10n);
});

test("what is no store, or is cut off, is data_loss and left untouched", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const whole = join(folder.path, "whole.db");
  {
    await using _store = await openMetadataStore(whole);
  }
  const bytes = await readFile(whole);
  for (const [name, content] of [
    ["text.db", Buffer.from("these are notes, not a database\n".repeat(9))],
    ["cut.db", bytes.subarray(0, bytes.length / 2)],
    ["header.db", bytes.subarray(0, 60)],
  ] as const) {
    const file = join(folder.path, name);
    await writeFile(file, content);
    await assert.rejects(
      openMetadataStore(file),
      { code: "data_loss", message: new RegExp(name) },
      name,
    );
    assert.deepEqual(await readFile(file), content, name);
  }
});

test("several processes' worth of stores may open one new file at once", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = join(folder.path, "m.db");
  const stores = await Promise.all(Array.from({ length: 4 }, () => openMetadataStore(file)));
  for (const store of stores) {
    await store.putArtifactType({ artifactType: { name: "Data" } });
    await store[Symbol.asyncDispose]();
  }
  await using store = await openMetadataStore(file);
  const { artifactTypes } = await store.getArtifactTypes({});
  assert.deepEqual(
    artifactTypes.map((type) => type.id),
    [10n],
  );
});

test("tables of our own appear with the first step, and the rest of the store stays as it was", async () => {
  await using folder = await mkdtempDisposable(folderPrefix);
  const file = join(folder.path, "m.db");
  await using store = await openMetadataStore(file);
  const tables = () =>
    store.snapshot((_, rows) =>
      rows.all("SELECT name FROM sqlite_master WHERE name LIKE 'waybill_%'"),
    );
  assert.equal(await createRecorder(store).ref("x"), undefined);
  assert.equal((await tables()).length, 0);
  await createRecorder(store).step("Ingest", {}, async () => {});
  assert.deepEqual(
    (await tables()).map((row) => row["name"]),
    ["waybill_ref", "waybill_lease"],
  );
});

async function storeOfVersion(folder: string, version: bigint): Promise<string> {
  const file = join(folder, "m.db");
  {
    await using _store = await openMetadataStore(file);
  }
  {
    await using database = await openSqlite(file);
    await database.write((tx) => tx.run("UPDATE MLMDEnv SET schema_version = ?", [version]));
  }
  const copy = join(folder, "copy.db");
  await copyFile(file, copy);
  return copy;
}
