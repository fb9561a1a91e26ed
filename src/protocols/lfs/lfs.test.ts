import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, WaybillError } from "../../foundation/index.ts";
import { type Authentication, type Server, serve } from "../../server/index.ts";
import { type ObjectStore, openFileStore, openMemoryStore } from "../../storage/index.ts";
import { lfsRoutes, type Upload } from "./index.ts";
import { parseRange } from "./range.ts";

const MEDIA_TYPE = "application/vnd.git-lfs+json";
const BASE = "/lfs/team/data";

/** Callers by name alone; `ray` may only read. */
const byName: Authentication = {
  isRequired: () => true,
  authenticate(authorization) {
    const name = authorization?.replace("Bearer ", "");
    if (!name) throw new WaybillError("unauthenticated", "Who are you?");
    return { principal: name, roles: [name === "ray" ? "viewer" : "editor"], project: "p" };
  },
};

const start = (store: ObjectStore, onUpload?: (upload: Upload) => Promise<void>) =>
  serve({
    routes: lfsRoutes({ store, ...(onUpload && { onUpload }) }),
    authentication: byName,
    limits: { slowMs: 2000 },
  });

async function api(
  server: Server,
  method: string,
  path: string,
  body?: unknown,
  user = "ann",
): Promise<{ status: number; json: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      accept: MEDIA_TYPE,
      "content-type": MEDIA_TYPE,
      ...(user && { authorization: `Bearer ${user}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: JSON.parse(text || "{}"), headers: response.headers };
}

async function put(server: Server, oid: string, body: Uint8Array, user = "ann"): Promise<number> {
  const response = await fetch(`${server.url}${BASE}/objects/${oid}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${user}` },
    body: Buffer.from(body),
  });
  await response.bytes();
  return response.status;
}

function get(server: Server, oid: string, headers: Record<string, string> = {}) {
  return fetch(`${server.url}${BASE}/objects/${oid}`, {
    headers: { authorization: "Bearer ann", ...headers },
  });
}

function object(size: number): { readonly oid: string; readonly bytes: Buffer } {
  const bytes = randomBytes(size);
  return { oid: digestOf("sha256", bytes), bytes };
}

const batch = (operation: string, ...objects: { oid: string; size: number }[]) => ({
  operation,
  transfers: ["basic"],
  objects,
});

test("an object is uploaded, verified and downloaded, whole and in parts", async () => {
  const uploads: Upload[] = [];
  await using server = await start(openMemoryStore(), async (upload) => void uploads.push(upload));
  const { oid, bytes } = object(5000);
  const wanted = batch("upload", { oid, size: 5000 });
  const offered = await api(server, "POST", `${BASE}/objects/batch`, wanted);
  assert.equal(offered.headers.get("content-type"), MEDIA_TYPE);
  const href = `${server.url}${BASE}/objects/${oid}`;
  assert.deepEqual(offered.json["objects"], [
    {
      oid,
      size: 5000,
      actions: { upload: { href }, verify: { href: `${server.url}${BASE}/verify` } },
    },
  ]);
  assert.equal(await put(server, oid, bytes), 200);
  assert.deepEqual(uploads, [{ repository: "team/data", principal: "ann", oid, sizeBytes: 5000 }]);
  assert.equal((await api(server, "POST", `${BASE}/verify`, { oid, size: 5000 })).status, 200);
  assert.equal((await api(server, "POST", `${BASE}/verify`, { oid, size: 5001 })).status, 422);
  const again = await api(server, "POST", `${BASE}/objects/batch`, wanted);
  assert.deepEqual(again.json["objects"], [{ oid, size: 5000 }]);
  assert.deepEqual(Buffer.from(await (await get(server, oid)).bytes()), bytes);
  const part = await get(server, oid, { range: "bytes=4000-" });
  assert.equal(part.headers.get("content-range"), "bytes 4000-4999/5000");
  assert.deepEqual(Buffer.from(await part.bytes()), bytes.subarray(4000));
  assert.equal((await get(server, oid, { range: "bytes=5000-" })).status, 416);
  assert.equal((await get(server, oid, { "if-none-match": `"${oid}"` })).status, 304);
  const stale = await get(server, oid, { range: "bytes=1-", "if-range": '"x"' });
  assert.equal(stale.status, 200);
});

test("wrong bytes are refused and leave nothing; the right ones then pass", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  await using server = await start(openFileStore(folder.path));
  const { oid, bytes } = object(4000);
  const wrong = [bytes.subarray(1), Buffer.concat([bytes, bytes]), Buffer.alloc(4000)];
  for (const body of wrong) assert.equal(await put(server, oid, body), 422);
  assert.equal((await get(server, oid)).status, 404);
  const objects = join(folder.path, "team", "data", "objects", oid.slice(0, 2), oid.slice(2, 4));
  assert.deepEqual(await readdir(objects), []);
  assert.equal(await put(server, oid, bytes), 200);
  assert.deepEqual(await readFile(join(objects, oid)), bytes);
});

test("an upload that is cut off leaves nothing", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  await using server = await start(openFileStore(folder.path));
  const { oid, bytes } = object(50_000);
  const head = [
    `PUT ${BASE}/objects/${oid} HTTP/1.1`,
    "host: localhost",
    "authorization: Bearer ann",
    "content-length: 50000",
    "\r\n",
  ].join("\r\n");
  await new Promise((resolve) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(head), bytes.subarray(0, 20_000)]), () => {
        setTimeout(() => socket.destroy(), 50);
      });
    });
    socket.on("close", () => setTimeout(resolve, 100));
  });
  assert.equal((await get(server, oid)).status, 404);
  const left = await readdir(folder.path, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((entry) => entry.isFile()).map(({ name }) => name),
    [],
  );
});

test("many uploads of one object at once leave it whole", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  await using server = await start(openFileStore(folder.path));
  const { oid, bytes } = object(300_000);
  const statuses = await Promise.all(Array.from({ length: 6 }, () => put(server, oid, bytes)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.deepEqual(Buffer.from(await (await get(server, oid)).bytes()), bytes);
});

test("an object that was damaged on disk is never served as if it were right", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  await using server = await start(openFileStore(folder.path));
  const { oid, bytes } = object(3_000_000);
  await put(server, oid, bytes);
  const path = join(folder.path, "team/data/objects", oid.slice(0, 2), oid.slice(2, 4), oid);
  bytes[2_000_000] = (bytes[2_000_000] ?? 0) ^ 1;
  await writeFile(path, bytes);
  await assert.rejects(async () => (await get(server, oid)).bytes());
});

const oid = digestOf("sha256", "x");
const wholeRefusals: readonly (readonly [string, unknown, number])[] = [
  ["an unknown operation", batch("sideload", { oid, size: 1 }), 422],
  ["no objects", { operation: "upload" }, 422],
  ["another hash", { ...batch("upload"), hash_algo: "sha1" }, 409],
  ["no known transfer", { ...batch("upload"), transfers: ["tus"] }, 422],
  ["null", null, 422],
];
const objectRefusals: readonly (readonly [string, unknown, unknown, number])[] = [
  ["a short id", "abc", 1, 422],
  ["an upper-case id", oid.toUpperCase(), 1, 422],
  ["a path", `../../${oid}`, 1, 422],
  ["a number as id", 7, 1, 422],
  ["a negative size", oid, -1, 422],
  ["a fraction", oid, 1.5, 422],
  ["a size beyond all", oid, 2 ** 60, 422],
  ["no size", oid, undefined, 422],
];
test("what is wrong with a batch is told with its status, and never an action given", async () => {
  await using server = await start(openMemoryStore());
  for (const [name, body, status] of wholeRefusals) {
    const answer = await api(server, "POST", `${BASE}/objects/batch`, body);
    assert.equal(answer.status, status, name);
    assert.ok(answer.json["message"] && answer.json["request_id"], name);
  }
  for (const [name, id, size, code] of objectRefusals) {
    const wanted = { operation: "upload", objects: [{ oid: id, size }] };
    const answer = await api(server, "POST", `${BASE}/objects/batch`, wanted);
    const [first] = answer.json["objects"] as [{ error: { code: number }; actions?: unknown }];
    assert.deepEqual([first.error.code, first.actions], [code, undefined], name);
  }
});

test("access: nobody without credentials, readers read, names that are none are not found", async () => {
  await using server = await start(openMemoryStore());
  const { oid: id, bytes } = object(10);
  const path = `${BASE}/objects/batch`;
  const wanted = { oid: id, size: 10 };
  const anonymous = await api(server, "POST", path, batch("download", wanted), "");
  assert.equal(anonymous.status, 401);
  assert.match(String(anonymous.headers.get("lfs-authenticate")), /^Basic/u);
  assert.equal((await api(server, "POST", path, batch("download", wanted), "ray")).status, 200);
  assert.equal((await api(server, "POST", path, batch("upload", wanted), "ray")).status, 403);
  assert.equal(await put(server, id, bytes, "ray"), 403);
  assert.equal((await api(server, "POST", `${BASE}/locks`, { path: "x" }, "ray")).status, 403);
  for (const name of ["a%2Fb/c", "a/%2e%2e%2fx", "a/.hidden", `a/${"x".repeat(101)}`]) {
    const answer = await api(server, "POST", `/lfs/${name}/objects/batch`, batch("download"));
    assert.equal(answer.status, 404, name);
  }
});

test("repositories are apart: an object of one is missing in the other", async () => {
  await using server = await start(openMemoryStore());
  const { oid: id, bytes } = object(10);
  await put(server, id, bytes);
  const other = await fetch(`${server.url}/lfs/team/other/objects/${id}`, {
    headers: { authorization: "Bearer ann" },
  });
  assert.equal(other.status, 404);
});

interface LockShown {
  readonly id: string;
  readonly path: string;
  readonly owner: { readonly name: string };
}

test("a path is locked once, and unlocked by its owner or by force", async () => {
  await using server = await start(openMemoryStore());
  const path = "data/ä b'.bin";
  const taken = await api(server, "POST", `${BASE}/locks`, { path });
  assert.equal(taken.status, 201);
  const lock = taken.json["lock"] as LockShown;
  assert.deepEqual([lock.path, lock.owner.name], [path, "ann"]);
  const second = await api(server, "POST", `${BASE}/locks`, { path }, "bob");
  assert.equal(second.status, 409);
  assert.deepEqual(second.json["lock"], lock);
  const seen = (await api(server, "POST", `${BASE}/locks/verify`, {}, "bob")).json;
  assert.deepEqual([seen["ours"], seen["theirs"]], [[], [lock]]);
  const unlock = `${BASE}/locks/${lock.id}/unlock`;
  assert.equal((await api(server, "POST", unlock, {}, "bob")).status, 403);
  const ended = await api(server, "POST", unlock, { force: true }, "bob");
  assert.deepEqual([ended.status, ended.json["lock"]], [200, lock]);
  assert.equal((await api(server, "POST", unlock, {})).status, 404);
  assert.deepEqual((await api(server, "GET", `${BASE}/locks`)).json, { locks: [] });
});

test("of many who lock one path one gets it, and an ended lock's id ends no later one", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  await using server = await start(openFileStore(folder.path));
  const attempts = Array.from({ length: 6 }, (_, index) =>
    api(server, "POST", `${BASE}/locks`, { path: "p" }, `user${index}`),
  );
  const statuses = (await Promise.all(attempts)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [201, 409, 409, 409, 409, 409]);
  const [old] = (await api(server, "GET", `${BASE}/locks`)).json["locks"] as [LockShown];
  const unlock = `${BASE}/locks/${old.id}/unlock`;
  assert.equal((await api(server, "POST", unlock, { force: true })).status, 200);
  assert.equal((await api(server, "POST", `${BASE}/locks`, { path: "p" })).status, 201);
  assert.equal((await api(server, "POST", unlock, { force: true })).status, 404);
});

test("locks are listed by path, by id and page by page, each once", async () => {
  await using server = await start(openMemoryStore());
  const paths = Array.from({ length: 7 }, (_, index) => `d/${index}`);
  for (const path of paths) await api(server, "POST", `${BASE}/locks`, { path });
  const listed = async (query: string) => {
    const { json } = await api(server, "GET", `${BASE}/locks${query}`);
    return { locks: json["locks"] as LockShown[], next: json["next_cursor"] as string | undefined };
  };
  const [only] = (await listed("?path=d%2F3")).locks;
  assert.equal(only?.path, "d/3");
  assert.deepEqual((await listed(`?id=${only?.id}`)).locks, [only]);
  assert.deepEqual((await listed("?path=none")).locks, []);
  const seen: string[] = [];
  let cursor: string | undefined = "";
  while (cursor !== undefined) {
    const page = await listed(`?limit=3${cursor && `&cursor=${cursor}`}`);
    seen.push(...page.locks.map(({ path }) => path));
    cursor = page.next;
  }
  assert.deepEqual(seen.sort(), paths);
});

test("a lock needs a path within the repository", async () => {
  await using server = await start(openMemoryStore());
  for (const path of [undefined, "", "/etc", "a\0b", 7, "x".repeat(5000)]) {
    const { status } = await api(server, "POST", `${BASE}/locks`, { path });
    assert.equal(status, 422, String(path));
  }
});

const ranges: readonly (readonly [string | undefined, unknown])[] = [
  [undefined, undefined],
  ["bytes=0-", { start: 0, length: 10 }],
  ["bytes=3-5", { start: 3, length: 3 }],
  ["bytes=3-500", { start: 3, length: 7 }],
  ["bytes=-4", { start: 6, length: 4 }],
  ["bytes=-40", { start: 0, length: 10 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-3", undefined],
  ["bytes=0-1,3-4", undefined],
  ["bytes=x-", undefined],
  ["bytes=-", undefined],
];
for (const [header, want] of ranges) {
  test(`of 10 bytes the range ${header} is ${JSON.stringify(want)}`, () => {
    assert.deepEqual(parseRange(header, 10), want);
  });
}
