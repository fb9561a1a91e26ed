import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, WaybillError } from "../foundation/index.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  type Recorder,
} from "../metadata/index.ts";
import { type ObjectStore, openStore } from "../storage/index.ts";
import type { LakeSource } from "./index.ts";
import { type Lake, openLake, type PutFile, type PutOptions } from "./lake.ts";

interface Fixture extends AsyncDisposable {
  readonly folder: string;
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly recorder: Recorder;
  readonly metadata: MetadataStore;
  put(source: LakeSource, options?: PutOptions): Promise<readonly PutFile[]>;
}

async function openFixture(): Promise<Fixture> {
  const folder = await mkdtempDisposable(join(tmpdir(), "lake-"));
  const metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata);
  const store = openStore(join(folder.path, "lake"));
  const lake = openLake({ store, metadata });
  return {
    folder: folder.path,
    store,
    lake,
    recorder,
    metadata,
    put: async (source, options) =>
      (await recorder.step("Ingest", {}, (step) => lake.put(step, source, options))).value,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]();
      await folder.remove();
    },
  };
}

async function textOf(lake: Lake, name: string, version?: bigint): Promise<string> {
  return Buffer.concat(await Array.fromAsync(await lake.open(name, { version }))).toString();
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.list())).map(({ key }) => key);
}

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;

test("a file comes back byte for byte, catalogued with its digest, size, type and source", async () => {
  await using fixture = await openFixture();
  const path = join(fixture.folder, "airports.csv");
  await writeFile(path, "iata,city\nATL,Atlanta\n");
  const [file] = await fixture.put(path, { tags: ["raw"], description: "where planes land" });
  assert.equal(file?.isReused, false);
  assert.equal(await textOf(fixture.lake, "airports.csv"), "iata,city\nATL,Atlanta\n");
  const described = await fixture.lake.describe("airports.csv");
  assert.equal(described.sha256, digestOf("sha256", "iata,city\nATL,Atlanta\n"));
  assert.equal(described.sizeBytes, 22);
  assert.equal(described.mediaType, "text/csv");
  assert.equal(described.version, 1n);
  assert.deepEqual(described.tags, ["raw"]);
  assert.equal(described.description, "where planes land");
  assert.equal(described.originalName, "airports.csv");
  assert.match(described.source ?? "", /^file:\/\/.*\/airports\.csv$/u);
  assert.match(described.uri, /^file:\/\/.*\/lake\/objects\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64}$/u);
  assert.equal(described.artifact.type, "RawFile");
  assert.equal(file?.artifact.id, described.artifact.id);
});

test("putting equal bytes again stores and records nothing new, and says so", async () => {
  await using fixture = await openFixture();
  const path = join(fixture.folder, "a.bin");
  await writeFile(path, "same");
  const [first] = await fixture.put(path);
  const before = await keysOf(fixture.store);
  const [second] = await fixture.put(path);
  const [third] = await fixture.put(Buffer.from("same"), { name: "a.bin" });
  for (const again of [second, third]) {
    assert.equal(again?.isReused, true);
    assert.equal(again?.version, 1n);
    assert.equal(again?.artifact.id, first?.artifact.id);
  }
  assert.deepEqual(await keysOf(fixture.store), before);
  await fixture.put(path, { name: "b.bin" });
  assert.deepEqual(await keysOf(fixture.store), before);
});

test("other bytes under a name are its next version, and the old one stays", async () => {
  await using fixture = await openFixture();
  await fixture.put(Buffer.from("one"), { name: "n" });
  await fixture.put(Buffer.from("two"), { name: "n" });
  await fixture.put(Buffer.from("two"), { name: "n", tags: ["checked"] });
  assert.equal(await textOf(fixture.lake, "n"), "two");
  assert.equal(await textOf(fixture.lake, "n", 1n), "one");
  const versions = await fixture.lake.versions("n");
  assert.deepEqual(
    versions.map(({ version }) => version),
    [3n, 2n, 1n],
  );
  assert.deepEqual(
    versions.map(({ tags }) => tags),
    [["checked"], [], []],
  );
  await assert.rejects(textOf(fixture.lake, "n", 4n), code("not_found"));
});

test("a folder is put file by file, and listed by prefix", async () => {
  await using fixture = await openFixture();
  const folder = join(fixture.folder, "batch");
  await mkdir(join(folder, "deep", "er"), { recursive: true });
  await writeFile(join(folder, "a.txt"), "a");
  await writeFile(join(folder, "deep", "er", "ü b.txt"), "b");
  await symlink("a.txt", join(folder, "link"));
  await symlink(".", join(folder, "loop"));
  const files = await fixture.put(folder, { name: "raw/batch" });
  const names = ["raw/batch/a.txt", "raw/batch/deep/er/ü b.txt", "raw/batch/link"];
  assert.deepEqual(
    files.map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    (await fixture.lake.list("raw/")).map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    (await fixture.lake.list("raw/batch/d")).map(({ name }) => name),
    [names[1]],
  );
  assert.deepEqual(await fixture.lake.list("other"), []);
  assert.equal(
    (await fixture.put(folder, { name: "raw/batch" })).every((file) => file.isReused),
    true,
  );
});

test("a stream is put in constant memory, and one that breaks leaves nothing", async () => {
  await using fixture = await openFixture();
  async function* broken() {
    yield Buffer.from("half");
    throw new WaybillError("unavailable", "The line went dead.");
  }
  await assert.rejects(fixture.put(broken(), { name: "s" }), code("unavailable"));
  assert.deepEqual(await keysOf(fixture.store), []);
  assert.deepEqual(await fixture.lake.list(), []);
  const chunk = Buffer.alloc(1 << 20, 7);
  async function* long() {
    for (let i = 0; i < 40; i++) yield chunk;
  }
  const [file] = await fixture.put(long(), { name: "s", source: "https://example.com/s" });
  assert.equal(file?.sizeBytes, 40 << 20);
  assert.equal((await fixture.lake.describe("s")).source, "https://example.com/s");
});

test("names that do not stay in the lake are refused, and nothing is stored", async () => {
  await using fixture = await openFixture();
  const names = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "",
    "a//b",
    "a\0b",
    "a\\b",
    "..",
    "x".repeat(201),
    "a\nb",
  ];
  for (const name of names) {
    await assert.rejects(fixture.put(Buffer.from("x"), { name }), code("invalid_argument"), name);
    await assert.rejects(fixture.lake.open(name), code("invalid_argument"), name);
    await assert.rejects(fixture.lake.describe(name), code("invalid_argument"), name);
    await assert.rejects(fixture.lake.localPath(name), code("invalid_argument"), name);
  }
  assert.deepEqual(await keysOf(fixture.store), []);
});

test("sources that cannot be read are told apart", async () => {
  await using fixture = await openFixture();
  await assert.rejects(fixture.put(join(fixture.folder, "nothing")), code("not_found"));
  const folder = join(fixture.folder, "f");
  await mkdir(folder);
  await symlink("/etc/passwd", join(folder, "out"));
  await assert.rejects(fixture.put(folder), code("permission_denied"));
  await assert.rejects(fixture.put(Buffer.from("x")), code("invalid_argument"));
  if (process.getuid?.() !== 0) {
    await writeFile(join(fixture.folder, "secret"), "x");
    await chmod(join(fixture.folder, "secret"), 0);
    await assert.rejects(fixture.put(join(fixture.folder, "secret")), code("permission_denied"));
  }
  assert.deepEqual(await keysOf(fixture.store), []);
});

test("an object that was cut short or changed is never served as whole", async () => {
  await using fixture = await openFixture();
  await fixture.put(Buffer.from("abcdef"), { name: "n" });
  const path = (await fixture.lake.localPath("n")) ?? "";
  await writeFile(path, "abcdeX");
  await assert.rejects(textOf(fixture.lake, "n"), code("data_loss"));
  await truncate(path, 3);
  await assert.rejects(fixture.lake.open("n"), code("data_loss"));
  await assert.rejects(fixture.lake.localPath("n"), code("data_loss"));
  await fixture.put(Buffer.from("abcdef"), { name: "n" });
  assert.equal(await textOf(fixture.lake, "n"), "abcdef");
});

test("two who put one name at once: one head, the other is told", async () => {
  await using fixture = await openFixture();
  await fixture.put(Buffer.from("base"), { name: "n" });
  const results = await Promise.allSettled(
    ["left", "right"].map((text) => fixture.put(Buffer.from(text), { name: "n" })),
  );
  const failed = results.filter((result) => result.status === "rejected");
  assert.equal(failed.length, 1);
  assert.ok(["aborted", "already_exists"].includes(failed[0]?.reason.code));
  assert.equal((await fixture.lake.describe("n")).version, 2n);
});

test("what a killed put left behind is swept by the first put a day later", async () => {
  await using fixture = await openFixture();
  await fixture.store.put("incoming/left", Buffer.from("half"));
  await fixture.put(Buffer.from("x"), { name: "n" });
  assert.ok((await keysOf(fixture.store)).includes("incoming/left"));
  const clock = { nowMs: () => Date.now() + 25 * 3600 * 1000 };
  const { store, metadata, recorder } = fixture;
  const tomorrow = openLake({ store, metadata, clock });
  await recorder.step("Ingest", {}, (step) => tomorrow.put(step, Buffer.from("y"), { name: "n" }));
  assert.ok(!(await keysOf(fixture.store)).includes("incoming/left"));
});
