// The real git-lfs as client of our server, as reader of what our client writes, and as the measure of both.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempDisposableSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sharedFolder } from "../../scripts/shared.ts";
import { skip } from "./peer.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const WAYBILL = `${process.execPath} ${MAIN}`;
const MUTATIONS = 150;

requireGitLfs();
using folder = mkdtempDisposableSync(join(tmpdir(), "lfs-peer-"));
const env = {
  ...process.env,
  HOME: folder.path,
  GIT_CONFIG_GLOBAL: join(folder.path, "gitconfig"),
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C.UTF-8",
};
writeFileSync(env.GIT_CONFIG_GLOBAL, "[user]\n\tname = t\n\temail = t@example.com\n");
let passed = 0;

comparePointers();
compareAttributes();
compareMigrations();
await shareClone();
runScripts();
console.log(`git-lfs: ${passed} checks passed`);

/** Each of many damaged pointers is a pointer for both, or for neither. */
function comparePointers(): void {
  const repository = newRepository("pointers");
  const oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
  const extension = `ext-0-foo sha256:${oid}\n`;
  const version = "version https://git-lfs.github.com/spec/v1\n";
  const bases = [
    `${version}oid sha256:${oid}\nsize 12345\n`,
    `${version}${extension}oid sha256:${oid}\nsize 1\n`,
  ];
  const pieces = ["\n", "\r\n", " ", "\t", "size 5\n", extension, "x", "0", "-", "+", "\u00a0"];
  mkdirSync(join(repository, "m"));
  for (let index = 0; index < MUTATIONS; index++) {
    const base = Buffer.from(bases[index % bases.length] ?? "");
    const at = randomInt(base.length);
    const piece = Buffer.from(pieces[randomInt(pieces.length)] ?? "");
    const mutated = [
      Buffer.concat([base.subarray(0, at), piece, base.subarray(at)]),
      Buffer.concat([base.subarray(0, at), base.subarray(at + 1)]),
      Buffer.concat([base.subarray(0, at), piece, base.subarray(at + 1)]),
      Buffer.concat([base, Buffer.alloc(randomInt(1200), " ")]),
    ];
    const content = mutated[index % mutated.length] ?? base;
    writeFileSync(join(repository, "m", `${index}.bin`), content);
  }
  const trees = ["git-lfs", `${WAYBILL} lfs`].map((program) => {
    git(repository, "config", "filter.lfs.process", `${program} filter-process`);
    rmSync(join(repository, ".git", "index"), { force: true });
    git(repository, "add", "m");
    return git(repository, "write-tree");
  });
  check("damaged pointers are the same to both", trees[0] === trees[1], trees.join(" != "));
}

/** Both write the same attributes. */
function compareAttributes(): void {
  const patterns = [
    "*.bin",
    "a b.dat",
    "/x/**",
    "#x.bin",
    " lead.bin",
    "sub/dir/",
    "a[b]*.bin",
    "ü",
  ];
  const written = ["git-lfs", `${WAYBILL} lfs`].map((program, index) => {
    const repository = newRepository(`attributes-${index}`);
    rmSync(join(repository, ".gitattributes"));
    for (const pattern of patterns) {
      shell(repository, `${program} track '${pattern}'`);
      shell(repository, `${program} track --filename 'f ${pattern}'`);
    }
    shell(repository, `${program} track --lockable '*.psd'`);
    shell(repository, `${program} untrack '*.bin'`);
    return shell(repository, "cat .gitattributes");
  });
  check("both write the same .gitattributes", written[0] === written[1], written.join("\n!=\n"));
}

/** Both rewrite one history into the same commits, to the id. */
function compareMigrations(): void {
  const ids = ["git-lfs", `${WAYBILL} lfs`].map((program, index) => {
    const repository = newRepository(`history-${index}`);
    const script = `
      export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
      rm .gitattributes; mkdir 'd ü'; seq 5000 > a.bin; seq 900 > 'd ü/x y.bin'; echo t > t.txt
      git add .; git commit -qm 1; git checkout -q -b side; seq 70 > s.bin; git add .; git commit -qm s
      git checkout -q main; seq 60 > a.bin; echo '*.txt text' > .gitattributes; git add .; git commit -qm 2
      git merge -q side -m merged; git rm -q s.bin; git commit -qm 3
      git config filter.lfs.process '${program} filter-process'
      ${program} migrate import --include '*.bin' --everything >&2`;
    shell(repository, script);
    return git(repository, "rev-parse", "main", "side");
  });
  check("both migrate to the same commits", ids[0] === ids[1], ids.join("\n!=\n"));
}

/** One clone for both programs, over our server: what one pushes the other pulls. */
async function shareClone(): Promise<void> {
  const project = join(folder.path, "project");
  mkdirSync(project);
  const server = spawn(process.execPath, [MAIN, "serve", "--port", "0", "--json", "-q"], {
    cwd: project,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await once(createInterface(server.stdout), "line");
    const url = `${JSON.parse(String(line)).url}/lfs/team/data`;
    const origin = join(folder.path, "origin.git");
    shell(folder.path, `git init -q --bare -b main '${origin}'`);
    const programs = [`${WAYBILL} lfs`, "git-lfs"];
    const clones = programs.map((program, index) => {
      const repository = newRepository(`clone-${index}`);
      git(repository, "remote", "add", "origin", origin);
      git(repository, "config", "lfs.url", url);
      if (program === "git-lfs") shell(repository, "git lfs install --local");
      else shell(repository, `${program} install --local --program '${program}'`);
      return repository;
    });
    const [ours = "", theirs = ""] = clones;
    for (const [name, size] of [
      ["a b.bin", 3_000_000],
      ["d/ü.bin", 1],
      ["e.bin", 70_000],
    ] as const) {
      mkdirSync(join(ours, "d"), { recursive: true });
      writeFileSync(join(ours, name), randomBytes(size));
    }
    git(ours, "add", ".");
    git(ours, "commit", "-qm", "1");
    git(ours, "push", "-q", "origin", "HEAD:main");
    git(theirs, "fetch", "-q", "origin");
    git(theirs, "reset", "-q", "--hard", "origin/main");
    const sums = (path: string) =>
      shell(path, "find . -name '*.bin' -type f -exec sha256sum {} + | sort");
    check("git-lfs pulls what we pushed", sums(ours) === sums(theirs), sums(theirs));
    check("git-lfs finds our clone in order", shell(ours, "git lfs fsck").includes("OK"), "fsck");
    writeFileSync(join(theirs, "e.bin"), randomBytes(80_000));
    git(theirs, "commit", "-qam", "2");
    git(theirs, "push", "-q", "origin", "HEAD:main");
    git(ours, "pull", "-q", "origin", "main");
    check("we pull what git-lfs pushed", sums(ours) === sums(theirs), sums(ours));
    const objects = (path: string) => shell(path, "cd .git/lfs/objects && find . -type f | sort");
    const strange = objects(theirs)
      .split("\n")
      .filter((path) => !objects(ours).includes(path));
    check("both lay objects the same way", strange.length === 0, strange.join("\n"));
    shell(ours, `${WAYBILL} lfs lock e.bin`);
    const seen = JSON.parse(shell(theirs, "git lfs locks --json"));
    check("git-lfs sees our lock", seen[0]?.path === "e.bin", JSON.stringify(seen));
    shell(theirs, "git lfs unlock e.bin");
    const left = JSON.parse(shell(ours, `${WAYBILL} lfs locks --json`));
    check("we see that git-lfs ended it", left.locks.length === 0, JSON.stringify(left));
    for (const command of ["ls-files -l", "ls-files -s", "status --porcelain"]) {
      writeFileSync(join(ours, "e.bin"), "changed");
      const both = [`${WAYBILL} lfs`, "git lfs"].map((program) =>
        shell(ours, `${program} ${command}`),
      );
      check(`both answer ${command} alike`, both[0] === both[1], both.join("\n!=\n"));
    }
  } finally {
    server.kill("SIGTERM");
    await once(server, "exit");
  }
}

/** The reference's own scenarios, where they are at hand. */
function runScripts(): void {
  const shared = sharedFolder();
  if (shared === undefined) return;
  const filter = spawnSync("bash", [join(shared, "interop", "lfs_filter.sh")], {
    env: { ...env, WAYBILL, BIG_MB: "16", N: "30" },
    encoding: "utf8",
  });
  check("lfs_filter.sh", filter.status === 0, filter.stdout.replaceAll(/^ok .*\n/gmu, ""));
  const project = join(folder.path, "script-project");
  mkdirSync(project);
  const tokens = Object.entries({ ann: "editor", bob: "editor", ray: "viewer" }).map(
    ([name, role]) => shell(project, `${WAYBILL} token add ${name} --role ${role} -q`).trim(),
  );
  const port = 20_000 + randomInt(20_000);
  const server = spawnSync("bash", [join(shared, "interop", "lfs_server.sh")], {
    cwd: project,
    env: {
      ...env,
      LFS_URL: `http://127.0.0.1:${port}/lfs/team/data`,
      LFS_START: `${WAYBILL} serve --port ${port}`,
      LFS_USER: "ann",
      LFS_PASS: tokens[0],
      LFS_USER2: "bob",
      LFS_PASS2: tokens[1],
      LFS_READER: "ray",
      LFS_READER_PASS: tokens[2],
      BIG_MB: "20",
      V: "1",
    },
    encoding: "utf8",
  });
  check("lfs_server.sh", server.status === 0, server.stdout.replaceAll(/^ok .*\n/gmu, ""));
}

function newRepository(name: string): string {
  const path = join(folder.path, name);
  shell(folder.path, `git init -q -b main '${path}'`);
  git(path, "config", "filter.lfs.required", "true");
  writeFileSync(join(path, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  return path;
}

function git(cwd: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd, env, encoding: "utf8" }).trim();
}

function shell(cwd: string, command: string): string {
  return execFileSync("sh", ["-c", command], { cwd, env, encoding: "utf8" });
}

function check(name: string, isRight: boolean, detail: string): void {
  if (isRight) {
    passed++;
    return;
  }
  console.error(`${name}: failed\n${detail}`);
  process.exit(1);
}

/** Takes git-lfs from the system, or installs it where this may be done. */
function requireGitLfs(): void {
  const isThere = () => spawnSync("git-lfs", ["version"]).status === 0;
  if (isThere()) return;
  if (process.getuid?.() === 0 && spawnSync("apt-get", ["install", "-y", "git-lfs"]).status === 0) {
    if (isThere()) return;
  }
  skip("git-lfs is not installed, and cannot be by apt-get here");
}
