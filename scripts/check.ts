// Everything that reads the code without running it; each check prints one line, and what is wrong.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { root } from "./shared.ts";

process.chdir(root);

interface Check {
  readonly name: string;
  readonly run: () => string | undefined;
}

const LONG_FILE_LINES = 400;

const CHECKS: readonly Check[] = [
  { name: "types", run: () => command("node_modules/typescript/bin/tsc", "-p", ".") },
  {
    name: "format and lint",
    run: () => command("node_modules/@biomejs/biome/bin/biome", "check", "."),
  },
  { name: "boundaries", run: () => command("--test", "src/architecture.test.ts") },
  { name: "generated code is current", run: () => command("scripts/generate.ts", "--check") },
  { name: "API documents are current", run: () => command("scripts/api-docs.ts", "--check") },
  { name: "unused code", run: () => command("node_modules/knip/bin/knip.js", "--no-progress") },
  { name: "exact versions, no install scripts", run: checkManifests },
];

let failed = 0;
for (const { name, run } of CHECKS) {
  const started = performance.now();
  const complaint = run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${complaint === undefined ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (complaint !== undefined) {
    failed++;
    console.log(complaint.trimEnd());
  }
}
for (const line of longFiles()) console.log(`note ${line}`);
if (failed > 0) process.exitCode = 1;

/** Runs a script with this Node; what it printed when it failed, else undefined. */
function command(...args: string[]): string | undefined {
  const result = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`;
}

function checkManifests(): string | undefined {
  const wrong: string[] = [];
  for (const path of ["package.json", "tools/node/package.json", "tools/generate/package.json"]) {
    const manifest: Record<string, unknown> = JSON.parse(readFileSync(path, "utf8"));
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version))) {
          wrong.push(`${path}: ${name} is "${version}", not an exact version`);
        }
      }
    }
    for (const hook of ["preinstall", "install", "postinstall", "prepare"]) {
      if (hook in Object(manifest["scripts"]))
        wrong.push(`${path}: has an install script, ${hook}`);
    }
  }
  return wrong.length === 0 ? undefined : wrong.join("\n");
}

/** Long sources, for a reviewer: each says in its first comment why it is one piece. */
function longFiles(): string[] {
  return globSync("{src,scripts}/**/*.ts")
    .map((path) => ({ path, lines: readFileSync(path, "utf8").split("\n").length }))
    .filter(({ path, lines }) => lines > LONG_FILE_LINES && !path.endsWith(".test.ts"))
    .sort((a, b) => b.lines - a.lines)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}
