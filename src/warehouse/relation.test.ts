import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import { openTableFiles } from "./files.ts";
import type { AvroValue } from "./formats/avro.ts";
import type { DataFile, ManifestEntry } from "./formats/manifest.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { parseNewSchema } from "./formats/update-json.ts";
import { newTable } from "./new-table.ts";
import { FILE_COLUMN, relationOf } from "./relation.ts";
import { openTestWarehouse, type TestWarehouse } from "./warehouse.fixture.ts";

const SCHEMA = parseNewSchema({
  type: "struct",
  "schema-id": 0,
  fields: [
    { id: 1, name: "id", required: false, type: "int" },
    { id: 2, name: "filename", required: false, type: "string" },
  ],
});
/** One that the schema of today no longer has, and that delete files still compare. */
const OLDER: TableSchema = {
  type: "struct",
  "schema-id": 1,
  fields: [...SCHEMA.fields, { id: 3, name: "gone", required: false, type: "int" }],
};
const IDS = { id: 1, filename: 2, gone: 3, file_path: 2147483546, pos: 2147483545 };

/** Writes a file as any engine may, and gives the entry that a manifest would have of it. */
async function written(
  given: TestWarehouse,
  name: string,
  query: string,
  entry: { readonly sequence: bigint } & Partial<DataFile>,
): Promise<ManifestEntry> {
  const files = openTableFiles(given.store);
  await files.makeFolder("main/t/data");
  const uri = files.uriOf(`main/t/data/${name}`);
  const columns = (await given.engine.columns(`(${query})`)).map(({ name: column, type }) => ({
    id: IDS[column as keyof typeof IDS],
    name: column,
    type,
  }));
  await given.engine.execute(
    given.engine.dialect.copyToParquet(query, files.localPath(uri), columns),
  );
  const { sequence, ...file } = entry;
  const counts = new Map<number, number>();
  const bounds = new Map<number, Uint8Array>();
  return {
    status: "existing",
    snapshotId: 1n,
    sequenceNumber: sequence,
    fileSequenceNumber: sequence,
    file: {
      content: "data",
      path: uri,
      format: "PARQUET",
      partition: new Map<number, AvroValue>(),
      rowCount: 1,
      sizeBytes: 1,
      columnSizes: counts,
      valueCounts: counts,
      nullCounts: counts,
      nanCounts: counts,
      lowerBounds: bounds,
      upperBounds: bounds,
      ...file,
    },
  };
}

async function idsOf(given: TestWarehouse, entries: readonly ManifestEntry[]): Promise<unknown[]> {
  const empty = newTable("file:///t", SCHEMA, { properties: {}, nowMs: 0 });
  const metadata = { ...empty, schemas: [SCHEMA, OLDER] };
  const table = { metadata, schema: SCHEMA };
  const relation = relationOf(given.engine, openTableFiles(given.store), table, entries, {
    withFile: true,
  });
  const rows = await given.engine.rows(
    `SELECT id, filename, ${FILE_COLUMN} FROM ${relation} ORDER BY id`,
  );
  for (const row of rows) assert.match(String(row[FILE_COLUMN]), /\.parquet$/);
  return rows.map((row) => row["id"]);
}

const DATA = (from: number, to: number) =>
  `SELECT i::INT AS id, 'f' || i AS filename, i::INT % 2 AS gone FROM range(${from}, ${to}) t(i)`;

for (const { spelling, prefix } of [
  { spelling: "file:///path", prefix: "file://" },
  { spelling: "file:/path", prefix: "file:" },
  { spelling: "a bare path", prefix: "" },
]) {
  test(`position deletes take rows away when a file is spelled as ${spelling}`, async () => {
    await using given = await openTestWarehouse();
    const data = await written(given, "a.parquet", DATA(0, 5), { sequence: 1n });
    const other = await written(given, "b.parquet", DATA(5, 8), { sequence: 1n });
    const path = `${prefix}${openTableFiles(given.store).localPath(data.file.path)}`;
    const query = `SELECT '${path}' AS file_path, unnest([1, 3])::BIGINT AS pos`;
    const deletes = await written(given, "d.parquet", query, {
      sequence: 2n,
      content: "position-deletes",
    });
    assert.deepEqual(await idsOf(given, [data, other, deletes]), [0, 2, 4, 5, 6, 7]);
  });
}

test("position deletes also take rows of their own commit away, and none that are younger", async () => {
  await using given = await openTestWarehouse();
  const data = await written(given, "a.parquet", DATA(0, 3), { sequence: 2n });
  const query = `SELECT '${data.file.path}' AS file_path, 0::BIGINT AS pos`;
  const deletes = (sequence: bigint) =>
    written(given, `d${sequence}.parquet`, query, { sequence, content: "position-deletes" });
  assert.deepEqual(await idsOf(given, [data, await deletes(2n)]), [1, 2]);
  assert.deepEqual(await idsOf(given, [data, await deletes(1n)]), [0, 1, 2]);
});

test("equality deletes take older rows away, by value, NULL included", async () => {
  await using given = await openTestWarehouse();
  const older = await written(given, "a.parquet", `${DATA(0, 4)} UNION ALL SELECT NULL, 'n', 9`, {
    sequence: 1n,
  });
  const same = await written(given, "b.parquet", DATA(2, 5), { sequence: 2n });
  const query = "SELECT unnest([2, 3, NULL])::INT AS id";
  const deletes = await written(given, "e.parquet", query, {
    sequence: 2n,
    content: "equality-deletes",
    equalityIds: [1],
  });
  assert.deepEqual(await idsOf(given, [older, same, deletes]), [0, 1, 2, 3, 4]);
});

test("equality deletes may compare a column that the table no longer has", async () => {
  await using given = await openTestWarehouse();
  const data = await written(given, "a.parquet", DATA(0, 6), { sequence: 1n });
  const deletes = await written(given, "e.parquet", "SELECT 1::INT AS gone", {
    sequence: 2n,
    content: "equality-deletes",
    equalityIds: [3],
  });
  assert.deepEqual(await idsOf(given, [data, deletes]), [0, 2, 4]);
});

test("equality deletes of a partition are about that partition only", async () => {
  await using given = await openTestWarehouse();
  const part = (value: number) => ({ partition: new Map<number, AvroValue>([[1000, value]]) });
  const one = await written(given, "a.parquet", DATA(0, 3), { sequence: 1n, ...part(1) });
  const two = await written(given, "b.parquet", DATA(0, 3), { sequence: 1n, ...part(2) });
  const query = "SELECT 0::INT AS id";
  const equality = { sequence: 2n, content: "equality-deletes", equalityIds: [1] } as const;
  const deletes = await written(given, "e.parquet", query, { ...equality, ...part(1) });
  assert.deepEqual(await idsOf(given, [one, two, deletes]), [0, 1, 1, 2, 2]);
});

test("deletion vectors and other formats are refused by name", async () => {
  await using given = await openTestWarehouse();
  const data = await written(given, "a.parquet", DATA(0, 3), { sequence: 1n });
  for (const [format, why] of [
    ["PUFFIN", /deletion vectors of format version 3/],
    ["ORC", /ORC files/],
  ] as const) {
    const entry = { ...data, file: { ...data.file, format } };
    await assert.rejects(
      idsOf(given, [entry]),
      (error: unknown) =>
        error instanceof WaybillError && error.code === "unimplemented" && why.test(error.message),
    );
  }
});

test("files without field ids are refused, since all of their columns would read as NULL", async () => {
  await using given = await openTestWarehouse();
  const { warehouse, engine, step } = given;
  await step((open) => warehouse.load(open, "main.t", { relation: "(SELECT 1 AS id)" }));
  const properties = { "schema.name-mapping.default": "[]" };
  await step((open) => warehouse.alter(open, "main.t", [{ kind: "set-properties", properties }]));
  assert.deepEqual(await given.rows("main.t"), [{ id: 1 }], "its own file has ids");
  const { relation } = await warehouse.table("main.t");
  const path = /'([^']+\.parquet)'/.exec(relation)?.[1];
  await engine.execute(`COPY (SELECT 1 AS id) TO '${path}' (FORMAT parquet)`);
  for (const work of [
    () => given.rows("main.t"),
    () => step((open) => warehouse.delete(open, "main.t", { where: "id = 1" })),
  ]) {
    await assert.rejects(
      work,
      (error: unknown) => error instanceof WaybillError && /no field ids/.test(error.message),
    );
  }
});

test("a table without rows has its columns all the same", async () => {
  await using given = await openTestWarehouse();
  assert.deepEqual(await idsOf(given, []), []);
});
