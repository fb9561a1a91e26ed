import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commit } from "./add.ts";
import { checkout } from "./checkout.ts";
import { folderObjectName, stringifyFolderObject } from "./formats/dir-object.ts";
import { unprotect } from "./rearrange.ts";
import { openRepo } from "./repo.ts";
import { status } from "./status.ts";
import { hasCode, openRepoFixture, type RepoFixture } from "./versioning.fixture.ts";

async function openFilled(): Promise<RepoFixture> {
  const fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1", "data/b/c": "2", "data/b/d": "3", run: "#!/bin/sh\n" });
  await chmod(join(fixture.folder, "run"), 0o755);
  await fixture.add("data", "run");
  return fixture;
}

const filesIn = (fixture: RepoFixture) =>
  readdirSync(join(fixture.folder, "data"), { recursive: true, encoding: "utf8" }).sort();

test("what was removed comes back, byte for byte and with its mode", async () => {
  await using fixture = await openFilled();
  await rm(join(fixture.folder, "data"), { recursive: true });
  await rm(join(fixture.folder, "run"));
  assert.deepEqual(await checkout(fixture.repo), {
    added: ["data/", "run"],
    modified: [],
    deleted: [],
  });
  assert.equal(readFileSync(join(fixture.folder, "data/b/c"), "utf8"), "2");
  assert.notEqual(statSync(join(fixture.folder, "run")).mode & 0o100, 0);
  assert.notEqual(statSync(join(fixture.folder, "data/a")).mode & 0o200, 0);
  assert.deepEqual(await status(fixture.repo), {});
  assert.deepEqual(await checkout(fixture.repo), { added: [], modified: [], deleted: [] });
});

test("changes that are nowhere else are kept, unless they are to be discarded", async () => {
  await using fixture = await openFilled();
  await fixture.write({ "data/a": "edited", "data/new": "new" });
  await assert.rejects(checkout(fixture.repo), hasCode("failed_precondition"));
  assert.equal(readFileSync(join(fixture.folder, "data/a"), "utf8"), "edited");
  await checkout(fixture.repo, { force: true });
  assert.equal(readFileSync(join(fixture.folder, "data/a"), "utf8"), "1");
  assert.deepEqual(filesIn(fixture), ["a", "b", "b/c", "b/d"]);
});

test("an earlier version comes back without force, since the later one is in the cache", async () => {
  await using fixture = await openFilled();
  const before = readFileSync(join(fixture.folder, "data.dvc"));
  await fixture.write({ "data/b/e": "4" });
  await rm(join(fixture.folder, "data/b/c"));
  await fixture.add("data");
  await writeFile(join(fixture.folder, "data.dvc"), before);
  assert.deepEqual((await checkout(fixture.repo)).modified, ["data/"]);
  assert.deepEqual(filesIn(fixture), ["a", "b", "b/c", "b/d"]);
});

test("a file where a folder was, and the other way round", async () => {
  await using fixture = await openFilled();
  const folderVersion = readFileSync(join(fixture.folder, "data.dvc"));
  await rm(join(fixture.folder, "data"), { recursive: true });
  await fixture.write({ data: "now a file" });
  await fixture.add("data");
  await writeFile(join(fixture.folder, "data.dvc"), folderVersion);
  await checkout(fixture.repo);
  assert.deepEqual(filesIn(fixture), ["a", "b", "b/c", "b/d"]);
  await fixture.write({ "data/a/inside": "x" }).catch(() => {});
  await rm(join(fixture.folder, "data/a"));
  await fixture.write({ "data/a/inside": "x" });
  await fixture.add("data");
  await writeFile(join(fixture.folder, "data.dvc"), folderVersion);
  await checkout(fixture.repo);
  assert.equal(readFileSync(join(fixture.folder, "data/a"), "utf8"), "1");
});

test("with an object missing the folder is left alone, the rest is done, and fetch is suggested", async () => {
  await using fixture = await openFilled();
  rmSync(join(fixture.repo.cacheFolder, "files/md5/c8"), { recursive: true });
  await rm(join(fixture.folder, "data"), { recursive: true });
  await rm(join(fixture.folder, "run"));
  await assert.rejects(checkout(fixture.repo), hasCode("not_found"));
  assert.equal(existsSync(join(fixture.folder, "data")), false);
  assert.equal(existsSync(join(fixture.folder, "run")), true);
  assert.deepEqual((await checkout(fixture.repo, { allowMissing: true })).added, []);
});

test("a damaged object never reaches the workspace", async () => {
  await using fixture = await openFilled();
  const object = join(fixture.repo.cacheFolder, "files/md5/c4/ca4238a0b923820dcc509a6f75849b");
  await chmod(object, 0o644);
  await writeFile(object, "9");
  await rm(join(fixture.folder, "data/a"));
  await assert.rejects(checkout(fixture.repo), hasCode("data_loss"));
  assert.equal(existsSync(join(fixture.folder, "data/a")), false);
});

test("nothing is written through a link that stands in the way", async () => {
  await using fixture = await openFilled();
  await rm(join(fixture.folder, "data/b"), { recursive: true });
  await mkdir(join(fixture.folder, "outside"));
  await symlink("../outside", join(fixture.folder, "data/b"));
  await assert.rejects(checkout(fixture.repo), hasCode("failed_precondition"));
  assert.deepEqual(readdirSync(join(fixture.folder, "outside")), []);
});

test("a folder object with a path that leaves the folder is refused", async () => {
  await using fixture = await openFilled();
  const text = stringifyFolderObject([
    { relpath: "../../evil", md5: "c4ca4238a0b923820dcc509a6f75849b" },
  ]);
  const md5 = folderObjectName(text);
  await fixture.write({
    [`.dvc/cache/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`]: text,
    "evil.dvc": `outs:\n- md5: ${md5}\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: evil\n`,
  });
  await assert.rejects(checkout(fixture.repo, { targets: ["evil"] }), hasCode("data_loss"));
});

test("links can be made private copies, and copies links again", async () => {
  await using fixture = await openFilled();
  await writeFile(
    join(fixture.folder, ".dvc/config"),
    "[core]\n    no_scm = True\n[cache]\n    type = symlink\n",
  );
  const repo = await openRepo(fixture.folder);
  const path = join(fixture.folder, "data/a");
  await checkout(repo, { relink: true });
  assert.equal(lstatSync(path).isSymbolicLink(), true);
  assert.deepEqual(await status(repo), {});
  await unprotect(repo, ["data"]);
  assert.equal(lstatSync(path).isFile(), true);
  assert.notEqual(statSync(path).mode & 0o200, 0);
  assert.deepEqual(await status(repo), {});
  await assert.rejects(unprotect(repo, ["nothing"]), hasCode("not_found"));
});

test("commit records what changed of what is tracked, and nothing else", async () => {
  await using fixture = await openFilled();
  await fixture.write({ "data/a": "changed" });
  const versions = await fixture.step((step) => commit(step, fixture.repo));
  assert.deepEqual(
    versions.map(({ path }) => path),
    ["data"],
  );
  assert.deepEqual(await status(fixture.repo), {});
  await rm(join(fixture.folder, "run"));
  await assert.rejects(
    fixture.step((step) => commit(step, fixture.repo, { targets: ["run.dvc"] })),
    hasCode("not_found"),
  );
});
