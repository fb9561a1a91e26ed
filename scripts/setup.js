// Installs the locked dependencies when they changed and builds dist when sources changed.
// Plain JavaScript that any Node >= 20 runs: the pinned Node 26 is one of the things it installs.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

const windows = process.platform === "win32";
const pinnedNode = join(root, "node_modules", ".bin", windows ? "node.cmd" : "node");

/** Runs a command with its output on stderr, so that stdout stays the caller's. */
function run(file, args) {
  execFileSync(file, args, { stdio: ["ignore", 2, 2], shell: windows });
}

function stampMatches(path, want) {
  return existsSync(path) && readFileSync(path, "utf8") === want;
}

function install() {
  const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  const stamp = join("node_modules", ".setup-stamp");
  if (stampMatches(stamp, lock)) return;
  console.error("setup: installing locked dependencies (npm ci) ...");
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!existsSync(pinnedNode)) {
    console.error(
      `setup: npm installed no Node binary for ${process.platform}-${process.arch}.\n` +
        "       tools/node/package.json lists the platforms; was npm run with --omit=optional?",
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** Newest modification time below the given paths, in ms. */
function newest(paths) {
  let ms = 0;
  for (const path of paths) {
    const stat = statSync(path);
    ms = Math.max(ms, stat.mtimeMs);
    if (stat.isDirectory()) {
      ms = Math.max(ms, newest(readdirSync(path).map((name) => join(path, name))));
    }
  }
  return ms;
}

function build() {
  const sources = ["src", "gen", "tsconfig.json", "tsconfig.build.json"].filter((path) =>
    existsSync(path),
  );
  const want = String(newest(sources));
  const stamp = join("dist", ".build-stamp");
  if (stampMatches(stamp, want)) return;
  console.error("setup: building dist (tsc) ...");
  run(pinnedNode, [join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
  writeFileSync(stamp, want);
}

install();
if (!process.argv.includes("--install-only")) build();
