// Generates gen/ from proto/. With --check it fails when the committed code is not what generation gives.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./shared.ts";

process.chdir(root);
const tools = join("tools", "generate");

function install(): void {
  const lock = readFileSync(join(tools, "package-lock.json"));
  const want = createHash("sha256").update(lock).digest("hex");
  const stamp = join(tools, "node_modules", ".setup-stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === want) return;
  console.error("generate: installing the generators (npm ci in tools/generate) ...");
  execFileSync(
    "npm",
    ["ci", "--ignore-scripts", "--workspaces=false", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: tools, stdio: ["ignore", 2, 2], shell: process.platform === "win32" },
  );
  writeFileSync(stamp, want);
}

function generate(output: string): void {
  execFileSync(join(tools, "node_modules", ".bin", "buf"), ["generate", "--output", output], {
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
}

install();
if (process.argv.includes("--check")) {
  const scratch = mkdtempSync(join(root, "node_modules", ".gen-"));
  try {
    generate(scratch);
    const diff = spawnSync("diff", ["-r", join(scratch, "gen"), "gen"], { encoding: "utf8" });
    if (diff.status !== 0) {
      console.error(`${diff.stdout}gen/ is not what proto/ generates. Fix: npm run generate`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
} else {
  generate(".");
}
