import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder, waybill } from "./spawn.fixture.ts";

/** A project under git; `run` is the command line in it, which must succeed with one of `codes`. */
async function project() {
  const folder = await temporaryFolder();
  const cwd = folder.path;
  execFileSync("git", ["init", "-q"], { cwd });
  const run = async (words: string[], ...codes: number[]) => {
    const answer = await waybill(words, { cwd });
    const wanted = codes.length === 0 ? [0] : codes;
    assert.ok(wanted.includes(answer.exitCode ?? -1), `${words.join(" ")}: ${answer.stderr}`);
    return answer;
  };
  await run(["init", "-q"]);
  return { folder, cwd, run };
}

test("a schema is published in versions, compared, fixed, and taken back", async () => {
  const { folder, cwd, run } = await project();
  await using _folder = folder;
  await writeFile(join(cwd, "a.csv"), "city,fare\nA,1.5\nB,2.5\n");
  await writeFile(join(cwd, "b.csv"), "city\nA\nC\n");
  await run(["statistics", "a.csv", "-o", "a.pbtxt"]);
  await run(["statistics", "b.csv", "-o", "b.pbtxt"]);
  await run(["schema", "infer", "a.pbtxt", "-o", "schema.pbtxt"]);
  await run(["schema", "approve", "trips", "schema.pbtxt", "-m", "first"]);
  const proposed = JSON.parse(
    (await run(["schema", "propose", "trips", "--stats", "b.pbtxt", "--json"])).stdout,
  );
  const features = proposed.proposals.map(({ feature }: { feature: string }) => feature);
  assert.deepEqual(features, ["city", "fare"]);
  const take = ["--take", "city", "-o", "next.pbtxt"];
  await run(["schema", "propose", "trips", "--stats", "b.pbtxt", ...take]);
  await run(["schema", "diff", "trips", "next.pbtxt", "--require", "forward"], 3);
  await run(["schema", "approve", "trips", "next.pbtxt", "--require", "backward"]);
  await run(["schema", "rollback", "trips", "--to", "1"]);
  const { versions } = JSON.parse((await run(["schema", "history", "trips", "--json"])).stdout);
  const numbers = versions.map(({ number }: { number: number }) => number);
  assert.deepEqual(numbers, [3, 2, 1]);
  const { stdout } = await run(["schema", "types", "trips@1", "--name", "Trip"]);
  assert.match(stdout, /interface Trip[\s\S]*city: "A" \| "B"/);
  assert.match((await run(["schema", "show", "trips@9"], 5)).stderr, /versions? /);
});

test("snapshots are tagged, rolled back and expired, and nothing goes without a yes", async () => {
  const { folder, cwd, run } = await project();
  await using _folder = folder;
  await writeFile(join(cwd, "a.csv"), "n\n1\n2\n");
  await run(["warehouse", "load", "t", "a.csv"]);
  await run(["warehouse", "tag", "t", "first"]);
  await run(["warehouse", "append", "t", "a.csv"]);
  const count = async (...words: string[]) =>
    JSON.parse((await run(["sql", "SELECT count(*) AS n FROM t", "--json", ...words])).stdout).n;
  assert.equal(await count("--as-of", "first"), 2);
  await run(["warehouse", "rollback", "t", "--to", "first"]);
  assert.equal(await count(), 2);
  const expire = ["warehouse", "expire", "t", "--older-than", "2100-01-01"];
  const planned = JSON.parse((await run([...expire, "--dry-run", "--json"])).stdout);
  assert.equal(planned.snapshots.length, 1);
  const refused = await run(expire, 1);
  assert.match(refused.stderr, /--dry-run.*--yes/);
  const gone = JSON.parse((await run([...expire, "--yes", "--json"])).stdout);
  assert.deepEqual(
    gone.snapshots.map(({ id }: { id: number }) => id),
    planned.snapshots.map(({ id }: { id: number }) => id),
  );
  assert.equal(await count(), 2);
});

test("versions travel to a remote and back, and the cache is cleaned only with a yes", async () => {
  const { folder, cwd, run } = await project();
  await using _folder = folder;
  const data = join(cwd, "data.txt");
  await writeFile(data, "one");
  await run(["add", "data.txt", "-q"]);
  await run(["remote", "add", "-d", "backup", join(cwd, "backup")]);
  assert.match((await run(["remote", "list"])).stdout, /^backup\t/);
  await run(["push", "-q"]);
  await writeFile(data, "two");
  assert.equal((await run(["status", "-q"], 1)).stdout, "");
  await run(["commit", "-q"]);
  await run(["gc", "-w", "-q"], 1);
  assert.equal(JSON.parse((await run(["gc", "-w", "--yes", "--json"])).stdout).removed.length, 1);
  await rm(data);
  await run(["checkout", "-q"]);
  assert.equal(await readFile(data, "utf8"), "two");
  await run(["move", "data.txt", "moved.txt", "-q"]);
  assert.ok(existsSync(join(cwd, "moved.txt.dvc")));
  await run(["remove", "moved.txt.dvc", "-q"]);
  assert.ok(existsSync(join(cwd, "moved.txt")));
  const check = JSON.parse((await run(["metadata", "check", "--json"], 0, 3)).stdout);
  assert.ok(check.counts.executions >= 2);
});
