import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import type { ObjectStore } from "./port.ts";

/**
 * What every object store must do. A driver's test calls this with a way to open an empty store.
 * @param name the driver's name, for the titles
 * @param open makes an empty store and says how to dispose of it
 */
export function storageConformance(
  name: string,
  open: () => Promise<{ store: ObjectStore } & AsyncDisposable>,
): void {
  test(`${name}: bytes come back as they were put, from bytes and from a stream`, async () => {
    await using opened = await open();
    const { store } = opened;
    const info = await store.put("a/b.bin", bytes("hello"));
    assert.equal(info.sizeBytes, 5);
    assert.equal(info.key, "a/b.bin");
    await store.put("a/streamed", stream("he", "", "llo"));
    assert.equal(await textOf(store, "a/b.bin"), "hello");
    assert.equal(await textOf(store, "a/streamed"), "hello");
    await store.put("empty", bytes(""));
    assert.equal((await store.stat("empty"))?.sizeBytes, 0);
    assert.equal(await textOf(store, "empty"), "");
  });

  test(`${name}: a range is exactly the bytes asked for`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("k", bytes("0123456789"));
    for (const [start, length, want] of [
      [0, 3, "012"],
      [7, 100, "789"],
      [10, 5, ""],
      [4, 0, ""],
    ] as const) {
      assert.equal(await textOf(store, "k", { start, length }), want);
    }
    assert.equal(await textOf(store, "k", { start: 8 }), "89");
  });

  test(`${name}: putting again replaces, putting with ifAbsent is refused`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("k", bytes("one"));
    await store.put("k", bytes("two"));
    await assert.rejects(
      store.put("k", bytes("three"), { ifAbsent: true }),
      code("already_exists"),
    );
    assert.equal(await textOf(store, "k"), "two");
    await store.put("new", bytes("x"), { ifAbsent: true });
  });

  test(`${name}: a stream that fails or is cancelled leaves the old object`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("k", bytes("old"));
    async function* failing() {
      yield bytes("new");
      throw new WaybillError("unavailable", "The source went away.");
    }
    await assert.rejects(store.put("k", failing()), code("unavailable"));
    await assert.rejects(store.put("fresh", failing()), code("unavailable"));
    const cancelled = store.put("k", stream("x"), { signal: AbortSignal.abort() });
    await assert.rejects(cancelled);
    assert.equal(await textOf(store, "k"), "old");
    assert.equal(await store.stat("fresh"), undefined);
    assert.deepEqual(await keysOf(store), ["k"]);
  });

  test(`${name}: what is not there is not_found, or undefined for stat`, async () => {
    await using opened = await open();
    const { store } = opened;
    assert.equal(await store.stat("nothing"), undefined);
    assert.deepEqual(await keysOf(store), []);
    await assert.rejects(textOf(store, "nothing"), code("not_found"));
    await assert.rejects(store.move("nothing", "k"), code("not_found"));
    await store.delete("nothing");
    await store.put("file", bytes("x"));
    assert.equal(await store.stat("file/below"), undefined);
  });

  test(`${name}: keys are listed in the byte order of their UTF-8, by prefix`, async () => {
    await using opened = await open();
    const { store } = opened;
    const keys = ["a/b", "a.txt", "a-b/c", "a/b2", "z", "é", "日", "\u{e000}", "😀", "a0"];
    for (const key of keys) await store.put(key, bytes(key));
    const want = ["a-b/c", "a.txt", "a/b", "a/b2", "a0", "z", "é", "日", "\u{e000}", "😀"];
    assert.deepEqual(await keysOf(store), want);
    assert.deepEqual(await keysOf(store, "a/"), ["a/b", "a/b2"]);
    assert.deepEqual(await keysOf(store, "a/b2"), ["a/b2"]);
    assert.deepEqual(await keysOf(store, "a"), ["a-b/c", "a.txt", "a/b", "a/b2", "a0"]);
    assert.deepEqual(await keysOf(store, "nothing/"), []);
  });

  test(`${name}: move renames and replaces, delete removes`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("incoming/1", bytes("bytes"));
    await store.put("objects/x", bytes("before"));
    await store.move("incoming/1", "objects/x");
    assert.equal(await textOf(store, "objects/x"), "bytes");
    await store.move("objects/x", "objects/deep/er/y");
    assert.deepEqual(await keysOf(store), ["objects/deep/er/y"]);
    await store.delete("objects/deep/er/y");
    assert.deepEqual(await keysOf(store), []);
  });

  const badKeys = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "a\0b",
    "a\\..\\b",
    "\ud800",
    "x".repeat(256),
    ".a.0123.tmp",
    "a/.b.tmp/c",
  ];
  test(`${name}: keys that leave the store or cannot be stored are invalid_argument`, async () => {
    await using opened = await open();
    const { store } = opened;
    await store.put("good", bytes("x"));
    for (const key of badKeys) {
      const invalid = code("invalid_argument");
      await assert.rejects(store.put(key, bytes("x")), invalid, key);
      await assert.rejects(textOf(store, key), invalid, key);
      await assert.rejects(store.stat(key), invalid, key);
      await assert.rejects(store.delete(key), invalid, key);
      await assert.rejects(store.move("good", key), invalid, key);
      await assert.rejects(store.move(key, "good"), invalid, key);
      assert.throws(() => store.localPath(key), invalid, key);
    }
    assert.deepEqual(await keysOf(store), ["good"]);
  });

  test(`${name}: of many writers with ifAbsent exactly one wins`, async () => {
    await using opened = await open();
    const { store } = opened;
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => store.put("k", stream(`${i}`), { ifAbsent: true })),
    );
    const winner = results.findIndex((result) => result.status === "fulfilled");
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
    assert.equal(await textOf(store, "k"), `${winner}`);
    assert.deepEqual(await keysOf(store), ["k"]);
  });

  test(`${name}: many writers of one key leave one whole object`, async () => {
    await using opened = await open();
    const { store } = opened;
    const writers = Array.from({ length: 8 }, (_, i) =>
      store.put("k", stream(`${i}`.repeat(5000))),
    );
    await Promise.all(writers);
    assert.match(await textOf(store, "k"), /^(\d)\1{4999}$/u);
    assert.deepEqual(await keysOf(store), ["k"]);
  });
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

async function* stream(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield bytes(chunk);
}

async function textOf(
  store: ObjectStore,
  key: string,
  range: { readonly start?: number; readonly length?: number } = {},
): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.get(key, range)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function keysOf(store: ObjectStore, prefix?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

function code(wanted: string): (error: unknown) => boolean {
  return (error) => error instanceof WaybillError && error.code === wanted;
}
