import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS } from "./commands.ts";
import { temporaryFolder, waybill } from "./spawn.fixture.ts";

test("--version prints the package's version", async () => {
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  assert.deepEqual(await waybill(["--version"]), {
    exitCode: 0,
    stdout: `${version}\n`,
    stderr: "",
  });
});

test("waybill alone shows the journey and not every command", async () => {
  const { exitCode, stdout } = await waybill([]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /raw file to a served feature/);
  assert.ok(stdout.split("\n").length < 25);
});

const mistakes: readonly { words: string[]; says: RegExp }[] = [
  { words: ["doctro"], says: /no command "doctro"[\s\S]*Did you mean "waybill doctor"/ },
  { words: ["frobnicate"], says: /no command "frobnicate"[\s\S]*waybill help/ },
  { words: ["doctor", "--jsn"], says: /no option "--jsn"[\s\S]*Did you mean "--json"/ },
  { words: ["doctor", "extra"], says: /cannot use the word "extra"/ },
  { words: ["completion"], says: /needs SHELL/ },
  { words: ["completion", "fsh"], says: /Did you mean "waybill completion fish"/ },
  { words: ["--wat"], says: /no option "--wat"/ },
];
for (const { words, says } of mistakes) {
  test(`"waybill ${words.join(" ")}" exits 2 and says what to type`, async () => {
    const { exitCode, stdout, stderr } = await waybill(words);
    assert.equal(exitCode, 2);
    assert.equal(stdout, "");
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, / at .*\.ts:/);
  });
}

test("with --json a failure is one document on stdout as well", async () => {
  const { exitCode, stdout, stderr } = await waybill(["doctor", "--json", "--nope"]);
  assert.equal(exitCode, 2);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, "invalid_argument");
  assert.equal(error.exitCode, 2);
  assert.match(error.message, /--nope/);
  assert.match(stderr, /--nope/);
});

test("Ctrl-C stops a statement and exits 130", async () => {
  const { exitCode, stdout, stderr } = await waybill(
    ["sql", "-v", "SELECT count(*) FROM range(1000000000000) WHERE random() < 0.5"],
    { interruptAt: "waybill sql" },
  );
  assert.equal(exitCode, 130);
  assert.equal(stdout, "");
  assert.match(stderr, /Interrupted/);
});

test("--verbose adds the stack", async () => {
  const { stderr } = await waybill(["doctor", "--nope", "--verbose"]);
  assert.match(stderr, /\n {4}at /);
});

test("doctor checks the installation and tells no secrets", async () => {
  await using folder = await temporaryFolder();
  const { exitCode, stdout } = await waybill(["doctor", "--json"], {
    cwd: folder.path,
    env: { WAYBILL_TOKEN: "hunter2", AWS_SECRET_ACCESS_KEY: "hunter2" },
  });
  assert.equal(exitCode, 0);
  assert.doesNotMatch(stdout, /hunter2/);
  const { checks } = JSON.parse(stdout);
  const names = checks.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ["node", "platform", "project", "disk", "engine", "git"]);
});

test("a reader that goes away early is nobody's failure", async () => {
  const { exitCode, stderr } = await waybill(["help", "--markdown"], { closeStdoutAfterBytes: 1 });
  assert.equal(stderr, "");
  assert.equal(exitCode, 0);
});

for (const shell of ["bash", "zsh", "fish"]) {
  test(`the ${shell} completion asks the program itself`, async () => {
    const { exitCode, stdout } = await waybill(["completion", shell]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /__complete/);
  });
}

test("completion knows commands, verbs, options and choices", async () => {
  const complete = async (...words: string[]) => {
    const { stdout } = await waybill(["__complete", "--", ...words]);
    return stdout.split("\n").map((line) => line.split("\t")[0]);
  };
  assert.ok((await complete("doc")).includes("doctor"));
  assert.ok((await complete("doctor", "--js")).includes("--json"));
  assert.ok((await complete("completion", "")).includes("zsh"));
});

test("every command has help with an example, and its name is the words that call it", async () => {
  for (const { name, load } of COMMANDS) {
    const { command } = await load();
    assert.equal(command.name, name);
    assert.ok(command.examples.length > 0, `${name} has no example`);
    for (const { line } of command.examples) {
      assert.ok(line === name || line.startsWith(`${name} `), `${name}: example "${line}"`);
    }
    assert.doesNotMatch(command.summary, /\.$/);
  }
});

test("the guide is what the definitions say", async () => {
  const guide = readFileSync(new URL("../../docs/guide/cli.md", import.meta.url), "utf8");
  const { stdout } = await waybill(["help", "--markdown"]);
  assert.ok(stdout === guide, "stale: run waybill help --markdown > docs/guide/cli.md");
});

test("the journey that waybill alone shows is made of commands", async () => {
  const { stdout } = await waybill([]);
  for (const [, words] of stdout.matchAll(/^ {2}waybill (?!COMMAND)(\S+(?: \S+)?)/gm)) {
    const [noun, verb] = (words ?? "").split(" ");
    const isKnown = COMMANDS.some(({ name }) => name === noun || name === `${noun} ${verb}`);
    assert.ok(isKnown, `${words}`);
  }
});

test("help is a document with --json, too", async () => {
  const { journey } = JSON.parse((await waybill(["--json"])).stdout);
  assert.ok(journey.length > 5);
  const { name, options } = JSON.parse((await waybill(["doctor", "--help", "--json"])).stdout);
  assert.deepEqual([name, options], ["doctor", []]);
});

/** Files that running a module loads, its process given these words. */
function loadedBy(module: URL, call: string, ...words: string[]): string[] {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    process.argv = [process.argv[0], "waybill", ...JSON.parse(process.env.WORDS)];
    const { main } = await import(${JSON.stringify(module.href)});
    ${call}
    console.error(JSON.stringify(loaded.filter((url) => url.startsWith("file:"))));`;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { ...process.env, WORDS: JSON.stringify(words) },
  });
  return JSON.parse(stderr);
}

test("--version loads nothing but the entry", () => {
  const bin = new URL("../../bin/waybill.js", import.meta.url);
  assert.deepEqual(loadedBy(bin, "", "--version"), [bin.href]);
});

test("completion loads no protobuf and no package", () => {
  const call = "await main(process.argv.slice(2));";
  const loaded = loadedBy(new URL("main.ts", import.meta.url), call, "__complete", "--", "sch");
  assert.deepEqual(
    loaded.filter((url) => /\/(gen|node_modules)\//.test(url)),
    [],
  );
});
