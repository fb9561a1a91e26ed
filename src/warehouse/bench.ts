import { mkdtempDisposableSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../engine/index.ts";
import { systemClock } from "../foundation/index.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { openFileStore } from "../storage/index.ts";
import { openCatalog } from "./catalog.ts";
import { commitMetadata } from "./commit.ts";
import { openTableFiles } from "./files.ts";
import type { DataFile } from "./formats/manifest.ts";
import { encodeValue } from "./formats/primitive.ts";
import { parseTableName } from "./names.ts";
import { addSnapshot } from "./snapshot.ts";
import { openWarehouse } from "./warehouse.ts";

/** One line of the report. */
interface BenchRow {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  readonly ratio: number;
  readonly unit: string;
}

const ROWS = Number(process.env["WAYBILL_BENCH_ROWS"] ?? 10_000_000);
const SNAPSHOTS = 1000;
const FILES = 10_000;
const RUNS = 5;

/** Orders in the manner of TPC-H: dates, prices and flags to filter, group and sum by. */
const ORDERS = `(SELECT i AS id, i % 150000 AS customer, DATE '1992-01-01' + (i % 2400)::INT AS ordered,
  (i * 7919 % 100000)::DECIMAL(12,2) AS price, (i % 11)::INT AS discount, (i % 50)::INT AS quantity,
  chr((65 + i % 3)::INT) AS flag, 'order ' || i % 1000 AS comment FROM range(${ROWS}) t(i))`;

const QUERIES: Readonly<Record<string, string>> = {
  "pricing summary": `SELECT flag, sum(quantity), sum(price), sum(price * (100 - discount)), avg(price), count(*)
    FROM {rows} WHERE ordered <= DATE '1998-06-01' GROUP BY flag ORDER BY flag`,
  "revenue change": `SELECT sum(price * discount) FROM {rows}
    WHERE ordered >= DATE '1994-01-01' AND ordered < DATE '1995-01-01' AND discount BETWEEN 5 AND 7 AND quantity < 24`,
  "best customers": `SELECT customer, sum(price) AS spent FROM {rows} GROUP BY customer ORDER BY spent DESC, customer LIMIT 20`,
};

/** Times the warehouse against plain DuckDB over the same rows and files, and against its limits. */
export async function bench(): Promise<BenchRow[]> {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-bench-"));
  await using engine = await openEngine();
  await using metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata);
  const store = openFileStore(join(folder.path, "warehouse"));
  const warehouse = openWarehouse({ store, engine, heads: recorder });
  const rows: BenchRow[] = [];

  const plain = join(folder.path, "plain.parquet");
  const copy = await cpu(() =>
    engine.execute(`COPY ${ORDERS} TO '${plain}' (FORMAT parquet, COMPRESSION zstd)`),
  );
  const load = await cpu(() =>
    recorder.step("Load", {}, (step) => warehouse.load(step, "bench.orders", { relation: ORDERS })),
  );
  rows.push(compared(`append of ${ROWS.toLocaleString("en")} rows against plain COPY`, load, copy));

  const { relation } = await warehouse.table("bench.orders");
  for (const [name, query] of Object.entries(QUERIES)) {
    const [ours, theirs] = await interleaved(
      () => engine.rows(query.replace("{rows}", relation)),
      () => engine.rows(query.replace("{rows}", `read_parquet('${plain}')`)),
    );
    rows.push(compared(`query "${name}" against plain Parquet`, ours, theirs));
  }

  rows.push(await commitBench(), await planBench());
  return rows;

  /** A commit to a table with a long history, whose metadata is in the catalog's cache. */
  async function commitBench(): Promise<BenchRow> {
    const files = openTableFiles(store);
    const catalog = openCatalog(files, recorder);
    const context = { engine, files, catalog, heads: recorder, clock: systemClock };
    const name = parseTableName("bench.orders");
    const base = await catalog.load(name);
    const [snapshot] = base.metadata.snapshots;
    if (snapshot === undefined) return limited("commit", 0, 1);
    const older = Array.from({ length: SNAPSHOTS }, (_, index) => ({
      ...snapshot,
      "snapshot-id": BigInt(index + 1),
      "timestamp-ms": snapshot["timestamp-ms"] - SNAPSHOTS + index,
    }));
    const log = older.map((entry) => ({
      "snapshot-id": entry["snapshot-id"],
      "timestamp-ms": entry["timestamp-ms"],
    }));
    const next = {
      ...base.metadata,
      snapshots: [...older, ...base.metadata.snapshots],
      "snapshot-log": [...log, ...base.metadata["snapshot-log"]],
    };
    await recorder.step("Load", {}, (step) => commitMetadata(context, step, name, { base, next }));
    const times: number[] = [];
    for (let run = 0; run < 10; run++) {
      const state = await catalog.load(name);
      const changed = { ...state.metadata, properties: { run: String(run) } };
      const commit = () =>
        recorder.step("Load", {}, (step) =>
          commitMetadata(context, step, name, { base: state, next: changed }),
        );
      times.push(await cpu(commit));
    }
    return limited(`commit with ${SNAPSHOTS} snapshots, CPU`, median(times), 10);
  }

  /** Planning a scan of many files, with a filter that one of them is about. */
  async function planBench(): Promise<BenchRow> {
    const files = openTableFiles(store);
    const catalog = openCatalog(files, recorder);
    const context = { engine, files, catalog, heads: recorder, clock: systemClock };
    const relation = "(SELECT 1 AS id, 2 AS other)";
    await recorder.step("Load", {}, (step) => warehouse.load(step, "bench.files", { relation }));
    const name = parseTableName("bench.files");
    const base = await catalog.load(name);
    const data = join(folder.path, "warehouse", "bench", "files", "data");
    await mkdir(data, { recursive: true });
    const added: DataFile[] = [];
    for (let index = 0; index < FILES; index++) {
      const file = `${index}.parquet`;
      await writeFile(join(data, file), "");
      const bound = new Map([1, 2].map((id) => [id, encodeValue({ kind: "int" }, index)]));
      const counts = new Map([1, 2].map((id) => [id, 1]));
      added.push({
        content: "data",
        path: `${base.metadata.location}/data/${file}`,
        format: "PARQUET",
        partition: new Map(),
        rowCount: 1,
        sizeBytes: 1,
        columnSizes: counts,
        valueCounts: counts,
        nullCounts: new Map([1, 2].map((id) => [id, 0])),
        nanCounts: new Map(),
        lowerBounds: bound,
        upperBounds: bound,
      });
    }
    const change = { operation: "append", added } as const;
    const { metadata: next } = await addSnapshot(files, base.metadata, change, Date.now());
    await recorder.step("Load", {}, (step) => commitMetadata(context, step, name, { base, next }));
    const filter = [{ column: "id", op: "=", value: 7 }] as const;
    const times: number[] = [];
    for (let plan = 0; plan < 5; plan++) {
      times.push(await cpu(() => warehouse.table("bench.files", { filter })));
    }
    return limited(`plan of ${FILES.toLocaleString("en")} files, pruned, CPU`, median(times), 1000);
  }
}

/** Medians of two ways to do the same, run in turns. */
async function interleaved(
  ours: () => Promise<unknown>,
  theirs: () => Promise<unknown>,
): Promise<readonly [number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    times[0].push(await cpu(ours));
    times[1].push(await cpu(theirs));
  }
  return [median(times[0]), median(times[1])];
}

/** CPU time of this process and its engine's threads: other programs do not count. */
async function cpu(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function compared(name: string, ours: number, theirs: number): BenchRow {
  const text = (ms: number) => ms.toFixed(0);
  return { name, ours: text(ours), theirs: text(theirs), ratio: ours / theirs, unit: "CPU ms" };
}

function limited(name: string, ours: number, limit: number): BenchRow {
  const theirs = `a limit of ${limit}`;
  return { name, ours: ours.toFixed(1), theirs, ratio: ours / limit, unit: "ms" };
}
