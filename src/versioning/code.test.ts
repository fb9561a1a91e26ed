import assert from "node:assert/strict";
import { mkdtempDisposable, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { codeVersion } from "./code.ts";
import { environmentVersion } from "./environment.ts";
import { makeStamp } from "./stamp.ts";
import { runGitIn, writeFiles } from "./versioning.fixture.ts";

const temporaryFolder = () => mkdtempDisposable(join(tmpdir(), "code-"));

test("a folder without git has no code version", async () => {
  await using folder = await temporaryFolder();
  const version = await codeVersion(folder.path);
  assert.deepEqual(version, {
    commit: undefined,
    branch: undefined,
    repository: undefined,
    isDirty: false,
    dirtyDigest: undefined,
  });
});

test("commit and branch are git's, and what differs from them has a digest", async () => {
  await using folder = await temporaryFolder();
  const git = (...args: string[]) => runGitIn(folder.path, args);
  git("init", "-q", "-b", "main");
  await writeFiles(folder.path, { "a.ts": "1", ".gitignore": "ignored\n" });
  const fresh = await codeVersion(folder.path);
  assert.equal(fresh.commit, undefined);
  assert.equal(fresh.branch, "main");
  assert.equal(fresh.isDirty, true);
  git("add", "-A");
  git("commit", "-qm", "one");
  git("remote", "add", "origin", "https://user:secret@example.com/x.git");
  const clean = await codeVersion(folder.path);
  assert.equal(clean.commit, git("rev-parse", "HEAD").trim());
  assert.equal(clean.isDirty, false);
  assert.equal(clean.dirtyDigest, undefined);
  assert.equal(clean.repository, "https://example.com/x.git");

  await writeFiles(folder.path, { ignored: "x" });
  assert.equal((await codeVersion(folder.path)).isDirty, false);

  const digests = new Set<string | undefined>();
  for (const files of [{ "a.ts": "2" }, { "a.ts": "3" }, { "b.ts": "1" }, { "b.ts": "2" }]) {
    await writeFiles(folder.path, files);
    const version = await codeVersion(folder.path);
    assert.equal(version.isDirty, true);
    assert.equal((await codeVersion(folder.path)).dirtyDigest, version.dirtyDigest);
    digests.add(version.dirtyDigest);
  }
  assert.equal(digests.size, 4);
  await writeFiles(folder.path, { "a.ts": "1" });
  await rm(join(folder.path, "b.ts"));
  assert.equal((await codeVersion(folder.path)).isDirty, false);
  git("checkout", "-q", "--detach");
  assert.equal((await codeVersion(folder.path)).branch, undefined);
});

test("the environment's digest follows lock files and the container image", async () => {
  await using folder = await temporaryFolder();
  await writeFiles(folder.path, { "package-lock.json": "{}", "sub/x": "", ".git/HEAD": "" });
  const variables = {};
  const first = await environmentVersion(join(folder.path, "sub"), { variables });
  assert.deepEqual(Object.keys(first.lockFiles), ["package-lock.json"]);
  assert.equal(first.nodeVersion, process.version);
  assert.equal(first.containerImage, undefined);
  assert.equal((await environmentVersion(folder.path, { variables })).digest, first.digest);
  const image = { WAYBILL_CONTAINER_IMAGE: "app@sha256:abc" };
  const inContainer = await environmentVersion(folder.path, { variables: image });
  assert.equal(inContainer.containerImage, "app@sha256:abc");
  assert.notEqual(inContainer.digest, first.digest);
  await writeFiles(folder.path, { "package-lock.json": '{"a":1}' });
  assert.notEqual((await environmentVersion(folder.path, { variables })).digest, first.digest);
});

test("the stamp has only what is known", async () => {
  await using folder = await temporaryFolder();
  const stamp = await makeStamp({ folder: folder.path, user: "ada" })();
  assert.equal(stamp["user"], "ada");
  assert.equal("code_commit" in stamp, false);
  assert.match(String(stamp["environment_digest"]), /^[0-9a-f]{64}$/u);
});
