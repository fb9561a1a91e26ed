import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configOption, parseConfig } from "./config.ts";
import {
  addRemote,
  modifyRemote,
  parseOptionName,
  removeRemote,
  renameRemote,
  setConfigOptions,
} from "./config-edit.ts";
import { listRemotes } from "./remotes.ts";
import { openRepo } from "./repo.ts";
import { hasCode, openRepoFixture } from "./versioning.fixture.ts";

test("remotes are written as dvc writes them, relative paths from the configuration's folder", async () => {
  await using fixture = await openRepoFixture({ git: true });
  const text = () => readFileSync(join(fixture.folder, ".dvc/config"), "utf8");
  let repo = await addRemote(fixture.repo, "store", "../../store", { isDefault: true });
  const core = "[core]\n    remote = store\n";
  const store = "['remote \"store\"']\n    url = ../../../store\n";
  assert.equal(text(), core + store);
  repo = await addRemote(repo, "s3", "s3://b/p");
  repo = await modifyRemote(repo, "s3", "endpointurl", "http://x:1");
  repo = await setConfigOptions(repo, "cache", { type: "reflink,copy" });
  const s3 = "['remote \"s3\"']\n    url = s3://b/p\n    endpointurl = http://x:1\n";
  assert.equal(text(), `${core}[cache]\n    type = "reflink,copy"\n${store}${s3}`);
  assert.deepEqual(repo.linkTypes, ["reflink", "copy"]);
  assert.deepEqual(listRemotes(repo), [
    { name: "s3", url: "s3://b/p", isDefault: false },
    { name: "store", url: "../../../store", isDefault: true },
  ]);
  await assert.rejects(addRemote(repo, "s3", "x"), hasCode("already_exists"));
  await assert.rejects(modifyRemote(repo, "no", "url", "x"), hasCode("not_found"));
  repo = await renameRemote(repo, "store", "shop");
  assert.equal(configOption(repo.config, "core", "remote"), "shop");
  repo = await removeRemote(repo, "shop");
  repo = await setConfigOptions(repo, "cache", { type: undefined });
  assert.equal(text(), s3);
});

test("secrets go into config.local, which wins over config", async () => {
  await using fixture = await openRepoFixture({ git: true });
  let repo = await addRemote(fixture.repo, "s3", "s3://b/p");
  repo = await modifyRemote(repo, "s3", "secret_access_key", "a#b", { level: "local" });
  assert.equal(
    readFileSync(join(fixture.folder, ".dvc/config.local"), "utf8"),
    '[\'remote "s3"\']\n    secret_access_key = "a#b"\n',
  );
  assert.equal(configOption(repo.config, 'remote "s3"', "secret_access_key"), "a#b");
  assert.equal(configOption(repo.config, 'remote "s3"', "url"), "s3://b/p");
});

test("comments and unknown options outlive an edit", async () => {
  await using fixture = await openRepoFixture({ git: true });
  const text = "# mine\n[core]\n    # why\n    autostage = true\n\n[other]\n    x = 1 # note\n";
  await fixture.write({ ".dvc/config": text });
  const repo = await openRepo(fixture.folder);
  await setConfigOptions(repo, "core", { remote: "r" });
  assert.equal(
    readFileSync(join(fixture.folder, ".dvc/config"), "utf8"),
    text.replace("= true\n", "= true\n    remote = r\n"),
  );
});

test("a configuration that is none, and names that are none, are refused", async () => {
  assert.throws(() => parseConfig("loose = 1\n", "c"), hasCode("invalid_argument"));
  assert.throws(() => parseConfig("[core]\nnonsense\n", "c"), hasCode("invalid_argument"));
  assert.throws(() => parseOptionName("core"), hasCode("invalid_argument"));
  assert.deepEqual(parseOptionName("remote.a.b.url"), { section: 'remote "a.b"', name: "url" });
  await using fixture = await openRepoFixture();
  const evil = setConfigOptions(fixture.repo, "core", { remote: "x\n[cache]" });
  await assert.rejects(evil, hasCode("invalid_argument"));
  await assert.rejects(addRemote(fixture.repo, 'a"]', "x"), hasCode("invalid_argument"));
});
