import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WaybillError } from "../../foundation/index.ts";
import { findEndpoint } from "./endpoint.ts";
import { parseUrl } from "./http.ts";
import { install, track, trackedPatterns, uninstall, untrack } from "./index.ts";
import { makeRepository } from "./lfs.fixture.ts";
import { pathFilter } from "./path-filter.ts";

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;
const LFS = "filter=lfs diff=lfs merge=lfs -text";

/** Lines that git-lfs 3.3.0 writes. */
const written: readonly (readonly [string, boolean, string])[] = [
  ["*.bin", false, "*.bin"],
  ["a b.dat", false, "a[[:space:]]b.dat"],
  ["/x/**", false, "/x/**"],
  ["./x.bin", false, "x.bin"],
  ["#x.bin", false, "\\#x.bin"],
  [" lead.bin", false, "[[:space:]]lead.bin"],
  ["sub/dir/", false, "sub/dir/"],
  ["ü.bin", false, "ü.bin"],
  ["a[b].bin", false, "a[b].bin"],
  ["a[b].bin", true, "a\\[b\\].bin"],
  ["a*b", true, "a\\*b"],
  ['q"x.bin', true, 'q"x.bin'],
];
for (const [pattern, filename, want] of written) {
  test(`tracking ${JSON.stringify(pattern)}${filename ? " as a file name" : ""} writes ${want}`, async () => {
    using repository = await makeRepository();
    repository.write(".gitattributes", "# mine\n*.txt text\n");
    await track(repository.lfs, repository.path, [pattern], { filename });
    const text = readFileSync(join(repository.path, ".gitattributes"), "utf8");
    assert.equal(text, `# mine\n*.txt text\n${want} ${LFS}\n`);
  });
}

test("tracking twice changes nothing, lockable changes the line, untracking removes it", async () => {
  using repository = await makeRepository();
  const path = join(repository.path, ".gitattributes");
  const read = () => readFileSync(path, "utf8");
  const once = (options = {}) => track(repository.lfs, repository.path, ["*.bin"], options);
  assert.deepEqual(await once(), [{ pattern: "*.bin", change: "none" }]);
  assert.deepEqual(await once({ lockable: true, dryRun: true }), [
    { pattern: "*.bin", change: "changed" },
  ]);
  assert.equal(read(), `*.bin ${LFS}\n`);
  await once({ lockable: true });
  assert.equal(read(), `*.bin ${LFS} lockable\n`);
  assert.deepEqual(await once(), [{ pattern: "*.bin", change: "none" }]);
  await once({ lockable: false });
  assert.equal(read(), `*.bin ${LFS}\n`);
  assert.deepEqual(await untrack(repository.lfs, repository.path, ["*.bin", "*.x"]), ["*.bin"]);
  assert.equal(read(), "");
});

test("files that git has already show as changed once they are tracked", async () => {
  using repository = await makeRepository();
  repository.write("old.dat", "content");
  await repository.git("add", ".");
  await repository.git("commit", "-qm", "1");
  await repository.git("config", "filter.lfs.clean", "printf pointer");
  await track(repository.lfs, repository.path, ["*.dat"]);
  assert.match(await repository.git("status", "--porcelain"), / M old\.dat/u);
});

test("all attributes files are listed, each with its folder", async () => {
  using repository = await makeRepository();
  repository.write("sub/.gitattributes", `*.q ${LFS} lockable\n# ${LFS}\n*.x text\n`);
  assert.deepEqual(trackedPatterns(repository.lfs), [
    { pattern: "*.bin", source: ".gitattributes", isLockable: false },
    { pattern: "sub/*.q", source: "sub/.gitattributes", isLockable: true },
  ]);
});

test("installing sets git up, twice is once, and uninstalling takes it back", async () => {
  using repository = await makeRepository();
  const options = { scope: "local", program: "/opt/x lfs" } as const;
  for (let time = 0; time < 2; time++) {
    const { hook } = await install(repository.path, repository.lfs, options);
    assert.equal(readFileSync(String(hook), "utf8"), '#!/bin/sh\n/opt/x lfs pre-push "$@"\n');
    assert.equal(statSync(String(hook)).mode & 0o111, 0o111);
  }
  const get = (name: string) => repository.git("config", `filter.lfs.${name}`);
  assert.equal(await get("clean"), "/opt/x lfs clean -- %f\n");
  assert.equal(await get("process"), "/opt/x lfs filter-process\n");
  assert.equal(await get("required"), "true\n");
  const other = install(repository.path, repository.lfs, { scope: "local" });
  await assert.rejects(other, code("already_exists"));
  await install(repository.path, undefined, { scope: "local", force: true, skipSmudge: true });
  assert.equal(await get("smudge"), "waybill lfs smudge --skip -- %f\n");
  const { hook } = uninstall(repository.path, repository.lfs, options);
  assert.equal(existsSync(String(hook)), false);
  await assert.rejects(get("clean"));
});

test("a hook of the user's is not replaced, one of git-lfs is", async () => {
  using repository = await makeRepository();
  const path = join(repository.path, ".git", "hooks", "pre-push");
  const go = (force = false) => install(repository.path, repository.lfs, { scope: "local", force });
  writeFileSync(path, "#!/bin/sh\nmy-check\n");
  await assert.rejects(go(), code("already_exists"));
  assert.match(readFileSync(path, "utf8"), /my-check/u);
  writeFileSync(
    path,
    '#!/bin/sh\ncommand -v git-lfs >/dev/null 2>&1 || { exit 2; }\ngit lfs pre-push "$@"\n',
  );
  await go();
  assert.match(readFileSync(path, "utf8"), /waybill lfs pre-push/u);
});

const endpoints: readonly (readonly [string, readonly string[], string])[] = [
  ["lfs.url", ["lfs.url=https://h/x/", "remote.origin.url=https://g/y"], "https://h/x"],
  ["the push address", ["lfs.url=https://h/x", "lfs.pushurl=https://p/x"], "https://p/x"],
  [
    "the remote's own",
    ["remote.origin.lfsurl=https://l/x", "remote.origin.url=https://g/y"],
    "https://l/x",
  ],
  ["git's address", ["remote.origin.url=https://g/y"], "https://g/y.git/info/lfs"],
  ["git's address with .git", ["remote.origin.url=https://g/y.git/"], "https://g/y.git/info/lfs"],
];
for (const [name, settings, want] of endpoints) {
  test(`the server is found by ${name}`, async () => {
    using repository = await makeRepository(...settings);
    const endpoint = findEndpoint(repository.lfs, "origin", "upload");
    assert.deepEqual(endpoint, { kind: "http", url: want, headers: {} });
  });
}

test(".lfsconfig is read below git's settings, and only for what is harmless", async () => {
  using repository = await makeRepository();
  repository.write(
    ".lfsconfig",
    '[lfs]\n\turl = https://h/x\n\tstorage = /etc\n[core]\n\tsshCommand = evil\n[lfs "extension.x"]\n\tclean = evil\n',
  );
  const { config, storage } = repository.lfs;
  assert.equal(config.get("lfs.url"), "https://h/x");
  assert.equal(storage, join(repository.path, ".git", "lfs"));
  assert.equal([...config.all.values()].flat().includes("evil"), false);
  await repository.git("config", "lfs.url", "https://mine/x");
  assert.equal(repository.lfs.config.get("lfs.url"), "https://mine/x");
});

test("a missing remote, and an address that is none, are told", async () => {
  using repository = await makeRepository("remote.b.url=/nowhere/at/all");
  assert.throws(() => findEndpoint(repository.lfs, "a", "download"), code("failed_precondition"));
  assert.throws(() => findEndpoint(repository.lfs, "b", "download"), code("failed_precondition"));
  for (const url of ["ftp://h/", "https://h/%0aX: y", "https://h/\n", "x", "https://h/a b"]) {
    assert.throws(() => parseUrl(url), code("invalid_argument"), url);
  }
});

const filtered: readonly (readonly [string[], string[], string, boolean])[] = [
  [[], [], "a/b.bin", true],
  [["*.bin"], [], "a/b.bin", true],
  [["*.bin"], [], "a/b.txt", false],
  [["a"], [], "a/b/c.bin", true],
  [["a/"], [], "x/a/c.bin", true],
  [["/a"], [], "x/a/c.bin", false],
  [["a/*.bin"], [], "a/c.bin", true],
  [["a/*.bin"], [], "a/b/c.bin", false],
  [["a/**"], [], "a/b/c.bin", true],
  [[], ["*.bin"], "a/b.bin", false],
  [["a"], ["a/b"], "a/b/c", false],
];
for (const [include, exclude, path, want] of filtered) {
  test(`with [${include}] but not [${exclude}] ${path} is ${want ? "in" : "out"}`, () => {
    assert.equal(pathFilter(include, exclude)(path), want);
  });
}
