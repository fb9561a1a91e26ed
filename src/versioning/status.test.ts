import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { chmod, cp, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../foundation/index.ts";
import { openRepo } from "./repo.ts";
import { formatStatus, status } from "./status.ts";
import { hasCode, openRepoFixture } from "./versioning.fixture.ts";

test("nothing changed is an empty answer", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1", one: "2" });
  await fixture.add("data", "one");
  const answer = await status(fixture.repo);
  assert.deepEqual(answer, {});
  assert.equal(formatStatus(answer), "Data and pipelines are up to date.");
});

test("changes are told in dvc's words, as JSON and as text", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1", one: "2", gone: "3", "sub/lost": "4" });
  await fixture.add("data", "one", "gone", "sub/lost");
  await fixture.write({ "data/b": "new", one: "3" });
  await rm(join(fixture.folder, "gone"));
  rmSync(join(fixture.repo.cacheFolder, "files/md5/a8"), { recursive: true });
  const answer = await status(fixture.repo);
  assert.deepEqual(answer, {
    "data.dvc": [{ "changed outs": { data: "modified" } }],
    "gone.dvc": [{ "changed outs": { gone: "deleted" } }],
    "one.dvc": [{ "changed outs": { one: "modified" } }],
    "sub/lost.dvc": [{ "changed outs": { "sub/lost": "not in cache" } }],
  });
  assert.equal(
    formatStatus({ "data.dvc": [{ "changed outs": { data: "modified" } }] }),
    "data.dvc:\n\tchanged outs:\n\t\tmodified:           data",
  );
  const fromSub = await status(fixture.repo, {
    cwd: join(fixture.folder, "sub"),
    targets: ["lost"],
  });
  assert.deepEqual(fromSub, { "lost.dvc": [{ "changed outs": { lost: "not in cache" } }] });
});

test("a change of one byte that keeps size and times is still seen at once", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1" });
  await fixture.add("data");
  const path = join(fixture.folder, "data/a");
  const times = new Date("2021-01-01T00:00:00Z");
  await utimes(path, times, times);
  assert.deepEqual(await status(fixture.repo), {});
  await writeFile(path, "2");
  await utimes(path, times, times);
  assert.notDeepEqual(await status(fixture.repo), {});
});

test("touched times alone are no change", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1", f: "2" });
  await fixture.add("data", "f");
  for (const name of ["data/a", "f"]) await utimes(join(fixture.folder, name), 1, 1);
  assert.deepEqual(await status(fixture.repo), {});
});

test("what was remembered of files may be lost or damaged without harm", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a\tb\\n": "1", "data/c": "2" });
  await fixture.add("data");
  const folder = join(fixture.repo.dvcFolder, "tmp/waybill/stat");
  assert.deepEqual(await status(fixture.repo), {});
  await rm(folder, { recursive: true, force: true });
  assert.deepEqual(await status(fixture.repo), {});
  await cp(join(fixture.folder, "data"), folder, { recursive: true });
  assert.deepEqual(await status(fixture.repo), {});
});

test("dvc 2's digests are understood: CRLF counts as LF in text, and only in text", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "t.txt": "one\r\ntwo\r\n" });
  const digest = digestOf("md5", "one\ntwo\n");
  await fixture.write({
    "t.txt.dvc": `outs:\n- md5: ${digest}\n  size: 10\n  path: t.txt\n`,
    [`.dvc/cache/${digest.slice(0, 2)}/${digest.slice(2)}`]: "one\r\ntwo\r\n",
  });
  assert.deepEqual(await status(fixture.repo), {});
  await fixture.write({ "t.txt": "one\r\ntwX\r\n" });
  assert.deepEqual(await status(fixture.repo), {
    "t.txt.dvc": [{ "changed outs": { "t.txt": "modified" } }],
  });
});

test("a folder object whose bytes are not its name's is damage, not a difference", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1" });
  const [version] = await fixture.add("data");
  const md5 = version?.md5 ?? "";
  const object = join(fixture.repo.cacheFolder, "files/md5", md5.slice(0, 2), md5.slice(2));
  await chmod(object, 0o644);
  await writeFile(object, "[]");
  await fixture.write({ "data/b": "2" });
  await assert.rejects(status(fixture.repo), hasCode("data_loss"));
});

test("status outside a repository, and of what nothing tracks, says so", async () => {
  await using fixture = await openRepoFixture();
  await assert.rejects(openRepo("/"), hasCode("failed_precondition"));
  await fixture.write({ loose: "1" });
  await assert.rejects(status(fixture.repo, { targets: ["loose"] }), hasCode("not_found"));
  await assert.rejects(status(fixture.repo, { targets: ["../x"] }), hasCode("invalid_argument"));
});

test("a tracked folder is not searched for .dvc files", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/inner.dvc": "outs: [", "data/b": "1" });
  await mkdir(join(fixture.folder, "data/deep"));
  await fixture.add("data").catch(() => {});
  await fixture.write({ "data.dvc": "outs:\n- path: data\n" });
  assert.deepEqual(await status(fixture.repo), {
    "data.dvc": [{ "changed outs": { data: "new" } }],
  });
});
