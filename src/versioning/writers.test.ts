import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gc } from "./gc.ts";
import { status } from "./status.ts";
import { hasCode, openRepoFixture } from "./versioning.fixture.ts";
import { holdCache, holdForCollection } from "./writers.ts";

test("a collection waits for those who write, and they for it", async () => {
  await using fixture = await openRepoFixture();
  const events: string[] = [];
  const first = await holdCache(fixture.repo);
  const second = await holdCache(fixture.repo);
  const collection = holdForCollection(fixture.repo).then((held) => {
    events.push("collects");
    return held;
  });
  const third = holdCache(fixture.repo).then((held) => {
    events.push("writes");
    return held;
  });
  first[Symbol.dispose]();
  assert.deepEqual(events, []);
  second[Symbol.dispose]();
  const held = await collection;
  assert.deepEqual(events, ["collects"]);
  held[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  assert.deepEqual(events, ["collects", "writes"]);
  assert.deepEqual(readdirSync(join(fixture.repo.dvcFolder, "tmp/waybill/writers")), []);
});

test("the mark of a process that is gone holds nobody up", async () => {
  await using fixture = await openRepoFixture();
  const child = spawn(process.execPath, ["-e", "0"]);
  await once(child, "exit");
  const folder = join(fixture.repo.dvcFolder, "tmp/waybill/writers");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "writer-dead"), `${child.pid} ${hostname()}\n`);
  (await holdForCollection(fixture.repo))[Symbol.dispose]();
  assert.deepEqual(readdirSync(folder), []);
});

test("a wait can be interrupted", async () => {
  await using fixture = await openRepoFixture();
  using _writer = await holdCache(fixture.repo);
  const signal = AbortSignal.timeout(60);
  await assert.rejects(holdForCollection(fixture.repo, signal));
  await fixture.write({ f: "1" });
  await assert.rejects(gc(fixture.repo, {}), hasCode("invalid_argument"));
});

test("collections beside adds lose nothing that was added", async () => {
  await using fixture = await openRepoFixture();
  const names = Array.from({ length: 8 }, (_, i) => `f${i}`);
  await fixture.write(Object.fromEntries(names.map((name) => [name, name])));
  await Promise.all(
    names.flatMap((name) => [fixture.add(name), gc(fixture.repo, { workspace: true })]),
  );
  assert.deepEqual(await status(fixture.repo), {});
});
