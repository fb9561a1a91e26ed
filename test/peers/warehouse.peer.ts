// Opens tables that Waybill wrote with the real PyIceberg: schema, rows, snapshots, pruning, time travel.
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, openEngine } from "../../src/engine/index.ts";
import { createRecorder, openMetadataStore } from "../../src/metadata/index.ts";
import { openFileStore } from "../../src/storage/index.ts";
import { openWarehouse, type Warehouse } from "../../src/warehouse/index.ts";
import { besidePeers, mustRun, peerPython } from "./peer.ts";

const python = process.env["WAYBILL_ICEBERG_PYTHON"] ?? peerPython("iceberg");
using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-peer-"));
await using engine = await openEngine();
await using metadata = await openMetadataStore("memory:");
const recorder = createRecorder(metadata);
const store = openFileStore(join(folder.path, "a warehouse é"));
const warehouse = openWarehouse({ store, engine, heads: recorder });

/** Every type with its edges; `i` makes rows of it. */
const TYPES = `
  i AS id, (i % 2 = 0) AS flag, i::INT - 5 AS small, i * 1.25::DOUBLE AS real, (i / 4)::FLOAT AS single,
  CASE WHEN i % 5 = 4 THEN NULL ELSE 'naïve ''' || i || ''' 漢字' END AS text,
  DATE '1969-12-28' + i::INT AS day, TIMESTAMP '2026-03-01 12:00:00.123456' + to_seconds(i) AS time,
  TIMESTAMPTZ '1969-12-31 23:59:59.999+00' + to_microseconds(i) AS instant,
  (i * 1.01)::DECIMAL(9,2) AS amount, (i || '.0123456789')::DECIMAL(38,10) AS huge,
  'a\\x00\\xFF'::BLOB AS bytes, {'lat': i + 0.5::DOUBLE, 'inner': [{'y': i}]} AS place,
  ['t' || i, NULL] AS tags, MAP {'k': i::INT} AS attrs, TIME '23:59:59.000001' AS clock,
  ('00000000-0000-4000-8000-0000000000' || (10 + i))::UUID AS uid`;

for (const [from, to] of [
  [0, 5],
  [5, 8],
  [8, 12],
]) {
  const relation = `(SELECT ${TYPES} FROM range(${from}, ${to}) t(i))`;
  await recorder.step("Load", {}, (step) => warehouse.load(step, "peer.types", { relation }));
}

// Partitions of three kinds, a changed schema, rows deleted and merged.
await recorder.step("Load", {}, (step) =>
  warehouse.createTable(
    step,
    "peer.parts",
    [
      { name: "id", type: "int" },
      { name: "name", type: "string" },
      { name: "day", type: "date" },
      { name: "amount", type: "decimal(9,2)" },
    ],
    {
      partitionBy: [
        { column: "day", transform: "month" },
        { column: "id", transform: "bucket[3]" },
        { column: "name", transform: "truncate[2]" },
        { column: "amount", name: "amount_part" },
      ],
      sortBy: [{ column: "id", direction: "desc" }],
    },
  ),
);
const parts = `(SELECT i::INT AS id, CASE WHEN i % 7 = 6 THEN NULL ELSE 'näme' || i % 2 END AS name,
  DATE '1969-11-28' + (i * 20)::INT AS day, (i % 2 - 0.5)::DECIMAL(9,2) AS amount FROM range(20) t(i))`;
await recorder.step("Load", {}, (step) =>
  warehouse.append(step, "peer.parts", { relation: parts }),
);
await recorder.step("Load", {}, (step) =>
  warehouse.alter(step, "peer.parts", [
    { kind: "rename-column", name: "name", to: "title" },
    { kind: "widen-column", name: "id", type: "long" },
    { kind: "add-column", name: "city", type: "string" },
    { kind: "partition-by", fields: [{ column: "day", transform: "day" }] },
  ]),
);
await recorder.step("Load", {}, (step) =>
  warehouse.delete(step, "peer.parts", { where: "id % 5 = 0" }),
);
await recorder.step("Load", {}, (step) =>
  warehouse.merge(step, "peer.parts", {
    relation: "(SELECT i AS id, 'Ulm' AS city FROM range(18, 22) t(i))",
    on: ["id"],
  }),
);

const tables = [
  await expected(engine, warehouse, "peer.parts", [
    ["day < '1970-01-01'", [1], 1],
    ["title = 'näme1' and id < 9", [1, 3, 7], undefined],
    ["title is null", [6, 13, 20, 21], undefined],
    ["city = 'Ulm'", [18, 19, 20, 21], undefined],
    ["amount = 0.50 and id > 15", [17, 19], undefined],
  ]),
  await expected(engine, warehouse, "peer.types", [
    ["id >= 8", [8, 9, 10, 11], 1],
    ["id < 3", [0, 1, 2], 1],
    ["day = '1970-01-03'", [6], 1],
    ["amount > 100", [], 0],
    ["real > 5.5 and real < 6.3", [5], 1],
    ["text is null", [4, 9], 2],
  ]),
];
mustRun(python, [besidePeers("warehouse.py")], JSON.stringify({ tables }));

/** What PyIceberg must see of a table: our own engine's answers, printed as Python prints values. */
async function expected(
  engine: Engine,
  warehouse: Warehouse,
  name: string,
  filters: readonly (readonly [string, ids: readonly number[], files: number | undefined])[],
) {
  const view = await warehouse.table(name);
  const columns = view.schema.fields.map(({ name, type }) =>
    typeof type === "string" ? printed(`"${name}"`, type) : `to_json("${name}")::VARCHAR`,
  );
  const rows = await engine.rows(
    `SELECT [${columns.join(", ")}] AS row FROM ${view.relation} ORDER BY id`,
  );
  const snapshots = [];
  for (const { id, time } of await warehouse.snapshots(name)) {
    const { relation } = await warehouse.table(name, { asOf: id });
    const ids = await engine.rows(`SELECT id FROM ${relation} ORDER BY id`);
    snapshots.push({
      id: Number(id),
      time_ms: time.getTime(),
      ids: ids.map((row) => Number(row["id"])),
    });
  }
  return {
    name,
    metadata: view.metadataUri,
    schema: view.schema.fields.map(({ id, name, type, required }) => [
      id,
      name,
      typeof type === "string" ? type.replace(",", ", ") : type.type,
      required,
    ]),
    rows: rows.map((row) => row["row"]),
    files: view.fileCount,
    snapshots,
    filters: filters.map(([expression, ids, files]) => [expression, ids, files ?? null]),
  };
}

function printed(column: string, type: string): string {
  switch (type) {
    case "boolean":
      return `CASE WHEN ${column} THEN 'True' ELSE 'False' END`;
    case "timestamp":
      return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%f')`;
    case "timestamptz":
      return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%f') || '+00:00'`;
    case "time":
      return `strftime(DATE '2000-01-01' + ${column}, '%H:%M:%S.%f')`;
    case "binary":
      return `lower(hex(${column}))`;
    default:
      return `${column}::VARCHAR`;
  }
}
