// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are templates of dvc.yaml.
// Has the real dvc and Waybill version the same data, and holds every byte they leave behind against each other.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRecorder, openMetadataStore } from "../../src/metadata/index.ts";
import {
  add,
  addRemote,
  checkout,
  diff,
  importFrom,
  init,
  openRepo,
  pull,
  push,
  reproduce,
  status,
} from "../../src/versioning/index.ts";
import { peerPython } from "./peer.ts";

const python = process.env["WAYBILL_DVC_PYTHON"] ?? peerPython("dvc");
const dvc = join(dirname(python), "dvc");
using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-dvc-"));
await using metadata = await openMetadataStore("memory:");
const recorder = createRecorder(metadata);
const environment = {
  ...process.env,
  DVC_NO_ANALYTICS: "1",
  DVC_GLOBAL_CONFIG_DIR: join(folder.path, "global"),
  DVC_SITE_CACHE_DIR: join(folder.path, "site"),
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  LC_ALL: "C.UTF-8",
};
writeFiles(folder.path, {
  "global/config": "[core]\n    check_update = false\n    analytics = false\n",
});
process.env["DVC_GLOBAL_CONFIG_DIR"] = environment.DVC_GLOBAL_CONFIG_DIR;
let checks = 0;

const SEED = Number(process.env["SEED"] ?? 1);
/** A small generator (mulberry32), so that a failure can be had again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
const random = randomFrom(SEED);
const PIECES = [
  "a",
  "b",
  "é",
  "日",
  "😀",
  " ",
  " ",
  ":",
  "#",
  "-",
  "?",
  "'",
  '"',
  "[",
  "]",
  "{",
  "}",
  ",",
  "&",
  "*",
  "!",
  "|",
  ">",
  "%",
  "@",
  "`",
  "1",
  "2",
  ".",
  "e",
  "_",
  "=",
  "<",
  "~",
  "\\",
  "true",
  "null",
  "0x1",
  "1e5",
  "\t",
  "\u0085",
  "\u2028",
  "\x7f",
  "\x01",
  "\ufeff",
  "\u00a0",
  "+",
  "long words in here ",
  "averyverylongwordwithoutspaces",
  "\u{e000}",
];

function randomName(pieces: number): string {
  const name = Array.from({ length: 1 + random(pieces) }, () => PIECES[random(PIECES.length)]).join(
    "",
  );
  const usable = name.replace(/^[\s.-]+|\s+$/gu, "");
  return Buffer.byteLength(usable) > 200 || usable === "" ? `plain${random(1e6)}` : usable;
}

function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function run(cwd: string, file: string, args: readonly string[]): { code: number; stdout: string } {
  const result = spawnSync(file, args, { cwd, env: environment, encoding: "utf8" });
  if (result.status !== 0) process.stderr.write(result.stderr);
  return { code: result.status ?? -1, stdout: result.stdout };
}

function mustRunIn(cwd: string, file: string, args: readonly string[]): string {
  const { code, stdout } = run(cwd, file, args);
  assert.equal(code, 0, `${file} ${args.join(" ")} in ${cwd}`);
  return stdout;
}

function check(what: string, work: () => void): void {
  work();
  checks += 1;
  console.log(`ok ${what}`);
}

/** Every file below a folder but the data's own, with content and mode. */
function filesOf(root: string, below: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(join(root, below), { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(root, below, name);
    const info = statSync(path);
    if (info.isFile())
      files[name] = `${(info.mode & 0o777).toString(8)} ${readFileSync(path, "base64")}`;
  }
  return files;
}

function ourAdd(root: string, paths: readonly string[]) {
  return recorder.step("Version", {}, async (step) => add(step, await openRepo(root), paths));
}

/** The same data in two repositories; dvc adds to the first, we to the second. */
async function bothAdd(name: string, prepare: (root: string) => void, paths: readonly string[]) {
  const [theirs, ours] = ["dvc", "waybill"].map((side) => join(folder.path, `${name}-${side}`));
  assert.ok(theirs !== undefined && ours !== undefined);
  for (const root of [theirs, ours]) {
    mkdirSync(root);
    mustRunIn(root, "git", ["init", "-q"]);
    prepare(root);
  }
  mustRunIn(theirs, dvc, ["init", "-q"]);
  await init(ours);
  check(`${name}: init leaves the same files`, () => {
    for (const file of [".dvc/config", ".dvc/.gitignore", ".dvcignore"]) {
      assert.equal(
        readFileSync(join(ours, file), "utf8"),
        readFileSync(join(theirs, file), "utf8"),
        file,
      );
    }
    assert.equal(
      mustRunIn(ours, "git", ["status", "--short", ".dvc"]),
      mustRunIn(theirs, "git", ["status", "--short", ".dvc"]),
    );
  });
  mustRunIn(theirs, dvc, ["add", "-q", "--", ...paths]);
  await ourAdd(ours, paths);
  check(`${name}: the same cache`, () => {
    assert.deepEqual(filesOf(ours, ".dvc/cache/files"), filesOf(theirs, ".dvc/cache/files"));
  });
  check(`${name}: the same .dvc files and .gitignore`, () => {
    for (const path of paths) {
      const file = `${path}.dvc`;
      assert.equal(
        readFileSync(join(ours, file), "utf8"),
        readFileSync(join(theirs, file), "utf8"),
        file,
      );
      const gitignore = join(dirname(path), ".gitignore");
      assert.equal(
        readFileSync(join(ours, gitignore), "utf8"),
        readFileSync(join(theirs, gitignore), "utf8"),
      );
    }
  });
  check(`${name}: dvc finds ours clean`, () => {
    assert.equal(JSON.stringify(JSON.parse(mustRunIn(ours, dvc, ["status", "--json"]))), "{}");
  });
  const answer = await status(await openRepo(theirs));
  check(`${name}: we find dvc's clean`, () => assert.deepEqual(answer, {}));
  return { theirs, ours };
}

/** What both sides say after the same edits. */
async function sameStatus(name: string, root: string): Promise<void> {
  const theirs: unknown = JSON.parse(mustRunIn(root, dvc, ["status", "--json"]));
  const ours = await status(await openRepo(root));
  check(`${name}: the same status`, () => assert.deepEqual(ours, theirs));
}

const { theirs } = await bothAdd(
  "tree",
  (root) => {
    writeFiles(root, {
      "data/a.txt": "2",
      "data/a/b.txt": "1",
      "data/a-b/c.txt": "3",
      "data/empty": "",
      "data/crlf": "one\r\ntwo\r\n",
      "data/sub/dup": "2",
      "data/.hidden/x": "h",
      "data/tool.sh": "#!/bin/sh\n",
      "data/😀": "astral",
      "data/\u{e000}": "private",
      "data/x.log": "ignored",
      "data/keep/y.log": "kept",
      "data/tmp/z": "ignored",
      ".dvcignore": "*.log\n/data/tmp/\n!data/keep/y.log\n",
      "one.bin": "x".repeat((1 << 20) + 1),
      "n/m/f": "deep",
      "run.sh": "#!/bin/sh\n",
    });
    mkdirSync(join(root, "data/nothing"));
    mkdirSync(join(root, "nil"));
    symlinkSync("a.txt", join(root, "data/link"));
    symlinkSync("a", join(root, "data/folder-link"));
    mustRunIn(root, "chmod", ["755", "run.sh", "data/tool.sh"]);
  },
  ["data", "nil", "one.bin", "n/m/f", "run.sh"],
);

writeFiles(theirs, { "data/a.txt": "3", "data/new": "n", "one.bin": "other" });
rmSync(join(theirs, "run.sh"));
await sameStatus("edits", theirs);
rmSync(join(theirs, ".dvc/cache/files/md5"), { recursive: true });
await sameStatus("lost cache", theirs);

const names = [
  ...new Set(Array.from({ length: 40 }, (_, i) => randomName(i < 20 ? 6 : 24))),
].filter((name) => !name.endsWith(".dvc"));
// dvc takes a target with ":" before ".dvc" for a stage's address, and reads back a NEL or LS that it wrote
// itself as a space, so such names go inside a folder.
const targets = names.filter((name) => !/[:@\u0085\u2028]/u.test(name));
await bothAdd(
  `names (SEED=${SEED})`,
  (root) => {
    for (const name of targets) writeFiles(root, { [name]: name });
    for (const name of names) writeFiles(root, { [`folder/${name}`]: name });
  },
  [...targets, "folder"],
);

const { theirs: kept, ours: keptByUs } = await bothAdd(
  "kept",
  (root) => writeFiles(root, { "data/a": "1" }),
  ["data"],
);
for (const root of [kept, keptByUs]) {
  const file = join(root, "data.dvc");
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    `# mine\n${text}  desc: why\n  labels:\n  - a\nmeta:\n  owner: me\n  list: [1, 2]\n`,
  );
  writeFiles(root, { "data/b": "2" });
}
mustRunIn(kept, dvc, ["add", "-q", "data"]);
await ourAdd(keptByUs, ["data"]);
check("kept: comments, desc, labels and meta, in the same bytes", () => {
  assert.equal(
    readFileSync(join(keptByUs, "data.dvc"), "utf8"),
    readFileSync(join(kept, "data.dvc"), "utf8"),
  );
});
for (const type of ["hardlink", "symlink"]) {
  const root = join(folder.path, `linked-${type}`);
  cpSync(keptByUs, root, { recursive: true });
  mustRunIn(root, dvc, ["config", "cache.type", type]);
  await ourAdd(root, ["data"]);
  check(`${type}: dvc finds ours clean`, () => {
    assert.equal(mustRunIn(root, dvc, ["status", "--json"]).trim(), "{}");
  });
}

/** A pipeline with everything that `dvc.lock` records, and floats and dates that must keep their spelling. */
const PIPELINE = {
  "params.yaml":
    "seed: 7\ntrain: {lr: 0.10, small: 1e-5, big: 1e16, one: 1.0, layers: [1, 2], none: null}\nnames: [a, b c]\n",
  "other.json": '{"k": {"v": 3}}',
  "in.txt": "abc\n",
  "tool.sh": "#!/bin/sh\n",
  "ind/1": "1",
  "dvc.yaml": `vars:
- greet: hi
stages:
  prep:
    cmd: cat in.txt ind/1 > mid.txt && echo a command that is long enough to be folded by the library somewhere
    deps: [in.txt, ind, tool.sh]
    params:
    - seed
    - train
    - other.json:
      - k.v
    outs: [mid.txt]
  fan:
    foreach: \${names}
    do:
      cmd: mkdir -p out && echo \${greet} > "out/\${item}.txt"
      deps: [mid.txt]
      outs: ["out/\${item}.txt"]
  grid:
    matrix: {m: [x], n: [1, 2]}
    cmd: ["true", "echo \${item.m}\${item.n} > g\${item.n}.json"]
    deps: [in.txt]
    metrics:
    - g\${item.n}.json: {cache: false}
  sub:
    wdir: wd
    cmd: mkdir -p od/x && echo q > od/x/q && touch od/e
    deps: [../mid.txt]
    outs: [od]
`,
};
const sides = ["dvc", "waybill"].map((side) => join(folder.path, `pipeline-${side}`));
for (const root of sides) {
  writeFiles(root, { ...PIPELINE, "wd/.keep": "" });
  mustRunIn(root, "chmod", ["755", "tool.sh"]);
  mustRunIn(root, "git", ["init", "-q"]);
  mustRunIn(root, dvc, ["init", "-q"]);
}
const [pipelineTheirs = "", pipelineOurs = ""] = sides;
mustRunIn(pipelineTheirs, dvc, ["repro", "-q"]);
const ourRepo = await openRepo(pipelineOurs);
await recorder.step("Version", {}, (step) => reproduce(step, ourRepo, { stdio: "ignore" }));
const stagesOf = (root: string) => {
  const [head = "", ...stages] = readFileSync(join(root, "dvc.lock"), "utf8").split(
    /^(?= {2}\S)/mu,
  );
  return [head, ...stages.sort()];
};
check("pipeline: each stage has the same bytes in dvc.lock", () => {
  assert.deepEqual(stagesOf(pipelineOurs), stagesOf(pipelineTheirs));
});
check("pipeline: the same cache, and the same runs under the same names", () => {
  assert.deepEqual(
    filesOf(pipelineOurs, ".dvc/cache/files"),
    filesOf(pipelineTheirs, ".dvc/cache/files"),
  );
  const namesOf = (root: string) => Object.keys(filesOf(root, ".dvc/cache/runs"));
  assert.deepEqual(namesOf(pipelineOurs), namesOf(pipelineTheirs));
});
const statusOfTheirs = await status(await openRepo(pipelineTheirs));
check("pipeline: each finds the other's up to date", () => {
  assert.deepEqual(statusOfTheirs, {});
  assert.equal(mustRunIn(pipelineOurs, dvc, ["status", "--json"]).trim(), "{}");
});

const store = join(folder.path, "store");
const pushed = await addRemote(await openRepo(keptByUs), "store", store, { isDefault: true });
mustRunIn(keptByUs, "git", ["add", "-A"]);
const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
mustRunIn(keptByUs, "git", [...identity, "commit", "-qm", "1"]);
await push(pushed);
rmSync(join(keptByUs, ".dvc/cache"), { recursive: true });
rmSync(join(keptByUs, "data"), { recursive: true });
mustRunIn(keptByUs, dvc, ["pull", "-q"]);
check("remote: dvc pulls what we pushed", () => {
  assert.equal(readFileSync(join(keptByUs, "data/b"), "utf8"), "2");
});
mustRunIn(keptByUs, dvc, ["push", "-q"]);
rmSync(join(keptByUs, ".dvc/cache"), { recursive: true });
rmSync(join(keptByUs, "data"), { recursive: true });
await pull(pushed);
await checkout(pushed);
check("remote: we pull what dvc pushed", () => {
  assert.equal(readFileSync(join(keptByUs, "data/b"), "utf8"), "2");
});
writeFiles(keptByUs, { "data/c": "2", "data/new": "n" });
rmSync(join(keptByUs, "data/b"));
const ourDiff = await diff(pushed);
check("diff: the same JSON", () => {
  assert.deepEqual(ourDiff, JSON.parse(mustRunIn(keptByUs, dvc, ["diff", "--json"])));
});
// dvc imports what lies in the folder of a local repository, we what is committed: so they have to be the same.
await checkout(pushed, { force: true });
const [importTheirs = "", importOurs = ""] = ["dvc", "waybill"].map((side) => {
  const root = join(folder.path, `import-${side}`);
  mkdirSync(root);
  mustRunIn(root, "git", ["init", "-q"]);
  mustRunIn(root, dvc, ["init", "-q"]);
  return root;
});
mustRunIn(importTheirs, dvc, ["import", "-q", keptByUs, "data"]);
const importRepo = await openRepo(importOurs);
await recorder.step("Version", {}, (step) => importFrom(step, importRepo, keptByUs, "data"));
check("import: the same .dvc file", () => {
  const text = (root: string) => readFileSync(join(root, "data.dvc"), "utf8");
  assert.equal(text(importOurs), text(importTheirs));
});
console.log(`${checks} checks against dvc passed`);
