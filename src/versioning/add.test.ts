import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { chmod, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { propertiesOf } from "../metadata/index.ts";
import { add } from "./add.ts";
import { openRepo } from "./repo.ts";
import { status } from "./status.ts";
import { hasCode, openRepoFixture, type RepoFixture } from "./versioning.fixture.ts";

const HELLO = "5d41402abc4b2a76b9719d911017c592";

test("a file is in the cache, read-only, and its .dvc file says which version it is", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "single.bin": "hello" });
  const [version] = await fixture.add("single.bin");
  const object = join(fixture.folder, ".dvc/cache/files/md5/5d/41402abc4b2a76b9719d911017c592");
  assert.equal(readFileSync(object, "utf8"), "hello");
  assert.equal(statSync(object).mode & 0o777, 0o444);
  assert.equal(
    readFileSync(join(fixture.folder, "single.bin.dvc"), "utf8"),
    `outs:\n- md5: ${HELLO}\n  size: 5\n  hash: md5\n  path: single.bin\n`,
  );
  assert.equal(version?.isChanged, true);
  const properties = propertiesOf(version.artifact);
  assert.equal(version.artifact.type, "DataVersion");
  assert.equal(properties["md5"], HELLO);
  assert.equal(properties["size_bytes"], 5n);
  assert.equal(properties["nfiles"], 1n);
  assert.equal(properties["path"], "single.bin");
  assert.match(String(properties["sha256"]), /^2cf24dba5fb0a30e26e83b2ac5b9e29e/u);
});

test("a folder is one object that lists its files; adding again records what changed", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a.txt": "hello", "data/empty": "", "data/sub/é ü.txt": "x\n" });
  await mkdir(join(fixture.folder, "data/nothing"));
  const [first] = await fixture.add("data");
  assert.equal(first?.md5, "e0d0b65c1ad18ec345d724eca8ca584e.dir");
  assert.equal(first.sizeBytes, 7);
  assert.equal(first.fileCount, 3);
  assert.equal((await fixture.add("data"))[0]?.isChanged, false);
  await fixture.write({ "data/a.txt": "hello!" });
  await rm(join(fixture.folder, "data/empty"));
  const [second] = await fixture.add("data");
  assert.equal(second?.isChanged, true);
  assert.equal(second.fileCount, 2);
  assert.deepEqual(await status(fixture.repo), {});
});

test("git is told to ignore the data and keep the .dvc file", async () => {
  await using fixture = await openRepoFixture({ git: true });
  await fixture.write({ "a b#[1].bin": "x", "n/m/f.bin": "y", ".gitignore": "*.tmp" });
  const [first, second] = await fixture.add("a b#[1].bin", "n/m/f.bin");
  assert.equal(
    readFileSync(join(fixture.folder, ".gitignore"), "utf8"),
    "*.tmp\n/a b\\#\\[1\\].bin\n",
  );
  assert.equal(readFileSync(join(fixture.folder, "n/m/.gitignore"), "utf8"), "/f.bin\n");
  assert.deepEqual(first?.filesForGit, ["a b#[1].bin.dvc", ".gitignore"]);
  assert.deepEqual(second?.filesForGit, ["n/m/f.bin.dvc", "n/m/.gitignore"]);
  await fixture.add("n/m/f.bin");
  assert.equal(readFileSync(join(fixture.folder, "n/m/.gitignore"), "utf8"), "/f.bin\n");
  const untracked = fixture.git("ls-files", "--others", "--exclude-standard");
  assert.doesNotMatch(untracked, /bin$/mu);
});

test("a large file is copied whole while it is hashed", async () => {
  await using fixture = await openRepoFixture();
  const bytes = Buffer.alloc((5 << 20) + 17, "0123456789abcdef");
  await writeFile(join(fixture.folder, "big"), bytes);
  const [version] = await fixture.add("big");
  const sum = execFileSync("md5sum", [join(fixture.folder, "big")], { encoding: "utf8" });
  assert.equal(version?.md5, sum.slice(0, 32));
  const object = join(fixture.repo.cacheFolder, "files/md5", sum.slice(0, 2), sum.slice(2, 32));
  assert.ok(readFileSync(object).equals(bytes));
});

test("an object that was cut short is written again by the next add", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ f: "hello" });
  await fixture.add("f");
  const object = join(fixture.repo.cacheFolder, "files/md5/5d/41402abc4b2a76b9719d911017c592");
  await chmod(object, 0o644);
  await truncate(object, 2);
  await writeFile(join(fixture.folder, "f"), "hello");
  await fixture.add("f");
  assert.equal(readFileSync(object, "utf8"), "hello");
});

for (const type of ["hardlink", "symlink"] as const) {
  test(`with cache.type ${type} the workspace links into the cache`, async () => {
    await using fixture = await openRepoFixture();
    await writeFile(
      join(fixture.folder, ".dvc/config"),
      `[core]\n    no_scm = True\n[cache]\n    type = ${type}\n`,
    );
    await fixture.write({ "data/a": "hello", "data/empty": "" });
    const repo = await openRepo(fixture.folder);
    await fixture.step((step) => add(step, repo, ["data"]));
    const path = join(fixture.folder, "data/a");
    const object = join(repo.cacheFolder, "files/md5/5d/41402abc4b2a76b9719d911017c592");
    if (type === "symlink") assert.equal(realpathSync(path), realpathSync(object));
    else assert.equal(lstatSync(path).ino, lstatSync(object).ino);
    assert.deepEqual(await status(repo), {});
    assert.equal((await fixture.step((step) => add(step, repo, ["data"])))[0]?.isChanged, false);
  });
}

const REFUSED: readonly {
  readonly name: string;
  readonly path: string;
  readonly code: string;
  readonly prepare?: (fixture: RepoFixture) => Promise<unknown>;
}[] = [
  { name: "a missing file", path: "nothing", code: "not_found" },
  { name: "a path outside", path: "../x", code: "invalid_argument" },
  { name: "an absolute path outside", path: "/etc/passwd", code: "invalid_argument" },
  { name: "the repository itself", path: ".", code: "invalid_argument" },
  { name: "dvc's own files", path: ".dvc/config", code: "invalid_argument" },
  { name: "a .dvc file", path: "f.dvc", code: "invalid_argument" },
  {
    name: "a file below a linked folder",
    path: "link/a",
    code: "invalid_argument",
    prepare: async ({ folder }) => symlink("data", join(folder, "link")),
  },
  {
    name: "a link",
    path: "link",
    code: "invalid_argument",
    prepare: async ({ folder }) => symlink("/etc/passwd", join(folder, "link")),
  },
  {
    name: "a name with a line break",
    path: "a\nb",
    code: "invalid_argument",
    prepare: async (fixture) => fixture.write({ "a\nb": "x" }),
  },
  {
    name: "a folder with a link that leads nowhere",
    path: "data",
    code: "not_found",
    prepare: async ({ folder }) => symlink("nowhere", join(folder, "data/broken")),
  },
  {
    name: "a folder with a name that is not UTF-8",
    path: "data",
    code: "invalid_argument",
    prepare: async ({ folder }) => {
      await writeFile(
        Buffer.concat([Buffer.from(join(folder, "data/")), Buffer.from([0xff])]),
        "x",
      );
    },
  },
  {
    name: "a folder with a pipe",
    path: "data",
    code: "invalid_argument",
    prepare: async ({ folder }) => execFileSync("mkfifo", [join(folder, "data/pipe")]),
  },
  {
    name: "what .dvcignore covers",
    path: "f",
    code: "invalid_argument",
    prepare: async (fixture) => fixture.write({ ".dvcignore": "f\n" }),
  },
  {
    name: "what lies in a tracked folder",
    path: "data/a",
    code: "failed_precondition",
    prepare: async (fixture) => fixture.add("data"),
  },
  {
    name: "a folder that holds tracked data",
    path: "data",
    code: "failed_precondition",
    prepare: async (fixture) => fixture.add("data/a"),
  },
  {
    name: "what git tracks",
    path: "data",
    code: "failed_precondition",
    prepare: async ({ git }) => git("add", "data/a"),
  },
  {
    name: "anything while a .dvc file is damaged",
    path: "f",
    code: "invalid_argument",
    prepare: async (fixture) => fixture.write({ "x.dvc": "outs:\n- md5: [" }),
  },
];

for (const { name, path, code, prepare } of REFUSED) {
  test(`${name} cannot be added, and nothing is left behind`, async () => {
    await using fixture = await openRepoFixture({ git: true });
    await fixture.write({ f: "1", "data/a": "2" });
    await prepare?.(fixture);
    const before = filesOf(fixture.folder);
    await assert.rejects(fixture.add(path), hasCode(code));
    assert.deepEqual(
      filesOf(fixture.folder).filter((file) => !file.startsWith(".dvc/")),
      before.filter((file) => !file.startsWith(".dvc/")),
    );
    assert.equal(existsSync(join(fixture.folder, `${path}.dvc`)), before.includes(`${path}.dvc`));
  });
}

test("one bad target among good ones: nothing is added", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ f: "1" });
  await assert.rejects(fixture.add("f", "nothing"), hasCode("not_found"));
  assert.equal(existsSync(join(fixture.folder, "f.dvc")), false);
});

test("many adds at once lose no line of .gitignore", async () => {
  await using fixture = await openRepoFixture({ git: true });
  const names = Array.from({ length: 6 }, (_, i) => `f${i}`);
  await fixture.write(Object.fromEntries(names.map((name) => [name, name])));
  await Promise.all(names.map((name) => fixture.add(name)));
  const lines = readFileSync(join(fixture.folder, ".gitignore"), "utf8").trim().split("\n");
  assert.deepEqual(
    lines.sort(),
    names.map((name) => `/${name}`),
  );
  assert.deepEqual(await status(fixture.repo), {});
});

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => !file.startsWith(".git/"))
    .sort();
}
