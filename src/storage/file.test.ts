import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { WaybillError } from "../foundation/index.ts";
import { openFileStore } from "./file.ts";
import { openStore } from "./open.ts";
import { storageConformance } from "./storage.conformance.ts";

const temporaryFolder = () => mkdtempDisposable(join(tmpdir(), "storage-"));

storageConformance("file", async () => {
  const folder = await temporaryFolder();
  return {
    store: openFileStore(join(folder.path, "store")),
    [Symbol.asyncDispose]: () => folder.remove(),
  };
});

const denied = (error: unknown) =>
  error instanceof WaybillError && error.code === "permission_denied";

test("file: a symbolic link that leads out of the store is refused and not listed", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "data");
  const outside = join(folder.path, "data-evil");
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, "canary"), "secret");
  await symlink(outside, join(root, "out"));
  await symlink(join(outside, "canary"), join(root, "file"));
  await symlink(join(root, "loop"), join(root, "loop"));
  const store = openFileStore(root);
  for (const key of ["out/canary", "out/new", "file", "out/deep/er"]) {
    await assert.rejects(store.stat(key), denied, key);
    await assert.rejects(store.put(key, Buffer.from("x")), denied, key);
    await assert.rejects(Array.fromAsync(store.get(key)), denied, key);
    await assert.rejects(store.delete(key), denied, key);
  }
  await assert.rejects(store.stat("loop"), WaybillError);
  assert.deepEqual(await Array.fromAsync(store.list()), []);
  assert.equal(await readFile(join(outside, "canary"), "utf8"), "secret");
  assert.deepEqual(await readdir(outside), ["canary"]);
});

test("file: a link that stays inside is followed, and the root itself may be a link", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "real"));
  await symlink(join(folder.path, "real"), join(folder.path, "root"));
  const store = openFileStore(join(folder.path, "root"));
  await store.put("a/x", Buffer.from("x"));
  await symlink("a", join(folder.path, "real", "b"));
  assert.equal((await store.stat("b/x"))?.sizeBytes, 1);
});

test("file: old leftovers of killed writers are swept while listing, young ones stay", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "a"));
  const leftover = ".k.0123456789ab.tmp";
  await writeFile(join(folder.path, "a", leftover), "half");
  const names = () => readdir(join(folder.path, "a"));
  await Array.fromAsync(openFileStore(folder.path).list());
  assert.deepEqual(await names(), [leftover]);
  const inTwoDays = { nowMs: () => Date.now() + 48 * 3600 * 1000 };
  const listed = await Array.fromAsync(openFileStore(folder.path, { clock: inTwoDays }).list());
  assert.deepEqual(listed, []);
  assert.deepEqual(await names(), []);
});

test("file: localPath is where an engine finds the bytes", async () => {
  await using folder = await temporaryFolder();
  const store = openFileStore(folder.path);
  await store.put("a/ü#?.csv", Buffer.from("x"));
  assert.equal(await readFile(store.localPath("a/ü#?.csv") ?? "", "utf8"), "x");
});

test("openStore knows folders, file URLs and memory, and refuses the rest", async () => {
  await using folder = await temporaryFolder();
  const url = pathToFileURL(join(folder.path, "ü x")).href;
  assert.equal(openStore(url).url, url);
  assert.equal(openStore(join(folder.path, "ü x")).url, url);
  assert.equal(openStore("memory:").url, "memory:");
  for (const bad of ["", "gopher://x", "file://host/x", "a\0b"]) {
    assert.throws(() => openStore(bad), WaybillError, bad);
  }
});
