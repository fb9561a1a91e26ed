import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { sharedFolder } from "../../scripts/shared.ts";
import { openEngine } from "../engine/index.ts";
import { compareStatistics } from "./compare.fixture.ts";
import { computeStatistics } from "./generate.ts";
import { type FileInput, formatOf } from "./input.ts";
import { parseStatisticsOptions } from "./options.ts";
import { readMessage } from "./proto-file.ts";

/** What a case's options.json may say, of what is read here. */
interface GoldenCase {
  readonly input: string;
  readonly format: string;
  readonly stats_options: Record<string, unknown>;
  readonly csv_options?: { readonly delimiter?: string; readonly column_names?: string[] };
}

const shared = sharedFolder();
const cases =
  shared === undefined ? [] : globSync("goldens/tfdv/stats_*/options.json", { cwd: shared });
const engine = await openEngine({ threads: 1 });
after(() => engine[Symbol.asyncDispose]());

test(
  "golden statistics are here",
  {
    skip: shared === undefined && "the shared folder is not here",
  },
  () => assert.ok(cases.length >= 36),
);

for (const file of cases.sort()) {
  const folder = join(shared!, dirname(file));
  test(`statistics equal TFDV's: ${basename(folder)}`, async () => {
    const golden: GoldenCase = JSON.parse(readFileSync(join(shared!, file), "utf8"));
    const { delimiter, column_names: columnNames } = golden.csv_options ?? {};
    const input: FileInput = {
      format: formatOf(golden.format),
      paths: [join(folder, golden.input)],
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(columnNames === undefined ? {} : { columnNames }),
    };
    const schemaFile = join(folder, "schema.pbtxt");
    const options = {
      ...parseStatisticsOptions(golden.stats_options),
      ...(existsSync(schemaFile) ? { schema: await readMessage(SchemaSchema, schemaFile) } : {}),
    };
    const { statistics } = await computeStatistics(engine, input, options);
    const want = await readMessage(
      DatasetFeatureStatisticsListSchema,
      join(folder, "expected_stats.pbtxt"),
    );
    assert.deepEqual(compareStatistics(want, statistics), []);
  });
}
