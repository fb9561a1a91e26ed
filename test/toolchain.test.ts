import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { root } from "../scripts/shared.ts";

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>;
}

test("scripts run on the pinned Node", () => {
  assert.match(process.version, /^v26\./);
});

test("every subpath that the package exports has a door in src", () => {
  const manifest: Manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const missing = Object.entries(manifest.exports)
    .map(([subpath, { default: built }]) => ({ subpath, source: sourceOf(built) }))
    .filter(({ source }) => !existsSync(`${root}${source}`));
  assert.deepEqual(missing, []);
});

test("the published package holds built code and no tests, data or pinned Node", () => {
  const packed = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
  });
  const [{ files }]: [{ files: { path: string }[] }] = JSON.parse(packed.stdout);
  const paths = files.map(({ path }) => path);
  assert.ok(paths.includes("bin/waybill.js") && paths.includes("dist/src/cli/main.js"));
  const unwanted = paths.filter((path) =>
    /\.test\.|\.fixture\.|\.conformance\.|tools\/|\.ci/.test(path),
  );
  assert.deepEqual(unwanted, []);
});

/** `./dist/src/lake/index.js` is built from `src/lake/index.ts`. */
function sourceOf(built: string): string {
  return built.replace("./dist/", "").replace(/\.js$/, ".ts");
}
