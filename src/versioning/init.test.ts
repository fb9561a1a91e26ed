import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { init } from "./init.ts";

const scratch = () => mkdtempDisposableSync(join(tmpdir(), "waybill-init-"));

test("a repository without git says so in its configuration, and stages nothing", async () => {
  using folder = scratch();
  const repo = await init(folder.path, { noScm: true });
  assert.equal(repo.noScm, true);
  assert.match(readFileSync(join(folder.path, ".dvc", "config"), "utf8"), /no_scm = True/);
  assert.ok(existsSync(join(folder.path, ".dvcignore")));
});

test("a folder that is a repository already is left as it is", async () => {
  using folder = scratch();
  await init(folder.path, { noScm: true });
  await assert.rejects(init(folder.path, { noScm: true }), { code: "already_exists" });
});

test("what a killed init left is finished by the next one", async () => {
  using folder = scratch();
  mkdirSync(join(folder.path, ".dvc", "tmp"), { recursive: true });
  const repo = await init(folder.path, { noScm: true });
  assert.equal(repo.noScm, true);
});

test("with git, a folder that is no git repository is refused and nothing is made", async () => {
  using folder = scratch();
  await assert.rejects(init(folder.path), { code: "failed_precondition" });
  assert.equal(existsSync(join(folder.path, ".dvc")), false);
});
