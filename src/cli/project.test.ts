import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openSqlite } from "../database/index.ts";
import { temporaryFolder, waybill } from "./spawn.fixture.ts";

const TRIPS = "city,fare\nA,1.5\nB,2.5\n";

/** A folder that is a project under git, with one data file. */
async function projectFolder() {
  const folder = await temporaryFolder();
  execFileSync("git", ["init", "-q"], { cwd: folder.path });
  await writeFile(join(folder.path, "trips.csv"), TRIPS);
  const { exitCode, stderr } = await waybill(["init", "-q"], { cwd: folder.path });
  assert.equal(exitCode, 0, stderr);
  return folder;
}

test("data goes from a raw file to a table, and its lineage leads back", async () => {
  await using folder = await projectFolder();
  const cwd = folder.path;
  const again = await waybill(["init"], { cwd });
  assert.equal(again.exitCode, 6);

  const put = JSON.parse((await waybill(["lake", "put", "trips.csv", "--json"], { cwd })).stdout);
  assert.equal(put.files[0].name, "trips.csv");
  assert.equal(put.files[0].isReused, false);
  const reused = JSON.parse(
    (await waybill(["lake", "put", "trips.csv", "--json"], { cwd })).stdout,
  );
  assert.equal(reused.files[0].isReused, true);
  const listed = JSON.parse((await waybill(["lake", "ls", "--json"], { cwd })).stdout);
  assert.deepEqual(
    listed.files.map(({ name, sizeBytes }: { name: string; sizeBytes: number }) => [
      name,
      sizeBytes,
    ]),
    [["trips.csv", TRIPS.length]],
  );
  await waybill(["lake", "get", "trips.csv", "-o", "copy.csv"], { cwd });
  assert.equal(await readFile(join(cwd, "copy.csv"), "utf8"), TRIPS);

  assert.equal((await waybill(["add", "trips.csv"], { cwd })).exitCode, 0);
  assert.equal((await waybill(["status", "-q"], { cwd })).exitCode, 0);
  assert.deepEqual(JSON.parse((await waybill(["status", "--json"], { cwd })).stdout), {});

  assert.equal((await waybill(["warehouse", "load", "trips", "trips.csv"], { cwd })).exitCode, 0);
  const { snapshots } = JSON.parse(
    (await waybill(["warehouse", "snapshots", "trips", "--json"], { cwd })).stdout,
  );
  await waybill(["warehouse", "append", "trips", "trips.csv"], { cwd });
  const count = async (...words: string[]) =>
    (await waybill(["sql", "SELECT count(*) AS n FROM trips", "--json", ...words], { cwd })).stdout;
  assert.equal(await count(), '{"n":4}\n');
  assert.equal(await count("--as-of", String(snapshots[0].id)), '{"n":2}\n');

  const lineage = JSON.parse(
    (await waybill(["lineage", "table:main.trips", "--json"], { cwd })).stdout,
  );
  const types = lineage.artifacts.map(({ type }: { type: string }) => type);
  for (const type of ["WarehouseTable", "DataVersion", "RawFile"]) assert.ok(types.includes(type));
  const impact = await waybill(["lineage", "lake:trips.csv", "--down"], { cwd });
  assert.match(impact.stdout, /DataVersion[\s\S]*WarehouseTable/);
  const runs = JSON.parse((await waybill(["runs", "list", "--json"], { cwd })).stdout);
  assert.equal(runs.executions[0].type, "Load");
  const doctor = JSON.parse((await waybill(["doctor", "--json"], { cwd })).stdout);
  assert.equal(doctor.ok, true);

  await writeFile(join(cwd, "trips.csv"), `${TRIPS}C,1\n`);
  assert.equal((await waybill(["status", "-q"], { cwd })).exitCode, 1);
});

test("a name that leaves the lake is refused, and so is a link that leads out of a folder", async () => {
  await using folder = await projectFolder();
  const cwd = folder.path;
  await mkdir(join(cwd, "raw"));
  await symlink("/etc/hostname", join(cwd, "raw", "link"));
  const before = readdirSync(join(cwd, ".waybill")).sort();
  const cases: readonly (readonly [words: string[], exitCode: number])[] = [
    [["lake", "put", "trips.csv", "--as", "../../etc/passwd"], 2],
    [["lake", "put", "trips.csv", "--as", "/etc/passwd"], 2],
    [["lake", "get", "../../etc/passwd"], 2],
    [["lake", "put", "raw"], 4],
  ];
  for (const [words, exitCode] of cases) {
    const run = await waybill(words, { cwd });
    assert.equal(run.exitCode, exitCode, `${words.join(" ")}: ${run.stderr}`);
    assert.match(run.stderr, /^error: .*\nhint: /);
  }
  assert.deepEqual(readdirSync(join(cwd, ".waybill")).sort(), before);
  const { stdout } = await waybill(["lake", "ls", "--json"], { cwd });
  assert.deepEqual(JSON.parse(stdout), { files: [] });
});

test("a store that a newer program wrote is refused and left as it was", async () => {
  await using folder = await projectFolder();
  const cwd = folder.path;
  const path = join(cwd, ".waybill", "metadata.db");
  {
    await using database = await openSqlite(path);
    await database.write((rows) => rows.run("UPDATE MLMDEnv SET schema_version = 11", []));
  }
  const before = await readFile(path);
  const { exitCode, stderr } = await waybill(["lake", "ls"], { cwd });
  assert.equal(exitCode, 1);
  assert.match(stderr, /schema version 11.*\nhint: /);
  assert.deepEqual(await readFile(path), before);
  const doctor = await waybill(["doctor"], { cwd });
  assert.equal(doctor.exitCode, 3);
});

test("a store that is damaged is corrupt data", async () => {
  await using folder = await projectFolder();
  const path = join(folder.path, ".waybill", "metadata.db");
  await truncate(path, 5000);
  const { exitCode, stderr } = await waybill(["runs", "list"], { cwd: folder.path });
  assert.equal(exitCode, 7);
  assert.match(stderr, /metadata\.db/);
});

test("Ctrl-C while bytes are landing leaves the lake and the store as they were", async () => {
  await using folder = await projectFolder();
  const cwd = folder.path;
  const incoming = join(cwd, ".waybill", "lake", "incoming");
  const landing = (async () => {
    while (!existsSync(incoming) || readdirSync(incoming).length === 0) await delay(20);
  })();
  const { exitCode, stderr } = await waybill(["lake", "put", "-", "--as", "endless"], {
    cwd,
    input: "x".repeat(1 << 16),
    interruptWhen: landing,
  });
  assert.equal(exitCode, 130, stderr);
  assert.deepEqual(readdirSync(incoming), []);
  const { stdout } = await waybill(["lake", "ls", "--json"], { cwd });
  assert.deepEqual(JSON.parse(stdout), { files: [] });
});

test("features are defined, made, materialized and read by key", async () => {
  await using folder = await projectFolder();
  const cwd = folder.path;
  await writeFile(
    join(cwd, "daily.csv"),
    "city,day,fare\nA,2026-01-01,1.5\nA,2026-01-03,2.5\nB,2026-01-02,4\n",
  );
  await writeFile(
    join(cwd, "labels.csv"),
    "city,event_timestamp,label\nA,2026-01-02,1\nB,2026-01-01,0\n",
  );
  await writeFile(
    join(cwd, "features.yaml"),
    `entities:
  - { name: city, valueType: STRING }
sources:
  - { name: daily, kind: warehouse, table: main.daily, timestampField: day }
featureViews:
  - name: city_daily
    entities: [city]
    source: daily
    schema: [{ name: fare, dtype: DOUBLE }]
`,
  );
  await waybill(["warehouse", "load", "daily", "daily.csv"], { cwd });
  const applied = await waybill(["features", "apply", "features.yaml"], { cwd });
  assert.equal(applied.exitCode, 0, applied.stderr);
  assert.match(applied.stdout, /\+ featureViews city_daily/);
  const again = await waybill(["features", "apply", "features.yaml", "--json"], { cwd });
  assert.deepEqual(JSON.parse(again.stdout).changes, []);

  const historical = await waybill(
    ["features", "historical", "city_daily:fare", "--labels", "labels.csv", "-o", "train.parquet"],
    { cwd },
  );
  assert.equal(historical.exitCode, 0, historical.stderr);
  const rows = await waybill(["sql", "SELECT city, fare FROM 'train.parquet'", "--csv"], { cwd });
  assert.equal(rows.stdout, "city,fare\nA,1.5\nB,\n");

  const span = ["--start", "2026-01-01", "--end", "2026-02-01"];
  assert.equal((await waybill(["features", "materialize", ...span], { cwd })).exitCode, 0);
  const read = ["features", "get", "city_daily:fare", "-e", "city=A", "-e", "city=X"];
  const { results } = JSON.parse((await waybill([...read, "--json"], { cwd })).stdout);
  assert.deepEqual(results[1].values, [2.5, null]);
  assert.deepEqual(results[1].statuses, ["PRESENT", "NOT_FOUND"]);
  const wrong = await waybill(["features", "describe", "city_dialy"], { cwd });
  assert.equal(wrong.exitCode, 5);
  assert.match(wrong.stderr, /Did you mean "city_daily"/);
  await rm(join(cwd, "train.parquet"));
});
