import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

/** Which folders of src each folder may import (its own is always allowed), and whether gen/. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  storage: ["foundation"],
  database: ["foundation"],
  engine: ["foundation"],
  metadata: ["foundation", "database", "gen"],
  lake: ["foundation", "storage", "metadata", "gen"],
  versioning: ["foundation", "storage", "metadata", "gen"],
  statistics: ["foundation", "engine", "metadata", "gen"],
  schema: ["foundation", "metadata", "gen", "statistics"],
  anomalies: ["foundation", "engine", "metadata", "gen", "statistics", "schema"],
  warehouse: ["foundation", "storage", "engine", "database", "metadata", "gen"],
  features: [
    "foundation",
    "storage",
    "engine",
    "database",
    "metadata",
    "statistics",
    "warehouse",
    "gen",
  ],
  lineage: ["foundation", "metadata", "gen"],
  protection: ["foundation", "metadata", "lineage", "lake", "versioning", "warehouse", "features"],
};

const PARTS = Object.keys(MAY_IMPORT);
const WIRED = [...PARTS, "gen"];

/** Folders that wire parts together. */
const APPS: Readonly<Record<string, readonly string[]>> = {
  project: WIRED,
  journey: [...WIRED, "project"],
  protocols: [...WIRED, "server"],
  server: [...WIRED, "project"],
  cli: [...WIRED, "project", "journey", "protocols", "server"],
};

/** The only folder (or file prefix) that may import a package. Node's own modules are free. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  "@duckdb/node-api": ["engine/duckdb/"],
  lmdb: ["features/online/"],
  mysql2: ["database/"],
  pg: ["database/"],
  "@aws-sdk/client-s3": ["storage/"],
  yaml: ["versioning/", "project/", "pipeline/", "cli/"],
  "@bufbuild/protobuf": [""],
};

/** Folders within a part that are entered by themselves, so that a program that git starts loads only them. */
const SECOND_DOORS: readonly string[] = ["versioning/lfs"];

const src = dirname(fileURLToPath(import.meta.url));
const files = globSync("**/*.ts", { cwd: src }).filter((file) => !isTest(file));

test("imports point only to folders that the architecture allows, and only at their doors", () => {
  assert.ok(files.length > 20, `only ${files.length} files were found in ${src}`);
  const wrong = files.flatMap((file) =>
    importsOf(file).flatMap((specifier) => {
      const complaint = judge(file, specifier);
      return complaint === undefined ? [] : [`src/${file}: ${specifier}: ${complaint}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test("a folder of src that the table does not know is an error", () => {
  const folders = new Set(files.filter((file) => file.includes("/")).map(folderOf));
  const known = new Set([...PARTS, ...Object.keys(APPS)]);
  assert.deepEqual([...folders].filter((folder) => !known.has(folder)).sort(), []);
});

function judge(file: string, specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (!specifier.startsWith(".")) return judgePackage(file, specifier);
  const target = relative(src, resolve(src, dirname(file), specifier));
  if (!specifier.endsWith(".ts")) return "relative imports end in .ts";
  if (!file.includes("/")) return undefined;
  const from = folderOf(file);
  const allowed = MAY_IMPORT[from] ?? APPS[from] ?? [];
  if (target.startsWith("../gen/")) {
    return allowed.includes("gen") ? undefined : `${from} may not import gen`;
  }
  if (target.startsWith("..")) return "leaves src";
  const to = folderOf(target);
  if (to === from) {
    const other = from === "protocols" && target.split("/")[1] !== file.split("/")[1];
    return other ? "a protocol may not import another protocol" : undefined;
  }
  if (!allowed.includes(to)) return `${from} may not import ${to}`;
  const hasOwnDoor =
    to === "protocols" || SECOND_DOORS.some((each) => target.startsWith(`${each}/`));
  const door = hasOwnDoor ? target.split("/").slice(0, 2).join("/") : to;
  return target === join(door, "index.ts") ? undefined : `import the door ${door}/index.ts`;
}

function judgePackage(file: string, specifier: string): string | undefined {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const homes = PACKAGE_HOMES[name];
  if (homes === undefined) return `package ${name} has no home in the table`;
  return homes.some((home) => file.startsWith(home))
    ? undefined
    : `package ${name} belongs in ${homes.join(", ")}`;
}

/** Every module that a file imports: static, type-only, re-exported, or by a literal import(). */
function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  const { module, errors } = parseSync(file, text);
  assert.deepEqual(errors, [], `src/${file} does not parse`);
  const dynamic = module.dynamicImports
    .map(({ moduleRequest: { start, end } }) => text.slice(start, end))
    .filter((argument) => /^["']/.test(argument))
    .map((argument) => argument.slice(1, -1));
  const reexports = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest }) => (moduleRequest ? [moduleRequest.value] : [])),
  );
  const imports = module.staticImports.map(({ moduleRequest }) => moduleRequest.value);
  return [...imports, ...reexports, ...dynamic];
}

function isTest(file: string): boolean {
  return /\.(test|conformance|fixture|bench)\.ts$|(^|\/)bench\.ts$/.test(file);
}

function folderOf(file: string): string {
  return file.split("/")[0] ?? "";
}
