// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are templates of dvc.yaml.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { propertiesOf } from "../../metadata/index.ts";
import { checkout } from "../checkout.ts";
import { addRemote } from "../config-edit.ts";
import { diff } from "../diff.ts";
import { gc } from "../gc.ts";
import { init } from "../init.ts";
import { formatStatus, status } from "../status.ts";
import { push } from "../transfer.ts";
import { hasCode, openRepoFixture, type RepoFixture, runGitIn } from "../versioning.fixture.ts";
import { type ReproduceOptions, reproduce } from "./reproduce.ts";

const PIPELINE = `stages:
  prep:
    cmd: echo prep >> runs && cat in.txt > mid.txt
    deps:
    - in.txt
    params:
    - seed
    outs:
    - mid.txt
  fan:
    foreach: \${names}
    do:
      cmd: echo fan-\${item} >> runs && mkdir -p out && cat mid.txt > out/\${item}.txt
      deps:
      - mid.txt
      outs:
      - out/\${item}.txt
  grid:
    matrix:
      m: [x]
      n: [1, 2]
    cmd:
    - echo grid >> runs
    - echo \${item.m}\${item.n} > g_\${item.n}.json
    deps:
    - in.txt
    metrics:
    - g_\${item.n}.json:
        cache: false
`;

interface PipelineFixture extends RepoFixture {
  repro(options?: ReproduceOptions): Promise<Record<string, string>>;
  runs(): string[];
}

async function openPipeline(yaml = PIPELINE): Promise<PipelineFixture> {
  const fixture = await openRepoFixture();
  await fixture.write({
    "dvc.yaml": yaml,
    "params.yaml": "seed: 7\nnames: [a, b]\n",
    "in.txt": "abc\n",
  });
  const logPath = join(fixture.folder, "runs");
  return {
    ...fixture,
    async repro(options = {}) {
      rmSync(logPath, { force: true });
      const stages = await fixture.step((step) =>
        reproduce(step, fixture.repo, { stdio: "ignore", ...options }),
      );
      return Object.fromEntries(stages.map(({ name, outcome }) => [name, outcome]));
    },
    runs: () =>
      existsSync(logPath) ? readFileSync(logPath, "utf8").trim().split("\n").sort() : [],
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

const ALL = ["prep", "fan@a", "fan@b", "grid@x-1", "grid@x-2"];
const allAre = (outcome: string) => Object.fromEntries(ALL.map((name) => [name, outcome]));

test("every stage runs once, in order, and is not run again while nothing changes", async () => {
  await using fixture = await openPipeline();
  assert.deepEqual(await fixture.repro({ dryRun: true }), allAre("stale"));
  assert.deepEqual(await fixture.repro(), allAre("ran"));
  assert.deepEqual(fixture.runs(), ["fan-a", "fan-b", "grid", "grid", "prep"]);
  const lock = readFileSync(join(fixture.folder, "dvc.lock"), "utf8");
  assert.match(lock, /^schema: '2\.0'\nstages:\n {2}prep:\n {4}cmd: echo prep/u);
  assert.deepEqual(await fixture.repro(), allAre("unchanged"));
  assert.equal(readFileSync(join(fixture.folder, "dvc.lock"), "utf8"), lock);
  assert.deepEqual(await status(fixture.repo), {});
});

test("only what depends on a change runs, and a known run is restored", async () => {
  await using fixture = await openPipeline();
  await fixture.repro();
  await fixture.write({ "params.yaml": "seed: 8\nnames: [a, b]\n" });
  const changed = await status(fixture.repo);
  assert.deepEqual(changed, {
    prep: [{ "changed deps": { "params.yaml": { seed: "modified" } } }],
  });
  assert.match(formatStatus(changed), /\t\tparams\.yaml:\n\t\t\tmodified: {11}seed/u);
  assert.deepEqual(await fixture.repro(), { ...allAre("unchanged"), prep: "ran" });
  await fixture.write({ "params.yaml": "seed: 7\nnames: [a, b, c]\n" });
  const outcomes = await fixture.repro();
  assert.equal(outcomes["prep"], "restored");
  assert.equal(outcomes["fan@c"], "ran");
  assert.deepEqual(fixture.runs(), ["fan-c"]);
});

test("a lost output comes back from the cache, by repro and by checkout", async () => {
  await using fixture = await openPipeline();
  await fixture.repro();
  rmSync(join(fixture.folder, "mid.txt"));
  assert.equal((await fixture.repro())["prep"], "restored");
  assert.deepEqual(fixture.runs(), []);
  rmSync(join(fixture.folder, "out"), { recursive: true });
  await checkout(fixture.repo);
  assert.equal(readFileSync(join(fixture.folder, "out/b.txt"), "utf8"), "abc\n");
});

test("targets choose stages with what they need, single ones alone, force runs them", async () => {
  await using fixture = await openPipeline();
  assert.deepEqual(Object.keys(await fixture.repro({ targets: ["fan@a"] })), ["prep", "fan@a"]);
  assert.deepEqual(await fixture.repro({ targets: ["fan"], isSingle: true }), {
    "fan@a": "unchanged",
    "fan@b": "ran",
  });
  assert.deepEqual(
    await fixture.repro({ targets: ["dvc.yaml:prep"], isSingle: true, force: true }),
    {
      prep: "ran",
    },
  );
  await assert.rejects(fixture.repro({ targets: ["nosuch"] }), hasCode("not_found"));
});

test("a stage that fails is not locked, and its error says how it ended", async () => {
  await using fixture = await openPipeline(
    "stages:\n  bad:\n    cmd: exit 3\n    deps: [in.txt]\n    outs: [never]\n",
  );
  await assert.rejects(fixture.repro(), (error) => {
    assert.ok(hasCode("failed_precondition")(error));
    assert.match(String(error), /"bad" failed: exit 3 ended with exit code 3/u);
    return true;
  });
  assert.equal(existsSync(join(fixture.folder, "dvc.lock")), false);
});

const REFUSED: readonly { name: string; yaml: string; code: string }[] = [
  {
    name: "a stage that needs itself",
    yaml: "stages:\n  a:\n    cmd: touch x\n    deps: [x]\n    outs: [x]\n",
    code: "failed_precondition",
  },
  {
    name: "two stages that need each other",
    yaml: "stages:\n  a: {cmd: x, deps: [p], outs: [q]}\n  b: {cmd: x, deps: [q], outs: [p]}\n",
    code: "failed_precondition",
  },
  {
    name: "one output of two stages",
    yaml: "stages:\n  a: {cmd: x, outs: [q]}\n  b: {cmd: x, outs: [q]}\n",
    code: "failed_precondition",
  },
  {
    name: "an output inside another's",
    yaml: "stages:\n  a: {cmd: x, outs: [q]}\n  b: {cmd: x, outs: [q/r]}\n",
    code: "failed_precondition",
  },
  {
    name: "a stage without a command",
    yaml: "stages:\n  a: {outs: [q]}\n",
    code: "invalid_argument",
  },
  {
    name: "an unknown variable",
    yaml: "stages:\n  a: {cmd: 'x ${y}'}\n",
    code: "invalid_argument",
  },
  { name: "cut YAML", yaml: "stages: [", code: "invalid_argument" },
  { name: "stages that are a list", yaml: "stages: [a]", code: "invalid_argument" },
  {
    name: "a dependency that is not there",
    yaml: "stages:\n  a: {cmd: x, deps: [gone], outs: [q]}\n",
    code: "not_found",
  },
  {
    name: "a parameter that is not there",
    yaml: "stages:\n  a: {cmd: x, params: [gone], outs: [q]}\n",
    code: "not_found",
  },
  {
    name: "an output that is not written",
    yaml: "stages:\n  a: {cmd: 'true', deps: [in.txt], outs: [q]}\n",
    code: "not_found",
  },
];
for (const { name, yaml, code } of REFUSED) {
  test(`${name} is refused`, async () => {
    await using fixture = await openPipeline(yaml);
    await assert.rejects(fixture.repro(), hasCode(code));
  });
}

test("an interrupted stage is killed with all that it started, and stays unlocked", async () => {
  await using fixture = await openPipeline(
    "stages:\n  slow:\n    cmd: touch started; sleep 60\n    deps: [in.txt]\n    outs: [q]\n",
  );
  const controller = new AbortController();
  const started = join(fixture.folder, "started");
  const timer = setInterval(() => existsSync(started) && controller.abort(), 20);
  await assert.rejects(
    fixture.step((step) =>
      reproduce({ ...pick(step), signal: controller.signal }, fixture.repo, { stdio: "ignore" }),
    ),
    hasCode("cancelled"),
  );
  clearInterval(timer);
  assert.equal(existsSync(join(fixture.folder, "dvc.lock")), false);
});

test("outputs are recorded as versions that name their stage", async () => {
  await using fixture = await openPipeline();
  const stages = await fixture.step((step) =>
    reproduce(step, fixture.repo, { stdio: "ignore", targets: ["prep"] }),
  );
  const [version] = stages[0]?.versions ?? [];
  assert.ok(version);
  assert.equal(propertiesOf(version)["stage"], "prep");
  assert.equal(propertiesOf(version)["path"], "mid.txt");
  await assert.rejects(fixture.add("mid.txt"), hasCode("failed_precondition"));
});

test("what pipelines made in earlier commits is kept by gc, compared by diff, and sent by push", async () => {
  await using fixture = await openPipeline();
  const { folder } = fixture;
  rmSync(join(folder, ".dvc"), { recursive: true });
  runGitIn(folder, ["init", "-q", "-b", "main"]);
  const repo = await addRemote(await init(folder), "store", "store", { isDefault: true });
  await fixture.write({ ".gitignore": "runs\nstore\n" });
  const reproduceAll = () => fixture.step((step) => reproduce(step, repo, { stdio: "ignore" }));
  await reproduceAll();
  runGitIn(folder, ["add", "-A"]);
  runGitIn(folder, ["commit", "-qm", "1"]);
  await fixture.write({ "in.txt": "other\n" });
  await reproduceAll();
  runGitIn(folder, ["add", "-A"]);
  runGitIn(folder, ["commit", "-qm", "2"]);
  assert.deepEqual(await diff(repo, { from: "HEAD~1", to: "HEAD" }), {
    added: [],
    deleted: [],
    modified: [{ path: "mid.txt" }, { path: "out/a.txt" }, { path: "out/b.txt" }],
    renamed: [],
  });
  assert.equal((await push(repo)).objectCount, 1);
  assert.ok((await push(repo, { allCommits: true })).objectCount >= 1);
  assert.deepEqual((await gc(repo, { allCommits: true })).removed, []);
  const removed = (await gc(repo, { workspace: true })).removed;
  assert.ok(removed.includes("0bee89b07a248e27c83fc3d5951213c1"));
});

/** The members of a step, which lie on its class, so that one can be given another signal. */
function pick(step: Parameters<typeof reproduce>[0]): Parameters<typeof reproduce>[0] {
  return {
    executionId: step.executionId,
    signal: step.signal,
    progress: step.progress,
    log: step.log,
    input: step.input.bind(step),
    note: step.note.bind(step),
    output: step.output.bind(step),
  };
}
