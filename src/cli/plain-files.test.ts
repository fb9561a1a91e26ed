import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sharedFolder } from "../../scripts/shared.ts";
import { temporaryFolder, waybill } from "./spawn.fixture.ts";

const TRAIN = "city,fare,tips\nA,1.5,0\nB,2.5,1\nA,3.5,0\n";
const SERVING = "city,fare\nA,1.5\nC,2.5\n";

test("a dataset is counted, described and validated without a project, and none is made", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await writeFile(join(cwd, "train.csv"), TRAIN);
  await writeFile(join(cwd, "serving.csv"), SERVING);

  const shown = await waybill(["statistics", "train.csv"], { cwd });
  assert.equal(shown.exitCode, 0);
  assert.match(shown.stdout, /3 examples, 3 features/);

  const counted = await waybill(["statistics", "train.csv", "-o", "train.pbtxt"], { cwd });
  assert.deepEqual([counted.exitCode, counted.stdout], [0, ""]);
  assert.match(counted.stderr, /Wrote train\.pbtxt: 3 examples, 3 features/);
  const again = await waybill(["stats", "serving.csv", "-o", "serving.pb", "-q"], { cwd });
  assert.deepEqual(again, { exitCode: 0, stdout: "", stderr: "" });

  const inferred = await waybill(["schema", "infer", "train.pbtxt", "-o", "schema.pbtxt"], { cwd });
  assert.equal(inferred.exitCode, 0);
  assert.match(await readFile(join(cwd, "schema.pbtxt"), "utf8"), /name: "city"/);

  const clean = ["validate", "--stats", "train.pbtxt", "--schema", "schema.pbtxt"];
  assert.deepEqual(await waybill(clean, { cwd }), {
    exitCode: 0,
    stdout: "No anomalies.\n",
    stderr: "",
  });
  const found = await waybill(
    ["validate", "--stats", "serving.pb", "--schema", "schema.pbtxt", "-o", "found.pbtxt"],
    { cwd },
  );
  assert.equal(found.exitCode, 3);
  assert.match(found.stdout, /tips .*Column dropped/);
  assert.match(found.stdout, /city .*Unexpected string values/);
  assert.match(await readFile(join(cwd, "found.pbtxt"), "utf8"), /Column dropped/);

  const document = JSON.parse(
    (
      await waybill(["validate", "--stats", "serving.pb", "--schema", "schema.pbtxt", "--json"], {
        cwd,
      })
    ).stdout,
  );
  assert.deepEqual(Object.keys(document.anomaly_info).sort(), ["city", "tips"]);

  const updated = await waybill(
    ["schema", "update", "schema.pbtxt", "serving.pb", "-o", "next.pbtxt"],
    { cwd },
  );
  assert.equal(updated.exitCode, 0);
  const passed = await waybill(["validate", "--stats", "serving.pb", "--schema", "next.pbtxt"], {
    cwd,
  });
  assert.equal(passed.exitCode, 0);
  assert.equal(existsSync(join(cwd, ".waybill")), false);
});

const TRUNCATED_PARQUET = "PAR1\u0000\u0000\u0000\u0000cut";

const faults: readonly {
  fault: string;
  words: string[];
  exitCode: number;
  says: RegExp;
}[] = [
  {
    fault: "a missing file",
    words: ["statistics", "gone.csv", "-o", "out.pbtxt"],
    exitCode: 5,
    says: /gone\.csv/,
  },
  {
    fault: "a ragged CSV",
    words: ["statistics", "ragged.csv", "-o", "out.pbtxt"],
    exitCode: 7,
    says: /"ragged\.csv" line 3 .*\nhint: /,
  },
  {
    fault: "a Parquet file cut short",
    words: ["statistics", "cut.parquet", "-o", "out.pbtxt"],
    exitCode: 7,
    says: /cut\.parquet/,
  },
  {
    fault: "an empty file",
    words: ["statistics", "empty.csv", "-o", "out.pbtxt"],
    exitCode: 7,
    says: /"empty\.csv" is empty/,
  },
  {
    fault: "an input without a known ending",
    words: ["statistics", "data", "-o", "out.pbtxt"],
    exitCode: 2,
    says: /format/,
  },
  {
    fault: "an output whose name says no encoding",
    words: ["statistics", "good.csv", "-o", "out.what"],
    exitCode: 2,
    says: /out\.what[\s\S]*\.pbtxt/,
  },
  {
    fault: "an output in a folder that is none",
    words: ["statistics", "good.csv", "-o", "good.csv/out.pbtxt"],
    exitCode: 2,
    says: /good\.csv/,
  },
  {
    fault: "statistics that are no protobuf text",
    words: ["schema", "infer", "bad.pbtxt"],
    exitCode: 2,
    says: /"bad\.pbtxt" .*line 1/,
  },
  {
    fault: "binary statistics that are garbage",
    words: ["validate", "--stats", "bad.pb", "--schema", "bad.pb"],
    exitCode: 7,
    says: /bad\.pb/,
  },
  {
    fault: "neither a schema nor custom validations",
    words: ["validate", "--stats", "bad.pb"],
    exitCode: 2,
    says: /--schema/,
  },
  {
    fault: "an option of TFDV that there is not",
    words: ["statistics", "good.csv", "--options", "options.json"],
    exitCode: 2,
    says: /num_top_valuse/,
  },
  {
    fault: "SQL that does not parse",
    words: ["sql", "SELEC 1"],
    exitCode: 2,
    says: /SELEC/,
  },
  {
    fault: "a project that is asked for and not there",
    words: ["statistics", "good.csv", "--home", "nowhere"],
    exitCode: 5,
    says: /waybill init/,
  },
  {
    fault: "a command that needs a project where there is none",
    words: ["lake", "ls"],
    exitCode: 5,
    says: /waybill init/,
  },
];

for (const { fault, words, exitCode, says } of faults) {
  test(`${fault} exits ${exitCode}, says what to do and leaves nothing behind`, async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    await writeFile(join(cwd, "good.csv"), TRAIN);
    await writeFile(join(cwd, "ragged.csv"), "a,b\n1,2\n3\n");
    await writeFile(join(cwd, "cut.parquet"), TRUNCATED_PARQUET);
    await writeFile(join(cwd, "empty.csv"), "");
    await writeFile(join(cwd, "data"), TRAIN);
    await writeFile(join(cwd, "bad.pbtxt"), "what is this?");
    await writeFile(join(cwd, "bad.pb"), Buffer.from([0x0a, 0xff, 0x01]));
    await writeFile(join(cwd, "options.json"), '{"num_top_valuse": 3}');
    const before = readdirSync(cwd).sort();
    const run = await waybill(words, { cwd });
    assert.equal(run.exitCode, exitCode, run.stderr);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, says);
    assert.match(run.stderr, /^error: /);
    assert.doesNotMatch(run.stderr, /\n {4}at /);
    assert.deepEqual(readdirSync(cwd).sort(), before);
  });
}

const taxi =
  sharedFolder() === undefined ? undefined : join(sharedFolder() ?? "", "data/chicago_taxi");
test("the taxi data has the anomalies that TFDV finds: tips are absent from serving", {
  skip: taxi === undefined ? "no shared folder" : false,
}, async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  for (const name of ["train", "serving"]) {
    const { exitCode } = await waybill(
      ["statistics", join(taxi ?? "", `${name}.csv`), "-o", `${name}.pbtxt`],
      { cwd },
    );
    assert.equal(exitCode, 0);
  }
  await waybill(["schema", "infer", "train.pbtxt", "-o", "schema.pbtxt"], { cwd });
  const { exitCode, stdout } = await waybill(
    ["validate", "--stats", "serving.pbtxt", "--schema", "schema.pbtxt", "--json"],
    { cwd },
  );
  assert.equal(exitCode, 3);
  const { anomaly_info: anomalies } = JSON.parse(stdout);
  assert.equal(anomalies.tips.short_description, "Column dropped");
});
