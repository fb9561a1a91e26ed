import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { waybill } from "./spawn.fixture.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const ENV = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "t",
  GIT_AUTHOR_EMAIL: "t@example.com",
  GIT_COMMITTER_NAME: "t",
  GIT_COMMITTER_EMAIL: "t@example.com",
};

test("git stores, pushes and brings back large files through waybill lfs", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "lfs-cli-"));
  const [here, there, clone] = ["here", "there", "clone"].map((name) => join(folder.path, name));
  assert.ok(here && there && clone);
  for (const path of [here, there, clone]) mkdirSync(path);
  const git = (cwd: string, ...args: string[]) =>
    execFileSync("git", args, { cwd, env: { ...process.env, ...ENV }, encoding: "utf8" });
  const lfs = async (cwd: string, ...words: string[]) => {
    const run = await waybill(["lfs", ...words], { cwd, env: ENV });
    assert.equal(run.exitCode, 0, run.stderr);
    return run.stdout;
  };
  const program = `'${process.execPath}' '${MAIN}' lfs`;
  git(there, "init", "-q", "--bare", ".");
  git(here, "init", "-q", "-b", "main", ".");
  git(here, "remote", "add", "origin", there);
  await lfs(here, "install", "--local", "--program", program);
  assert.equal(await lfs(here, "track", "*.bin"), 'Tracking "*.bin"\n');
  const content = Buffer.alloc(100_000, "content");
  writeFileSync(join(here, "a b.bin"), content);
  git(here, "add", ".");
  git(here, "commit", "-qm", "1");
  assert.match(git(here, "show", "HEAD:a b.bin"), /^version https:\/\/git-lfs/u);
  assert.match(await lfs(here, "ls-files", "-s"), /^[0-9a-f]{10} \* a b\.bin \(100 KB\)\n$/u);
  git(here, "push", "-q", "origin", "main");
  git(clone, "init", "-q", ".");
  git(clone, "remote", "add", "origin", there);
  await lfs(clone, "install", "--local", "--program", program, "--skip-smudge");
  git(clone, "pull", "-q", "origin", "main");
  assert.match(readFileSync(join(clone, "a b.bin"), "latin1"), /^version/u);
  const pulled = await lfs(clone, "pull", "--json");
  assert.deepEqual(JSON.parse(pulled).checkedOut, ["a b.bin"]);
  assert.deepEqual(readFileSync(join(clone, "a b.bin")), content);
  assert.equal(git(clone, "status", "--porcelain"), "");
  assert.equal(await lfs(clone, "fsck"), "Git LFS fsck OK\n");
});

test("outside of a repository the error says so", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "lfs-cli-"));
  const run = await waybill(["lfs", "status"], { cwd: folder.path, env: ENV });
  assert.equal(run.exitCode, 1);
  assert.match(run.stderr, /not a git repository/u);
});
