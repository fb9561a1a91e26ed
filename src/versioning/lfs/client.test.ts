import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, WaybillError } from "../../foundation/index.ts";
import { HttpError, type Server } from "../../server/index.ts";
import { openFileStore } from "../../storage/index.ts";
import {
  checkout,
  fetchObjects,
  fsck,
  lfsStatus,
  lock,
  locks,
  lsFiles,
  prePush,
  printPointer,
  prune,
  pull,
  push,
  unlock,
  verifiedLocks,
} from "./index.ts";
import { makeRepository, startServer, type TestRepository } from "./lfs.fixture.ts";
import { startClean } from "./objects.ts";

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;
const urlOf = (server: Server, user = "") =>
  `lfs.url=${server.url.replace("//", user === "" ? "//" : `//${user}:x@`)}/lfs/team/data`;

/** Stores content as an object and stages its pointer, as git's clean filter does. */
async function stage(repository: TestRepository, name: string, content: Uint8Array) {
  const cleaner = startClean(repository.lfs);
  cleaner.push(content);
  repository.write(name, cleaner.finish().bytes);
  await repository.git("add", "-f", name);
  return digestOf("sha256", content);
}

function objectPath({ lfs }: TestRepository, oid: string): string {
  return join(lfs.storage, "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
}

/** Two repositories, the second a clone of the first, whose files are pointers. */
async function clonePair(server: Server, files: Readonly<Record<string, Uint8Array>>) {
  const source = await makeRepository(urlOf(server));
  for (const [name, content] of Object.entries(files)) await stage(source, name, content);
  await source.git("add", ".");
  await source.git("commit", "-qm", "1");
  const clone = await makeRepository(urlOf(server));
  await clone.git("remote", "add", "origin", source.path);
  await clone.git("fetch", "-q", "origin");
  await clone.git("reset", "-q", "--hard", "origin/main");
  return {
    source,
    clone,
    [Symbol.dispose]() {
      source[Symbol.dispose]();
      clone[Symbol.dispose]();
    },
  };
}

test("what one repository pushes another pulls", async () => {
  await using server = await startServer();
  const files = {
    "a.bin": randomBytes(3000),
    "sub dir/ü.bin": randomBytes(2_000_000),
    "same.bin": Buffer.from("same"),
    "again/same.bin": Buffer.from("same"),
  };
  using pair = await clonePair(server, files);
  const sent = await push(pair.source.lfs);
  assert.deepEqual([sent.transferred.length, sent.failed], [3, []]);
  assert.equal((await push(pair.source.lfs)).transferred.length, 0);
  const { fetched, checkedOut } = await pull(pair.clone.lfs);
  assert.deepEqual([fetched.transferred.length, fetched.failed], [3, []]);
  assert.deepEqual(checkedOut.length, 4);
  for (const [name, content] of Object.entries(files)) {
    assert.deepEqual(readFileSync(join(pair.clone.path, name)), content);
  }
  assert.deepEqual(await pull(pair.clone.lfs).then(({ checkedOut: again }) => again), []);
});

test("a pull takes what the patterns want, and a fetch leaves the files", async () => {
  await using server = await startServer();
  const files = {
    "a/x.bin": randomBytes(10),
    "b/y.bin": randomBytes(10),
    "z.bin": randomBytes(10),
  };
  using pair = await clonePair(server, files);
  await push(pair.source.lfs);
  const some = await pull(pair.clone.lfs, { include: ["a", "*.bin"], exclude: ["z.*", "b/"] });
  assert.deepEqual(some.checkedOut, ["a/x.bin"]);
  const fetched = await fetchObjects(pair.clone.lfs, { all: true });
  assert.equal(fetched.transferred.length, 2);
  assert.match(readFileSync(join(pair.clone.path, "z.bin"), "utf8"), /^version/u);
  assert.deepEqual(await checkout(pair.clone.lfs), ["b/y.bin", "z.bin"]);
});

test("a checkout leaves the user's content, keeps modes and does not follow links", async () => {
  await using server = await startServer();
  const files = {
    "mine.bin": randomBytes(9),
    "run.bin": randomBytes(9),
    "d/x.bin": randomBytes(9),
  };
  using pair = await clonePair(server, files);
  chmodSync(join(pair.source.path, "run.bin"), 0o755);
  await pair.source.git("add", "run.bin");
  await pair.source.git("commit", "-qm", "x");
  await push(pair.source.lfs);
  const { clone } = pair;
  await clone.git("pull", "-q", "origin", "main");
  clone.write("mine.bin", "edited");
  const pointer = readFileSync(join(clone.path, "d/x.bin"));
  rmSync(join(clone.path, "d"), { recursive: true });
  mkdirSync(join(clone.path, "elsewhere"));
  writeFileSync(join(clone.path, "elsewhere/x.bin"), pointer);
  symlinkSync("elsewhere", join(clone.path, "d"));
  const { checkedOut } = await pull(clone.lfs);
  assert.deepEqual(checkedOut, ["run.bin"]);
  assert.equal(statSync(join(clone.path, "run.bin")).mode & 0o100, 0o100);
  assert.equal(readFileSync(join(clone.path, "mine.bin"), "utf8"), "edited");
  assert.deepEqual(readFileSync(join(clone.path, "elsewhere/x.bin")), pointer);
});

test("what the server lacks is named, and the rest comes", async () => {
  await using server = await startServer();
  using pair = await clonePair(server, { "a.bin": randomBytes(10), "b.bin": randomBytes(10) });
  const oid = digestOf(
    "sha256",
    readFileSync(objectPath(pair.source, oidOf(pair.source, "a.bin"))),
  );
  await push(pair.source.lfs);
  const { clone } = pair;
  clone.write("lost.bin", printPointer({ oid: "0".repeat(64), size: 5, extensions: [] }));
  await clone.git("add", "lost.bin");
  const { fetched } = await pull(clone.lfs);
  assert.equal(fetched.transferred.length, 2);
  assert.deepEqual(
    fetched.failed.map(({ object, error }) => [object.oid, error.code]),
    [["0".repeat(64), "not_found"]],
  );
  assert.ok(existsSync(objectPath(clone, oid)));
});

function oidOf(repository: TestRepository, name: string): string {
  const text = readFileSync(join(repository.path, name), "utf8");
  return /sha256:([0-9a-f]{64})/u.exec(text)?.[1] ?? "";
}

test("a download goes on where an earlier one ended, also one whose process is gone", async () => {
  const ranges: (string | undefined)[] = [];
  await using server = await startServer({
    around: (route) =>
      route.method !== "GET" || !route.path.endsWith(":oid")
        ? route
        : {
            ...route,
            handler: (request) => {
              ranges.push(request.headers.range);
              return route.handler(request);
            },
          },
  });
  const [a, b, c] = [randomBytes(50_000), randomBytes(50_000), randomBytes(50_000)];
  using pair = await clonePair(server, { "a.bin": a, "b.bin": b, "c.bin": c });
  await push(pair.source.lfs);
  const incomplete = join(pair.clone.lfs.storage, "incomplete");
  mkdirSync(incomplete, { recursive: true });
  const part = (content: Buffer, middle: string) =>
    join(incomplete, `${digestOf("sha256", content)}${middle}.part`);
  writeFileSync(part(a, ""), a.subarray(0, 20_000));
  writeFileSync(part(b, ".999999999"), b.subarray(0, 30_000));
  // Wrong bytes of an earlier try: found by their hash, thrown away, fetched anew.
  writeFileSync(part(c, ""), Buffer.alloc(40_000));
  const { fetched } = await pull(pair.clone.lfs);
  assert.deepEqual(fetched.failed, []);
  assert.deepEqual(ranges.slice(0, 3).sort(), ["bytes=20000-", "bytes=30000-", "bytes=40000-"]);
  assert.equal(ranges[3], undefined);
  assert.deepEqual(readFileSync(join(pair.clone.path, "b.bin")), b);
  assert.deepEqual(readdirSync(incomplete), []);
});

test("a server that stumbles is asked again, and an answer that breaks off is completed", async () => {
  let stumbles = 0;
  await using server = await startServer({
    around: (route) => ({
      ...route,
      handler: async (request) => {
        const isTransfer = route.path.endsWith(":oid");
        if (isTransfer && stumbles++ % 2 === 0) {
          if (route.method === "PUT") throw new HttpError(503, "unavailable", "Not now.");
          const { body, ...answer } = await route.handler(request);
          const whole = Buffer.concat(await Array.fromAsync(body as AsyncIterable<Uint8Array>));
          return { ...answer, body: brokenOff(whole) };
        }
        return route.handler(request);
      },
    }),
  });
  const content = randomBytes(300_000);
  using pair = await clonePair(server, { "a.bin": content });
  assert.deepEqual((await push(pair.source.lfs)).failed, []);
  stumbles = 0;
  const { fetched } = await pull(pair.clone.lfs);
  assert.deepEqual(fetched.failed, []);
  assert.deepEqual(readFileSync(join(pair.clone.path, "a.bin")), content);
});

async function* brokenOff(whole: Buffer): AsyncGenerator<Uint8Array> {
  yield whole.subarray(0, 100_000);
  throw new WaybillError("data_loss", "Broken off.");
}

test("bytes that are not the object's never become it", async () => {
  await using server = await startServer({
    around: (route) =>
      route.method === "GET" && route.path.endsWith(":oid")
        ? { ...route, handler: () => ({ body: Buffer.alloc(10) }) }
        : route,
  });
  using pair = await clonePair(server, { "a.bin": randomBytes(10) });
  await push(pair.source.lfs);
  await pair.clone.git("config", "lfs.transfer.maxretries", "1");
  const { fetched } = await pull(pair.clone.lfs);
  assert.deepEqual(
    fetched.failed.map(({ error }) => error.code),
    ["data_loss"],
  );
  assert.match(readFileSync(join(pair.clone.path, "a.bin"), "utf8"), /^version/u);
});

test("a server that cannot be reached is unavailable, and soon", async () => {
  using repository = await makeRepository("lfs.url=http://127.0.0.1:1/lfs/a/b");
  await stage(repository, "a.bin", Buffer.from("x"));
  await repository.git("commit", "-qm", "1");
  const started = performance.now();
  await assert.rejects(push(repository.lfs), code("unavailable"));
  assert.ok(performance.now() - started < 10_000);
});

test("a push is refused for objects that nobody has, unless that is allowed", async () => {
  await using server = await startServer();
  using repository = await makeRepository(urlOf(server));
  const oid = await stage(repository, "a.bin", Buffer.from("gone"));
  await stage(repository, "b.bin", Buffer.from("here"));
  await repository.git("commit", "-qm", "1");
  rmSync(objectPath(repository, oid));
  const refused = await push(repository.lfs);
  assert.deepEqual(
    refused.failed.map(({ object, error }) => [object.oid, error.code]),
    [[oid, "not_found"]],
  );
  await repository.git("config", "lfs.allowincompletepush", "true");
  assert.deepEqual((await push(repository.lfs)).failed, []);
});

test("the pre-push hook sends what the remote's branches lack", async () => {
  await using server = await startServer();
  using repository = await makeRepository(urlOf(server));
  await stage(repository, "a.bin", Buffer.from("one"));
  await repository.git("commit", "-qm", "1");
  const first = (await repository.git("rev-parse", "HEAD")).trim();
  await repository.git("update-ref", "refs/remotes/origin/main", first);
  const second = await stage(repository, "b.bin", Buffer.from("two"));
  await repository.git("commit", "-qm", "2");
  const head = (await repository.git("rev-parse", "HEAD")).trim();
  const zero = "0".repeat(40);
  const lines = `refs/heads/main ${head} refs/heads/main ${first}\n(delete) ${zero} refs/heads/x ${head}\n`;
  const sent = await prePush(repository.lfs, lines, { remote: "origin" });
  assert.deepEqual(
    sent.transferred.map(({ oid }) => oid),
    [second],
  );
  assert.deepEqual((await prePush(repository.lfs, "", { remote: "origin" })).wanted, []);
});

test("a folder is a remote too", async () => {
  using target = await makeRepository();
  using repository = await makeRepository();
  await repository.git("remote", "add", "origin", target.path);
  const oid = await stage(repository, "a.bin", Buffer.from("x"));
  await repository.git("commit", "-qm", "1");
  assert.equal((await push(repository.lfs)).transferred.length, 1);
  assert.ok(existsSync(objectPath(target, oid)));
  rmSync(objectPath(repository, oid));
  assert.deepEqual((await pull(repository.lfs)).checkedOut, ["a.bin"]);
});

test("locks: one of us has it, the other's push is halted, and it ends", async () => {
  await using server = await startServer();
  using ann = await makeRepository(urlOf(server, "ann"));
  using bob = await makeRepository(urlOf(server, "bob"));
  for (const each of [ann, bob]) {
    each.write(".gitattributes", "*.bin filter=lfs -text lockable\n");
    await stage(each, "a.bin", Buffer.from("x"));
    await each.git("add", ".");
    await each.git("commit", "-qm", "1");
    chmodSync(join(each.path, "a.bin"), 0o444);
  }
  const taken = await lock(ann.lfs, ann.path, "a.bin");
  assert.deepEqual([taken.path, taken.owner], ["a.bin", "ann"]);
  assert.equal(statSync(join(ann.path, "a.bin")).mode & 0o200, 0o200);
  await assert.rejects(lock(bob.lfs, bob.path, "a.bin"), /locked by "ann"/u);
  const halted = await push(bob.lfs);
  assert.deepEqual(
    [halted.lockedByOthers.map(({ path }) => path), halted.transferred],
    [["a.bin"], []],
  );
  const passed = await push(ann.lfs);
  assert.deepEqual(
    [passed.lockedByUs.map(({ path }) => path), passed.transferred.length],
    [["a.bin"], 1],
  );
  assert.deepEqual(await locks(bob.lfs, { path: "a.bin" }), [taken]);
  assert.deepEqual((await verifiedLocks(bob.lfs)).theirs, [taken]);
  const byPath = { path: "a.bin" };
  await assert.rejects(unlock(bob.lfs, bob.path, byPath), code("permission_denied"));
  ann.write("b.txt", "");
  await unlock(ann.lfs, ann.path, byPath);
  assert.equal(statSync(join(ann.path, "a.bin")).mode & 0o222, 0);
  await assert.rejects(unlock(ann.lfs, ann.path, byPath), code("not_found"));
  await assert.rejects(lock(ann.lfs, ann.path, "../x"), code("invalid_argument"));
});

test("pruning keeps what is in use, not pushed or recent, and what the remote lacks", async () => {
  await using server = await startServer();
  using repository = await makeRepository(urlOf(server));
  const old = await stage(repository, "a.bin", Buffer.from("old"));
  await repository.git("commit", "-qm", "1");
  const current = await stage(repository, "a.bin", Buffer.from("new"));
  await repository.git("commit", "-qm", "2");
  const staged = await stage(repository, "b.bin", Buffer.from("staged"));
  const oids = (objects: readonly { oid: string }[]) => objects.map(({ oid }) => oid).sort();
  assert.deepEqual((await prune(repository.lfs)).deleted, []);
  await repository.git("update-ref", "refs/remotes/origin/main", "HEAD");
  const lacking = await prune(repository.lfs, { verifyRemote: true });
  assert.deepEqual([lacking.deleted, oids(lacking.unverified)], [[], [old]]);
  const dry = await prune(repository.lfs, { dryRun: true });
  assert.deepEqual([oids(dry.deleted), dry.localCount], [[old], 3]);
  assert.deepEqual(oids((await prune(repository.lfs)).deleted), [old]);
  for (const oid of [current, staged]) assert.ok(existsSync(objectPath(repository, oid)));
});

test("fsck names what is damaged, missing or not a pointer, and sets the damaged aside", async () => {
  using repository = await makeRepository();
  const bad = await stage(repository, "bad.bin", Buffer.from("bad"));
  const gone = await stage(repository, "gone.bin", Buffer.from("gone"));
  await stage(repository, "good.bin", Buffer.from("good"));
  repository.write("raw.bin", "not a pointer");
  repository.write("odd.bin", readFileSync(join(repository.path, "good.bin"), "utf8").trimEnd());
  await repository.git("add", ".");
  await repository.git("commit", "-qm", "1");
  writeFileSync(objectPath(repository, bad), "bax");
  rmSync(objectPath(repository, gone));
  const faults = await fsck(repository.lfs);
  assert.deepEqual(faults.map(({ kind, path }) => `${kind} ${path}`).sort(), [
    "corrupt bad.bin",
    "missing gone.bin",
    "not-a-pointer raw.bin",
    "not-canonical odd.bin",
  ]);
  assert.ok(existsSync(join(repository.lfs.storage, "bad", bad)));
});

test("the list of files says what is here, and what earlier commits had", async () => {
  using repository = await makeRepository();
  const first = await stage(repository, "a.bin", Buffer.from("first"));
  await repository.git("commit", "-qm", "1");
  await repository.git("rm", "-q", "a.bin");
  const second = await stage(repository, "ü b.bin", Buffer.from("second"));
  rmSync(objectPath(repository, second));
  const listed = await lsFiles(repository.lfs);
  assert.deepEqual(listed, [
    { path: "a.bin", oid: first, size: 5, isCheckedOut: false, isDownloaded: true },
    { path: "ü b.bin", oid: second, size: 6, isCheckedOut: false, isDownloaded: false },
  ]);
  await repository.git("commit", "-qm", "2");
  const paths = async (options: Parameters<typeof lsFiles>[1]) =>
    (await lsFiles(repository.lfs, options)).map(({ path }) => path);
  assert.deepEqual(await paths({}), ["ü b.bin"]);
  assert.deepEqual(await paths({ deleted: true }), ["a.bin", "ü b.bin"]);
  assert.deepEqual(await paths({ ref: "HEAD~1" }), ["a.bin"]);
  assert.deepEqual(await paths({ all: true, exclude: ["a.*"] }), ["ü b.bin"]);
  await assert.rejects(paths({ ref: "--all" }), code("not_found"));
});

test("the status says what is staged and what is not, and who keeps it", async () => {
  using repository = await makeRepository();
  const first = await stage(repository, "a.bin", Buffer.from("first"));
  repository.write("t.txt", "text\n");
  await repository.git("add", ".");
  await repository.git("commit", "-qm", "1");
  const second = await stage(repository, "a.bin", Buffer.from("second"));
  await stage(repository, "n.bin", Buffer.from("new"));
  repository.write("a.bin", "third");
  rmSync(join(repository.path, "t.txt"));
  const { branch, staged, unstaged } = await lfsStatus(repository.lfs);
  const side = (content: string) => digestOf("sha256", content).slice(0, 7);
  assert.equal(branch, "main");
  assert.deepEqual(staged, [
    {
      status: "M",
      path: "a.bin",
      from: undefined,
      before: { kind: "LFS", id: first.slice(0, 7) },
      after: { kind: "LFS", id: second.slice(0, 7) },
    },
    {
      status: "A",
      path: "n.bin",
      from: undefined,
      before: undefined,
      after: { kind: "LFS", id: side("new") },
    },
  ]);
  assert.deepEqual(
    unstaged.map(({ status, path, after }) => [status, path, after]),
    [
      ["M", "a.bin", { kind: "File", id: side("third") }],
      ["D", "t.txt", { kind: "File", id: "deleted" }],
    ],
  );
});

test("a full disk on the server is told as such", async () => {
  await using server = await startServer({
    store: {
      ...openFileStore("/nowhere"),
      stat: async () => undefined,
      put: async () => {
        const full = Object.assign(new Error("no space"), { code: "ENOSPC" });
        throw WaybillError.from(full);
      },
    },
  });
  using repository = await makeRepository(urlOf(server));
  await stage(repository, "a.bin", Buffer.from("x"));
  await repository.git("commit", "-qm", "1");
  const { failed } = await push(repository.lfs);
  assert.equal(failed[0]?.error.code, "resource_exhausted");
});
