// Runs what drives the real clients of the peers: every test/peers/*.peer.ts, each a program that
// exits 0 (passed), 75 (skipped, saying why in its last line) or else (failed). Closing line: counts.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename } from "node:path";
import { root } from "./shared.ts";

process.chdir(root);

const SKIPPED = 75;

const only = process.argv.slice(2);
const files = globSync("test/peers/*.peer.ts")
  .sort()
  .filter((file) => only.length === 0 || only.some((name) => basename(file).startsWith(name)));
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const name = basename(file, ".peer.ts");
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const output = `${stderr}${stdout}`.trimEnd();
  if (status === 0) {
    counts.passed++;
    console.log(`passed ${name} (${seconds} s): ${output.split("\n").at(-1) ?? ""}`);
  } else if (status === SKIPPED && process.env["CI"] !== "true") {
    counts.skipped++;
    console.log(`skipped ${name}: ${output.split("\n").at(-1) ?? ""}`);
  } else {
    counts.failed++;
    console.log(`FAILED ${name} (exit ${status}, ${seconds} s)\n${output}`);
  }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0 || counts.passed + counts.skipped === 0) process.exitCode = 1;
