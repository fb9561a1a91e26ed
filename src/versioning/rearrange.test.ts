import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dataStatus } from "./data-status.ts";
import { move, remove } from "./rearrange.ts";
import { status } from "./status.ts";
import { hasCode, openRepoFixture } from "./versioning.fixture.ts";

test("remove drops the .dvc file and the ignore line, and keeps the data", async () => {
  await using fixture = await openRepoFixture({ git: true });
  await fixture.write({ "a#b": "1", c: "2" });
  await fixture.add("a#b", "c");
  assert.deepEqual(await remove(fixture.repo, ["a#b.dvc"]), ["a#b.dvc"]);
  assert.equal(readFileSync(join(fixture.folder, ".gitignore"), "utf8"), "/c\n");
  assert.equal(existsSync(join(fixture.folder, "a#b")), true);
  await remove(fixture.repo, ["c"], { outs: true });
  assert.equal(existsSync(join(fixture.folder, ".gitignore")), false);
  assert.equal(existsSync(join(fixture.folder, "c")), false);
  await assert.rejects(remove(fixture.repo, ["c"]), hasCode("not_found"));
});

test("move takes data, .dvc file and ignore line along, into a folder too", async () => {
  await using fixture = await openRepoFixture({ git: true });
  await fixture.write({ "data/a": "1", taken: "2" });
  await fixture.add("data");
  const { repo, folder } = fixture;
  await assert.rejects(move(repo, "data", "taken"), hasCode("already_exists"));
  await assert.rejects(move(repo, "data", "data/inside"), hasCode("invalid_argument"));
  await assert.rejects(move(repo, "data", "../out"), hasCode("invalid_argument"));
  await assert.rejects(move(repo, "taken", "x"), hasCode("not_found"));
  const moved = await move(repo, "data", "deep/er/renamed");
  assert.deepEqual(moved, {
    from: "data",
    to: "deep/er/renamed",
    dvcFile: "deep/er/renamed.dvc",
  });
  assert.equal(readFileSync(join(folder, "deep/er/renamed/a"), "utf8"), "1");
  assert.match(readFileSync(join(folder, "deep/er/renamed.dvc"), "utf8"), /path: renamed\n$/u);
  assert.equal(readFileSync(join(folder, "deep/er/.gitignore"), "utf8"), "/renamed\n");
  assert.equal(existsSync(join(folder, "data.dvc")), false);
  assert.deepEqual(await status(repo), {});
  await mkdir(join(folder, "into"));
  assert.equal((await move(repo, "deep/er/renamed", "into")).to, "into/renamed");
  assert.deepEqual(await status(repo), {});
});

test("data status tells what is not recorded apart from what is not committed", async () => {
  await using fixture = await openRepoFixture({ git: true });
  await fixture.write({ "data/a": "1", one: "2", two: "3" });
  await fixture.add("data", "one", "two");
  assert.deepEqual(await dataStatus(fixture.repo), {
    committed: { added: ["data/", "one", "two"] },
  });
  fixture.git("add", "-A");
  fixture.git("commit", "-qm", "1");
  assert.deepEqual(await dataStatus(fixture.repo), {});
  await fixture.write({ "data/b": "4", one: "5" });
  await fixture.add("one");
  assert.deepEqual(await dataStatus(fixture.repo, { isGranular: true, hasUnchanged: true }), {
    committed: { modified: ["one"] },
    uncommitted: { added: ["data/b"], modified: ["data/"] },
    unchanged: ["data/a", "two"],
  });
});
