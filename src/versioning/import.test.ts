import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { propertiesOf } from "../metadata/index.ts";
import { addRemote } from "./config-edit.ts";
import { get, importFrom, importUrl, list } from "./import.ts";
import { move } from "./rearrange.ts";
import { status } from "./status.ts";
import { push } from "./transfer.ts";
import { hasCode, openRepoFixture, type RepoFixture } from "./versioning.fixture.ts";

/** A repository with a tracked folder, a tracked file and a file of git's, all committed. */
async function openSource(): Promise<RepoFixture> {
  const fixture = await openRepoFixture({ git: true });
  await fixture.write({ "d/a": "1\n", "d/sub/b": "3\n", f: "2\n", plain: "g\n" });
  await fixture.add("d", "f");
  fixture.git("add", "-A");
  fixture.git("commit", "-qm", "1");
  return fixture;
}

test("list tells tracked data and git's files, flat or deep", async () => {
  await using source = await openSource();
  const flat = await list(source.folder);
  assert.deepEqual(
    flat.map(({ path, isout, isdir }) => `${path} ${isout} ${isdir}`),
    [
      ".dvcignore false false",
      ".gitignore false false",
      "d true true",
      "d.dvc false false",
      "f true false",
      "f.dvc false false",
      "plain false false",
    ],
  );
  assert.match(flat.find(({ path }) => path === "d")?.md5 ?? "", /\.dir$/u);
  const paths = async (...args: Parameters<typeof list>) =>
    (await list(...args)).map(({ path }) => path);
  assert.deepEqual(await paths(source.folder, "d"), ["a", "sub"]);
  assert.deepEqual(await paths(source.folder, "", { isRecursive: true, dvcOnly: true }), [
    "d/a",
    "d/sub/b",
    "f",
  ]);
  await assert.rejects(list(source.folder, "nope"), hasCode("not_found"));
  await assert.rejects(list(source.folder, "", { revision: "nope" }), hasCode("not_found"));
});

test("get copies tracked and untracked files, also out of a clone with a remote", async () => {
  await using source = await openSource();
  await using here = await openRepoFixture();
  const cwd = here.folder;
  await get(source.folder, "d", { cwd, out: "got" });
  assert.equal(readFileSync(join(cwd, "got/sub/b"), "utf8"), "3\n");
  await get(source.folder, "plain", { cwd });
  assert.equal(readFileSync(join(cwd, "plain"), "utf8"), "g\n");
  await assert.rejects(get(source.folder, "f", { cwd, out: "plain" }), hasCode("already_exists"));

  const store = join(here.folder, "store");
  const repo = await addRemote(source.repo, "store", store, { isDefault: true });
  await push(repo);
  source.git("commit", "-qam", "remote");
  rmSync(source.repo.cacheFolder, { recursive: true });
  await get(pathToFileURL(source.folder).href, "d/sub/b", { cwd, out: "b" });
  assert.equal(readFileSync(join(cwd, "b"), "utf8"), "3\n");
  await assert.rejects(
    get(`${pathToFileURL(source.folder).href}-none`, "d", { cwd, out: "x" }),
    hasCode("not_found"),
  );
});

test("import tracks the data with the repository and commit that it came from", async () => {
  await using source = await openSource();
  await using here = await openRepoFixture();
  const version = await here.step((step) =>
    importFrom(step, here.repo, source.folder, "d", { out: "data" }),
  );
  const commit = source.git("rev-parse", "HEAD").trim();
  const text = readFileSync(join(here.folder, "data.dvc"), "utf8");
  assert.match(text, /^md5: [0-9a-f]{32}\nfrozen: true\ndeps:\n- path: d\n {2}repo:\n/u);
  assert.ok(text.includes(`    rev_lock: ${commit}\nouts:\n- md5: ${version.md5}\n`));
  assert.equal(propertiesOf(version.artifact)["imported_commit"], commit);
  assert.deepEqual(await status(here.repo), {});
  // A new name changes the digest at the top, as in dvc, and nothing else.
  await move(here.repo, "data", "renamed");
  const renamed = readFileSync(join(here.folder, "renamed.dvc"), "utf8");
  assert.notEqual(renamed.split("\n")[0], text.split("\n")[0]);
  assert.equal(renamed.split("\n").slice(1, -2).join(), text.split("\n").slice(1, -2).join());
  await move(here.repo, "renamed", "data");
  assert.equal(readFileSync(join(here.folder, "data.dvc"), "utf8"), text);
  await assert.rejects(
    here.step((step) => importFrom(step, here.repo, source.folder, "d", { out: "data" })),
    hasCode("already_exists"),
  );
});

test("import of a path tracks it with what it was then, in dvc's bytes", async () => {
  await using here = await openRepoFixture();
  await here.write({ "from/f": "2\n" });
  await here.step((step) => importUrl(step, here.repo, "from/f", { out: "ff" }));
  // The digest at the top is dvc's for a file of these bytes imported from this path.
  assert.equal(
    readFileSync(join(here.folder, "ff.dvc"), "utf8"),
    `md5: ${STAGE_DIGEST}
frozen: true
deps:
- md5: 26ab0db90d72e28ad0ba1e22ee510510
  size: 2
  hash: md5
  path: from/f
outs:
- md5: 26ab0db90d72e28ad0ba1e22ee510510
  size: 2
  hash: md5
  path: ff
`,
  );
  const evil = (url: string, out?: string) =>
    here.step((step) => importUrl(step, here.repo, url, out === undefined ? {} : { out }));
  await assert.rejects(evil("from", "from/inside"), hasCode("invalid_argument"));
  await assert.rejects(evil("nothing"), hasCode("not_found"));
  await assert.rejects(evil("from/f", "../out"), hasCode("invalid_argument"));
  await assert.rejects(evil("gopher://x/y"), hasCode("unimplemented"));
  assert.equal(existsSync(join(here.folder, "from/inside")), false);
});

const STAGE_DIGEST = "3115eee1fbf4f54da87332873bf198ae";
