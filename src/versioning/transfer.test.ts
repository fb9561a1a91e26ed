import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { addRemote } from "./config-edit.ts";
import { diff } from "./diff.ts";
import { gc } from "./gc.ts";
import type { Repo } from "./repo.ts";
import { status } from "./status.ts";
import { fetch, pull, push } from "./transfer.ts";
import { hasCode, openRepoFixture, type RepoFixture } from "./versioning.fixture.ts";

interface RemoteFixture extends RepoFixture {
  readonly repo: Repo;
}

async function openWithRemote(): Promise<RemoteFixture> {
  const fixture = await openRepoFixture({ git: true });
  const repo = await addRemote(fixture.repo, "store", "remote store", { isDefault: true });
  await fixture.write({ "data/a": "1", "data/b": "2", one: "3" });
  await fixture.add("data", "one");
  return { ...fixture, repo, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

const objectsOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();

function wipe(fixture: RemoteFixture): void {
  rmSync(fixture.repo.cacheFolder, { recursive: true });
  rmSync(join(fixture.folder, "data"), { recursive: true, force: true });
  rmSync(join(fixture.folder, "one"), { force: true });
}

test("push sends what the remote lacks, pull brings it back", async () => {
  await using fixture = await openWithRemote();
  const { repo, folder } = fixture;
  const sent = await push(repo);
  assert.deepEqual(sent, { remote: "store", objectCount: 4, sizeBytes: sent.sizeBytes });
  assert.equal((await push(repo)).objectCount, 0);
  const store = join(folder, "remote store/files/md5");
  assert.deepEqual(objectsOf(store), objectsOf(join(repo.cacheFolder, "files/md5")));
  wipe(fixture);
  const got = await pull(repo);
  assert.equal(got.objectCount, 4);
  assert.deepEqual(got.added, ["data/", "one"]);
  assert.equal(readFileSync(join(folder, "data/b"), "utf8"), "2");
  assert.deepEqual(await status(repo), {});
});

test("fetch of one target brings only its objects, and leaves the workspace alone", async () => {
  await using fixture = await openWithRemote();
  await push(fixture.repo);
  wipe(fixture);
  assert.equal((await fetch(fixture.repo, { targets: ["one"] })).objectCount, 1);
  assert.deepEqual(Object.keys(await status(fixture.repo)), ["data.dvc", "one.dvc"]);
});

test("an object that is missing on both sides is told by name, the others still arrive", async () => {
  await using fixture = await openWithRemote();
  await push(fixture.repo);
  const held = join(fixture.folder, "remote store/files/md5/c8");
  renameSync(held, join(fixture.folder, "held"));
  wipe(fixture);
  await assert.rejects(pull(fixture.repo), (error) => {
    assert.ok(hasCode("not_found")(error));
    assert.match(String(error), /c81e728d9d4c2f636f067f89cc14862c \("data\/b"\)/u);
    return true;
  });
  assert.equal(readFileSync(join(fixture.folder, "one"), "utf8"), "3");
  renameSync(join(fixture.folder, "held"), held);
  await pull(fixture.repo);
  assert.deepEqual(await status(fixture.repo), {});
});

test("a damaged object is neither sent nor fetched", async () => {
  await using fixture = await openWithRemote();
  const damage = async (object: string) => {
    await chmod(object, 0o644);
    await writeFile(object, "damaged");
  };
  await damage(join(fixture.repo.cacheFolder, "files/md5/c8/1e728d9d4c2f636f067f89cc14862c"));
  await assert.rejects(push(fixture.repo), hasCode("data_loss"));
  rmSync(join(fixture.repo.cacheFolder, "files/md5/c8"), { recursive: true });
  await fixture.add("data");
  await push(fixture.repo);
  await damage(join(fixture.folder, "remote store/files/md5/c8/1e728d9d4c2f636f067f89cc14862c"));
  wipe(fixture);
  await assert.rejects(pull(fixture.repo), hasCode("data_loss"));
});

test("remotes that are not there, not named or not reachable are told apart", async () => {
  await using fixture = await openRepoFixture();
  await assert.rejects(push(fixture.repo), hasCode("failed_precondition"));
  await assert.rejects(push(fixture.repo, { remote: "nosuch" }), hasCode("not_found"));
  const repo = await addRemote(fixture.repo, "far", "gopher://user:secret@host/x");
  await assert.rejects(push(repo, { remote: "far" }), (error) => {
    assert.ok(hasCode("unimplemented")(error));
    assert.doesNotMatch(String(error), /secret/u);
    return true;
  });
});

test("gc removes what nothing in its scope uses, and nothing else", async () => {
  await using fixture = await openWithRemote();
  const { repo, folder, git } = fixture;
  git("add", "-A");
  git("commit", "-qm", "1");
  await fixture.write({ "data/b": "replaced" });
  await fixture.add("data");
  await assert.rejects(gc(repo, {}), hasCode("invalid_argument"));
  assert.deepEqual((await gc(repo, { allCommits: true })).removed, []);
  const dry = await gc(repo, { workspace: true, dryRun: true });
  assert.equal(dry.removed.length, 2);
  const done = await gc(repo, { workspace: true });
  assert.deepEqual(done.removed, dry.removed);
  assert.ok(done.removed.includes("c81e728d9d4c2f636f067f89cc14862c"));
  await rm(join(folder, "data"), { recursive: true });
  await pull(repo).catch(() => {});
  assert.deepEqual(await status(repo), {});
});

test("diff tells what came, went, changed and moved, between revisions and to the workspace", async () => {
  await using fixture = await openWithRemote();
  const { repo, git } = fixture;
  assert.equal(await diff(repo), undefined);
  git("add", "-A");
  git("commit", "-qm", "1");
  git("tag", "v1");
  assert.equal(await diff(repo), undefined);
  await fixture.write({ "data/new": "4", "data/a": "changed" });
  renameSync(join(fixture.folder, "data/b"), join(fixture.folder, "data/moved"));
  rmSync(join(fixture.folder, "one"));
  const want = {
    added: [{ path: "data/new" }],
    deleted: [{ path: "one" }],
    modified: [{ path: "data/" }, { path: "data/a" }],
    renamed: [{ path: { old: "data/b", new: "data/moved" } }],
  };
  assert.deepEqual(await diff(repo), { ...want, "not in cache": [] });
  await fixture.add("data");
  git("rm", "-q", "one.dvc");
  git("add", "-A");
  git("commit", "-qm", "2");
  assert.deepEqual(await diff(repo, { from: "v1", to: "HEAD" }), want);
  assert.equal(await diff(repo, { from: "HEAD", to: "main" }), undefined);
  await assert.rejects(diff(repo, { from: "nosuch" }), hasCode("not_found"));
  await assert.rejects(diff(repo, { from: "--help" }), hasCode("not_found"));
});
