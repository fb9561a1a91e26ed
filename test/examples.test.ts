import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, sharedFolder } from "../scripts/shared.ts";

interface Example {
  readonly name: string;
  /** Files of the shared folder that it is given. */
  readonly files?: readonly string[];
  readonly arguments?: readonly string[];
  readonly says: readonly RegExp[];
}

const EXAMPLES: readonly Example[] = [
  {
    name: "metadata-walk.ts",
    says: [
      /better than 0\.85: models\/run-2/,
      /learning_rate":0\.01/,
      /trained on data\/day-1\.csv/,
    ],
  },
  { name: "lake-to-table.ts", says: [/2 rows now, 3 as of snapshot/, /RawFile/] },
  {
    name: "validate-data.ts",
    files: ["data/chicago_taxi/train.csv", "data/chicago_taxi/serving.csv"],
    arguments: ["tips"],
    says: [/tips: Column dropped/, /in the environment SERVING, without tips: \d anomalies/],
  },
];

test("every example is run here", () => {
  assert.deepEqual(
    globSync("*.ts", { cwd: join(root, "examples") }).sort(),
    EXAMPLES.map(({ name }) => name).sort(),
  );
});

const shared = sharedFolder();
for (const { name, files = [], arguments: given = [], says } of EXAMPLES) {
  const skip = files.length > 0 && shared === undefined ? "no shared folder" : false;
  test(`the example ${name} runs and says what it should`, { skip }, () => {
    const paths = files.map((file) => join(shared ?? "", file));
    const run = spawnSync(process.execPath, [join(root, "examples", name), ...paths, ...given], {
      encoding: "utf8",
    });
    assert.deepEqual([run.status, run.stderr], [0, ""]);
    for (const pattern of says) assert.match(run.stdout, pattern);
  });
}
