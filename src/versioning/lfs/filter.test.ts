import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, WaybillError } from "../../foundation/index.ts";
import { clean, filterProcess, type LfsRepository, printPointer, push, smudge } from "./index.ts";
import { makeRepository, startServer, type TestRepository } from "./lfs.fixture.ts";

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;

/** Runs work whose input and output are files, as git's pipes are. */
async function through(
  { lfs, path }: TestRepository,
  input: Uint8Array,
  work: (lfs: LfsRepository, input: number, output: number) => unknown,
): Promise<Buffer> {
  const [from, to] = [join(path, ".git", "from"), join(path, ".git", "to")];
  writeFileSync(from, input);
  const files = [openSync(from, "r"), openSync(to, "w")] as const;
  try {
    await work(lfs, ...files);
  } finally {
    for (const file of files) closeSync(file);
  }
  return readFileSync(to);
}

const pointerOf = (content: Uint8Array) =>
  printPointer({ oid: digestOf("sha256", content), size: content.length, extensions: [] });

for (const size of [1, 1023, 1024, 1 << 20, (1 << 20) + 1, 3_000_000]) {
  test(`${size} bytes are cleaned into their pointer, and smudged back`, async () => {
    using repository = await makeRepository();
    const content = randomBytes(size);
    const cleaned = await through(repository, content, clean);
    assert.equal(cleaned.toString(), pointerOf(content));
    assert.deepEqual(await through(repository, cleaned, smudge), content);
    assert.deepEqual(readdirSync(join(repository.lfs.storage, "tmp")), []);
  });
}

test("what is a pointer, and what is empty, passes through clean as it is", async () => {
  using repository = await makeRepository();
  const odd = `${pointerOf(Buffer.from("x")).replaceAll("\n", "\r\n")} `;
  for (const content of ["", odd]) {
    const cleaned = await through(repository, Buffer.from(content), clean);
    assert.equal(cleaned.toString(), content);
  }
  assert.equal(existsSync(join(repository.lfs.storage, "objects")), false);
});

test("what is no pointer passes through smudge, and a skipped pointer comes out canonical", async () => {
  using repository = await makeRepository();
  const content = randomBytes(2_000_000);
  assert.deepEqual(await through(repository, content, smudge), content);
  const pointer = pointerOf(content);
  const skipped = await through(repository, Buffer.from(`${pointer}\n\n`), (lfs, from, to) =>
    smudge(lfs, from, to, { skip: true }),
  );
  assert.equal(skipped.toString(), pointer);
});

test("a pointer whose object is nowhere fails to be smudged", async () => {
  using repository = await makeRepository();
  using other = await makeRepository();
  await repository.git("remote", "add", "origin", other.path);
  const pointer = Buffer.from(pointerOf(Buffer.from("nowhere")));
  await assert.rejects(through(repository, pointer, smudge), code("not_found"));
});

test("an object of the wrong size is not smudged as if it were right", async () => {
  using repository = await makeRepository();
  using other = await makeRepository();
  await repository.git("remote", "add", "origin", other.path);
  const content = Buffer.from("some content");
  const pointer = await through(repository, content, clean);
  const oid = digestOf("sha256", content);
  const path = join(repository.lfs.storage, "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
  writeFileSync(path, "some");
  await assert.rejects(through(repository, pointer, smudge), code("not_found"));
});

test("extensions are refused, not ignored", async () => {
  using repository = await makeRepository(
    "lfs.extension.x.clean=cat",
    "lfs.extension.x.smudge=cat",
  );
  await assert.rejects(through(repository, Buffer.from("x"), clean), code("unimplemented"));
});

const packet = (bytes: string | Uint8Array) => {
  const length = (Buffer.byteLength(bytes) + 4).toString(16).padStart(4, "0");
  return Buffer.concat([Buffer.from(length), Buffer.from(bytes)]);
};
const flush = Buffer.from("0000");
const list = (...lines: string[]) => [...lines.map((line) => packet(`${line}\n`)), flush];
const hello = (...capabilities: string[]) => [
  ...list("git-filter-client", "version=2"),
  ...list(...capabilities.map((name) => `capability=${name}`)),
];
const file = (command: string, path: string, content: Uint8Array, ...more: string[]) => [
  ...list(`command=${command}`, `pathname=${path}`, ...more),
  ...(content.length === 0 ? [] : [packet(content)]),
  flush,
];

/** The packets of an answer, flushes as undefined. */
function packetsIn(bytes: Buffer): (Buffer | undefined)[] {
  const packets: (Buffer | undefined)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 4), 16);
    packets.push(length === 0 ? undefined : bytes.subarray(at + 4, at + length));
    at += Math.max(length, 4);
  }
  return packets;
}
const texts = (bytes: Buffer) => packetsIn(bytes).map((each) => each?.toString() ?? "--");
const greeting = ["git-filter-server\n", "version=2\n", "--"];
const serveFilter = (lfs: LfsRepository, input: number, output: number) =>
  filterProcess(lfs, { input, output });

test("the filter process greets with what git offers, and ends with git's stream", async () => {
  using repository = await makeRepository();
  const input = Buffer.concat(hello("clean", "smudge", "frobnicate"));
  const output = await through(repository, input, serveFilter);
  assert.deepEqual(texts(output), [...greeting, "capability=clean\n", "capability=smudge\n", "--"]);
});

test("the filter process cleans and smudges many files", async () => {
  using repository = await makeRepository();
  const content = randomBytes(500);
  const pointer = pointerOf(content);
  const input = Buffer.concat([
    ...hello("clean", "smudge"),
    ...file("clean", "a=b ü.bin", content),
    ...file("smudge", "a=b ü.bin", Buffer.from(pointer)),
    ...file("smudge", "raw.bin", Buffer.from("raw")),
    ...file("clean", "empty.bin", Buffer.alloc(0)),
  ]);
  const output = packetsIn(await through(repository, input, serveFilter)).slice(6);
  const success = Buffer.from("status=success\n");
  const answer = (body?: Buffer) => [
    success,
    undefined,
    ...(body ? [body] : []),
    undefined,
    undefined,
  ];
  assert.deepEqual(output, [
    ...answer(Buffer.from(pointer)),
    ...answer(content),
    ...answer(Buffer.from("raw")),
    ...answer(),
  ]);
});

test("files whose objects are elsewhere are put off and downloaded together", async () => {
  await using server = await startServer();
  const url = `lfs.url=${server.url}/lfs/team/data`;
  using source = await makeRepository(url);
  using repository = await makeRepository(url);
  const contents = Array.from({ length: 5 }, () => randomBytes(2000));
  for (const [index, content] of contents.entries()) {
    source.write(`${index}.bin`, await through(source, content, clean));
  }
  await source.git("add", ".");
  await source.git("commit", "-qm", "1");
  assert.deepEqual((await push(source.lfs)).failed, []);
  const smudges = contents.map((content, index) =>
    file("smudge", `${index}.bin`, Buffer.from(pointerOf(content)), "can-delay=1"),
  );
  const lost = pointerOf(Buffer.from("lost"));
  const input = Buffer.concat([
    ...hello("clean", "smudge", "delay"),
    ...smudges.flat(),
    ...file("smudge", "lost.bin", Buffer.from(lost), "can-delay=1"),
    ...list("command=list_available_blobs"),
    ...contents.flatMap((_, index) => file("smudge", `${index}.bin`, Buffer.alloc(0))),
    ...file("smudge", "lost.bin", Buffer.alloc(0)),
    ...list("command=list_available_blobs"),
  ]);
  const output = texts(await through(repository, input, serveFilter)).slice(7);
  const delayed = ["status=delayed\n", "--"];
  const paths = [...contents.keys()].map((index) => `pathname=${index}.bin\n`);
  const start = [
    ...Array.from({ length: 6 }, () => delayed).flat(),
    ...paths,
    "pathname=lost.bin\n",
    "--",
    "status=success\n",
    "--",
  ];
  assert.deepEqual(output.slice(0, start.length), start);
  const rest = output.slice(start.length);
  const success = contents.flatMap((content) => [
    "status=success\n",
    "--",
    content.toString(),
    "--",
    "--",
  ]);
  assert.deepEqual(rest, [...success, "status=error\n", "--", "--", "status=success\n", "--"]);
});

const broken: readonly (readonly [string, Uint8Array, string])[] = [
  ["nothing", Buffer.alloc(0), "invalid_argument"],
  ["another program", Buffer.concat(list("hello")), "invalid_argument"],
  ["a length that is none", Buffer.from("zzzz"), "data_loss"],
  ["a length of 3", Buffer.from("0003"), "data_loss"],
  ["a packet that is too long", Buffer.from("fff1"), "data_loss"],
  ["a cut header", Buffer.from("00"), "data_loss"],
  ["a cut packet", Buffer.from("0010abc"), "data_loss"],
  ["a cut list", Buffer.concat(hello("clean").slice(0, -1)), "data_loss"],
  [
    "a cut file",
    Buffer.concat([...hello("clean"), ...file("clean", "x", Buffer.from("x")).slice(0, -1)]),
    "data_loss",
  ],
  ["an unknown command", Buffer.concat([...hello(), ...list("command=x")]), "invalid_argument"],
];
for (const [name, input, wanted] of broken) {
  test(`git's stream with ${name} is ${wanted} and leaves no file`, async () => {
    using repository = await makeRepository();
    await assert.rejects(through(repository, input, serveFilter), code(wanted));
    const tmp = join(repository.lfs.storage, "tmp");
    assert.deepEqual(existsSync(tmp) ? readdirSync(tmp) : [], []);
  });
}
