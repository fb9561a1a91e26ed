// Runs every test of src/, test/ and scripts/ with Node's own runner, and prints its closing lines.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { root, sharedFolder } from "./shared.ts";

process.chdir(root);

if (sharedFolder() === undefined) {
  console.log("test: no shared folder (WAYBILL_SHARED); tests that need it are skipped");
}
const only = process.argv.slice(2);
const files = only.length > 0 ? only : globSync("{src,test,scripts}/**/*.test.ts").sort();
if (files.length === 0) {
  console.error("test: no test files were found");
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
process.exitCode = status ?? 1;
