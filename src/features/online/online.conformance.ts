import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ONLINE_KEY_BYTES_MAX, type OnlineRow, type OnlineStore } from "./port.ts";

/** What every driver of the OnlineStore port holds to. `open` gives a store of its own each time. */
export function onlineStoreConformance(name: string, open: () => Promise<OnlineStore>): void {
  test(`${name}: a row is read as it was written`, async () => {
    await using store = await open();
    const written = await store.write("p/v", [row("a", 5n, 7n, "hello")]);
    assert.deepEqual(written, { written: 1, superseded: 0, unchanged: 0 });
    const [read] = await store.read("p/v", [bytes("a")]);
    assert.deepEqual(shown(read), { eventUs: 5n, createdUs: 7n, value: "hello" });
  });

  test(`${name}: rows come in the order of the keys, undefined where there is none`, async () => {
    await using store = await open();
    await store.write("v", [row("a", 1n, 0n, "1"), row("b", 1n, 0n, "2")]);
    const read = await store.read("v", ["b", "x", "a", "b"].map(bytes));
    assert.deepEqual(
      read.map((found) => shown(found)?.value),
      ["2", undefined, "1", "2"],
    );
  });

  test(`${name}: a collection that was never written is empty`, async () => {
    await using store = await open();
    assert.deepEqual(await store.read("none", [bytes("a")]), [undefined]);
    assert.equal(await store.count("none"), 0);
    assert.equal(await store.delete("none", [bytes("a")]), 0);
    assert.equal(await store.deleteOlderThan("none", 1n), 0);
    for await (const rows of store.scan("none")) assert.equal(rows.length, 0);
  });

  test(`${name}: an older event never takes the place of a newer one`, async () => {
    await using store = await open();
    await store.write("v", [row("a", 10n, 0n, "new")]);
    assert.deepEqual(await store.write("v", [row("a", 9n, 99n, "old")]), {
      written: 0,
      superseded: 1,
      unchanged: 0,
    });
    assert.equal(shown((await store.read("v", [bytes("a")]))[0])?.value, "new");
  });

  test(`${name}: of one event time the row created last stays, then the one written last`, async () => {
    await using store = await open();
    await store.write("v", [row("a", 1n, 5n, "first"), row("a", 1n, 4n, "earlier")]);
    assert.equal(shown((await store.read("v", [bytes("a")]))[0])?.value, "first");
    await store.write("v", [row("a", 1n, 5n, "again")]);
    assert.equal(shown((await store.read("v", [bytes("a")]))[0])?.value, "again");
  });

  test(`${name}: writing the same again is counted as unchanged`, async () => {
    await using store = await open();
    const rows = [row("a", 1n, 0n, "x"), row("b", 1n, 0n, "y")];
    await store.write("v", rows);
    const again = await store.write("v", [...rows, row("c", 1n, 0n, "z")]);
    assert.deepEqual(again, { written: 1, superseded: 0, unchanged: 2 });
  });

  test(`${name}: collections do not see each other, even when names and keys run together`, async () => {
    await using store = await open();
    await store.write("v", [row("1a", 1n, 0n, "v")]);
    await store.write("v1", [row("a", 1n, 0n, "v1")]);
    assert.equal(await store.count("v"), 1);
    assert.equal(await store.count("v1"), 1);
    assert.equal(shown((await store.read("v1", [bytes("a")]))[0])?.value, "v1");
    assert.deepEqual(await store.read("v", [bytes("a")]), [undefined]);
  });

  test(`${name}: deleting counts what was there`, async () => {
    await using store = await open();
    await store.write("v", [row("a", 1n, 0n, "1"), row("b", 2n, 0n, "2")]);
    assert.equal(await store.delete("v", ["a", "a", "x"].map(bytes)), 1);
    assert.deepEqual(await keysOf(store, "v"), ["b"]);
  });

  test(`${name}: rows older than a time are removed, those of the time stay`, async () => {
    await using store = await open();
    const rows = [1n, 2n, 3n].map((time) => row(`k${time}`, time, 0n, "x"));
    await store.write("v", rows);
    await store.write("w", rows);
    assert.equal(await store.deleteOlderThan("v", 3n), 2);
    assert.deepEqual(await keysOf(store, "v"), ["k3"]);
    assert.equal(await store.count("w"), 3);
  });

  test(`${name}: a scan gives every row once, by the bytes of its key`, async () => {
    await using store = await open();
    const keys = Array.from({ length: 2500 }, (_, index) => `k${index}`);
    await store.write(
      "v",
      keys.map((key) => row(key, 1n, 0n, key)),
    );
    assert.deepEqual(await keysOf(store, "v"), [...keys].sort());
    assert.equal(await store.count("v"), 2500);
  });

  test(`${name}: a key that is too long is invalid_argument and nothing is written`, async () => {
    await using store = await open();
    const long = "k".repeat(ONLINE_KEY_BYTES_MAX + 1);
    await assert.rejects(store.write("v", [row("a", 1n, 0n, "1"), row(long, 1n, 0n, "2")]), {
      code: "invalid_argument",
    });
    assert.equal(await store.count("v"), 0);
  });

  test(`${name}: what was read stays as it was when the row is written again`, async () => {
    await using store = await open();
    await store.write("v", [row("a", 1n, 0n, "before")]);
    const [read] = await store.read("v", [bytes("a")]);
    await store.write("v", [row("a", 2n, 0n, "after!")]);
    await store.read("v", [bytes("a")]);
    assert.equal(shown(read)?.value, "before");
  });

  test(`${name}: rows may be written in any order, in any batches, any number of times`, async () => {
    // One (event, created) gives one value, as rows of one source do.
    const times = fc.tuple(
      fc.constantFrom("a", "b", "c"),
      fc.integer({ min: -3, max: 3 }),
      fc.nat(2),
    );
    const writes = fc.array(fc.array(times, { maxLength: 5 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(writes, async (batches) => {
        await using store = await open();
        const best = new Map<string, [number, number]>();
        for (const batch of [...batches, ...batches.toReversed()]) {
          await store.write(
            "v",
            batch.map(([key, e, c]) => row(key, BigInt(e), BigInt(c), `${e}/${c}`)),
          );
          for (const [key, e, c] of batch) {
            const [x, y] = best.get(key) ?? [-9, -9];
            if (e > x || (e === x && c >= y)) best.set(key, [e, c]);
          }
        }
        for (const [key, [e, c]] of best) {
          const [found] = await store.read("v", [bytes(key)]);
          assert.equal(shown(found)?.value, `${e}/${c}`);
        }
      }),
      { numRuns: 15 },
    );
  });
}

function row(key: string, eventUs: bigint, createdUs: bigint, value: string): OnlineRow {
  return { key: bytes(key), eventUs, createdUs, value: bytes(value) };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

function shown(found: Awaited<ReturnType<OnlineStore["read"]>>[number]) {
  if (found === undefined) return undefined;
  const { eventUs, createdUs, value } = found;
  return { eventUs, createdUs, value: Buffer.from(value).toString("utf8") };
}

async function keysOf(store: OnlineStore, collection: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const rows of store.scan(collection)) {
    keys.push(...rows.map(({ key }) => Buffer.from(key).toString("utf8")));
  }
  return keys;
}
