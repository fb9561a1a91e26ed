import assert from "node:assert/strict";
import { mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  canonicalJson,
  digestFile,
  digestOf,
  exitCodeOf,
  publishFile,
  WaybillError,
  writeFileAtomically,
} from "./index.ts";

test("equal values give equal canonical JSON, whatever the order of their keys", () => {
  const given = { b: [1, { y: null, x: 2n }], a: "é", gone: undefined };
  const same = { a: "é", b: [1, { x: 2n, y: null }] };
  assert.equal(canonicalJson(given), '{"a":"é","b":[1,{"x":2,"y":null}]}');
  assert.equal(canonicalJson(given), canonicalJson(same));
});

test("a file's digest is that of its bytes, and its size comes with it", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-digest-"));
  const path = join(folder.path, "x");
  const bytes = Buffer.alloc(3_000_000, "abc");
  writeFileSync(path, bytes);
  assert.deepEqual(await digestFile("sha256", path), {
    digest: digestOf("sha256", bytes),
    sizeBytes: 3_000_000,
  });
});

test("an atomic write replaces the whole file and leaves nothing beside it", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-atomic-"));
  const path = join(folder.path, "deep", "x.txt");
  await writeFileAtomically(path, "old");
  await writeFileAtomically(path, "new");
  assert.equal(readFileSync(path, "utf8"), "new");
  assert.deepEqual(readdirSync(join(folder.path, "deep")), ["x.txt"]);
});

test("a write that fails half way leaves the old file and no temporary file", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-atomic-"));
  const path = join(folder.path, "x.txt");
  await writeFileAtomically(path, "old");
  const failing = publishFile(path, async (file) => {
    await file.write("half");
    throw new WaybillError("internal", "broken off");
  });
  await assert.rejects(failing, /broken off/);
  assert.equal(readFileSync(path, "utf8"), "old");
  assert.deepEqual(readdirSync(folder.path), ["x.txt"]);
});

const systemErrors = [
  { system: "ENOENT", code: "not_found", exit: 5 },
  { system: "EACCES", code: "permission_denied", exit: 4 },
  { system: "ENOSPC", code: "resource_exhausted", exit: 1 },
  { system: "ECONNREFUSED", code: "unavailable", exit: 8 },
  { system: "EISDIR", code: "invalid_argument", exit: 2 },
] as const;
for (const { system, code, exit } of systemErrors) {
  test(`the system's ${system} is ${code}, exit code ${exit}`, () => {
    const error = WaybillError.from(Object.assign(new Error("x"), { code: system }));
    assert.deepEqual([error.code, exitCodeOf(error.code)], [code, exit]);
  });
}
