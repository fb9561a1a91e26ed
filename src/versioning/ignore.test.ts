import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openIgnore } from "./ignore.ts";

/** Lines of a .dvcignore, then paths that it covers and paths that it does not; `/` behind a folder. */
const CASES: readonly { rules: string; covered: readonly string[]; open: readonly string[] }[] = [
  { rules: "*.log", covered: ["a.log", "d/e.log", "x.log/"], open: ["a.logs", "log"] },
  { rules: "/top", covered: ["top", "top/"], open: ["d/top"] },
  { rules: "tmp/", covered: ["tmp/", "d/tmp/"], open: ["tmp", "d/tmp"] },
  { rules: "a/b", covered: ["a/b"], open: ["d/a/b", "a/c"] },
  { rules: "**/b", covered: ["b", "d/b", "d/e/b"], open: ["bb"] },
  { rules: "a/**", covered: ["a/x", "a/x/y"], open: ["a", "a/", "b/a/x"] },
  { rules: "a/**/b", covered: ["a/b", "a/x/b", "a/x/y/b"], open: ["a/x", "ab"] },
  { rules: "*.log\n!keep.log", covered: ["a.log"], open: ["keep.log", "d/keep.log"] },
  { rules: "# c\n\\#d\n\\!e", covered: ["#d", "!e"], open: ["# c", "c"] },
  { rules: "f?o", covered: ["foo", "f-o"], open: ["fo", "f/o"] },
  { rules: "[ab].t\n[!c-e].u", covered: ["a.t", "f.u"], open: ["c.t", "d.u"] },
  { rules: "x[", covered: ["x["], open: ["x"] },
  { rules: "a.b+c(d)|e$", covered: ["a.b+c(d)|e$"], open: ["axb+c(d)|e$"] },
  { rules: "é*", covered: ["éa"], open: ["e"] },
  {
    rules: "",
    covered: [".git/", ".git", ".dvc/", ".hg/", "d/.git/"],
    open: [".gitignore", ".dvcignore"],
  },
];

for (const { rules, covered, open } of CASES) {
  test(`the rules ${JSON.stringify(rules)} cover what they should`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "ignore-"));
    await writeFile(join(folder.path, ".dvcignore"), rules);
    const ignore = openIgnore(folder.path);
    const isIgnored = (path: string) =>
      ignore.isIgnored(path.replace(/\/$/u, ""), path.endsWith("/"));
    for (const path of covered) assert.equal(isIgnored(path), true, path);
    for (const path of open) assert.equal(isIgnored(path), false, path);
  });
}

test("a .dvcignore below counts from its own folder, and a repository inside is passed by", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "ignore-"));
  await mkdir(join(folder.path, "d", "inner", ".dvc"), { recursive: true });
  await writeFile(join(folder.path, "d", ".dvcignore"), "/x\n");
  const inside = openIgnore(folder.path).inside("d");
  assert.equal(inside.isIgnored("d/x", false), true);
  assert.equal(inside.isIgnored("x", false), false);
  assert.equal(inside.isIgnored("d/e/x", false), false);
  assert.equal(inside.inside("d/inner").isIgnored("d/inner/file", false), true);
});
