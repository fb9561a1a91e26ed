import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../../foundation/index.ts";
import { fastReader, unquotePath } from "./fast-stream.ts";
import { lsFiles, migrateExport, migrateImport, migrateInfo } from "./index.ts";
import { makeRepository, type TestRepository } from "./lfs.fixture.ts";
import { objectPath } from "./objects.ts";

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;

const content = randomBytes(5000);

/** A history with a merge, a tag, odd names, an executable, and a message without a newline. */
async function history(): Promise<TestRepository> {
  const repository = await makeRepository();
  const { git, write } = repository;
  write(".gitattributes", "*.txt text\n");
  write("a.dat", content);
  write('sub/ü "b".dat', "small");
  write("run.dat", "#!/bin/sh\n");
  write("text.txt", "data 5\ncommit refs/heads/x\n");
  chmodSync(join(repository.path, "run.dat"), 0o755);
  await git("add", ".");
  await git("commit", "-qm", "one\n\nM 100644 x y\n\nfrom :1");
  await git("tag", "-a", "v1", "-m", "tagged");
  await git("checkout", "-q", "-b", "side");
  write("side.dat", "side");
  await git("add", ".");
  await git("commit", "-q", "--cleanup=verbatim", "-m", "no newline");
  await git("checkout", "-q", "main");
  write("a.dat", "second");
  write(".gitattributes", "*.txt text\n*.md text\n");
  await git("add", ".");
  await git("commit", "-qm", "two");
  await git("merge", "-q", "--no-edit", "side");
  await git("rm", "-q", "run.dat");
  await git("commit", "-qm", "three");
  return repository;
}

const graph = (repository: TestRepository, ref = "main") =>
  repository.git("log", "--format=%an %ae %ad %cd %s %b", "--graph", ref);

test("a history is rewritten into pointers, and back, with everything else as it was", async () => {
  using repository = await history();
  const { git, lfs } = repository;
  const before = {
    graph: await graph(repository),
    tree: await git("ls-tree", "-r", "main~1", "--", "text.txt", "a.dat", "sub"),
  };
  const imported = await migrateImport(lfs, { include: ["*.dat"], everything: true });
  assert.deepEqual(imported, { commits: 5, objects: 5 });
  assert.equal(await graph(repository), before.graph);
  assert.match(await git("show", "v1:a.dat"), /^version https:\/\/git-lfs.*\noid.*\nsize 5000\n$/u);
  assert.match(await git("show", 'main:sub/ü "b".dat'), /size 5\n$/u);
  assert.equal(await git("show", "main:text.txt"), "data 5\ncommit refs/heads/x\n");
  assert.match(await git("ls-tree", "v1", "run.dat"), /^100755 /u);
  const line = "*.dat filter=lfs diff=lfs merge=lfs -text\n";
  assert.equal(await git("show", "v1:.gitattributes"), `*.txt text\n${line}`);
  assert.equal(await git("show", "main:.gitattributes"), `*.txt text\n*.md text\n${line}`);
  assert.equal(await git("for-each-ref", "--format=%(objecttype)", "refs/tags"), "tag\n");
  assert.equal(await git("status", "--porcelain"), "");
  assert.equal(await git("fsck", "--no-dangling"), "");
  const [first] = await lsFiles(lfs, { ref: "v1" });
  assert.ok(first?.path === "a.dat" && first.isDownloaded);
  assert.deepEqual(readFileSync(objectPath(lfs, first.oid)), content);
  const again = await migrateImport(lfs, { include: ["*.dat"], everything: true });
  assert.equal(again.objects, 0);

  const exported = await migrateExport(lfs, { include: ["*.dat"], everything: true });
  assert.deepEqual(exported, { commits: 5, objects: 5 });
  assert.equal(await graph(repository), before.graph);
  const tree = await git("ls-tree", "-r", "main~1", "--", "text.txt", "a.dat", "sub");
  assert.equal(tree, before.tree);
  assert.match(await git("show", "main:.gitattributes"), /\*\.dat !text -filter -merge -diff\n$/u);
});

test("without naming branches, what a remote has is left as it is", async () => {
  using repository = await history();
  const { git, lfs } = repository;
  await git("update-ref", "refs/remotes/origin/main", "main~1");
  const pushed = await git("rev-parse", "main~1");
  repository.write("new.dat", "new");
  await git("add", ".");
  await git("commit", "-qm", "four");
  const { commits, objects } = await migrateImport(lfs, { include: ["*.dat"] });
  assert.deepEqual([commits, objects], [2, 1]);
  assert.equal(await git("rev-parse", "main~2"), pushed);
  assert.match(await git("show", "main~1:.gitattributes"), /^\*\.txt text\n\*\.md text\n\*\.dat/u);
});

test("a work tree with changes, no patterns and a lost object are refused, and change nothing", async () => {
  using repository = await history();
  const { git, lfs } = repository;
  const head = () => git("rev-parse", "main");
  const before = await head();
  await assert.rejects(migrateImport(lfs, { include: [] }), code("invalid_argument"));
  repository.write("a.dat", "changed");
  await assert.rejects(migrateImport(lfs, { include: ["*.dat"] }), code("failed_precondition"));
  await git("checkout", "-q", "a.dat");
  const oid = "0".repeat(64);
  repository.write(
    "l.dat",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 3\n`,
  );
  await git("add", ".");
  await git("commit", "-qm", "lost");
  using other = await makeRepository();
  await git("remote", "add", "origin", other.path);
  const lost = await head();
  await assert.rejects(migrateExport(lfs, { include: ["*.dat"] }), code("not_found"));
  assert.equal(await head(), lost);
  assert.notEqual(lost, before);
  assert.equal(existsSync(join(repository.path, "l.dat")), true);
});

test("what is large in history is listed by extension", async () => {
  using repository = await history();
  const found = await migrateInfo(repository.lfs, { everything: true });
  assert.deepEqual(found, [{ pattern: "*.dat", sizeBytes: 5000, count: 1 }]);
  assert.deepEqual(await migrateInfo(repository.lfs, { aboveBytes: 6000 }), []);
});

test("quoted paths are read as git means them", () => {
  assert.equal(unquotePath("plain b"), "plain b");
  assert.equal(unquotePath('"a\\tb\\"\\\\\\303\\274\\n"'), 'a\tb"\\ü\n');
});

test("lines and counted bytes come out of any cuts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 })), fc.nat(10), async (parts, cut) => {
      const whole = Buffer.concat(
        parts.flatMap((part) => [Buffer.from(`data ${part.length}\n`), Buffer.from(part)]),
      );
      async function* chunks() {
        for (let at = 0; at < whole.length; at += cut + 1) yield whole.subarray(at, at + cut + 1);
      }
      const reader = fastReader(chunks());
      for (const part of parts) {
        assert.equal(await reader.line(), `data ${part.length}`);
        assert.deepEqual([...(await reader.bytes(part.length))], [...part]);
      }
      assert.equal(await reader.line(), undefined);
    }),
    { numRuns: 50 },
  );
});
