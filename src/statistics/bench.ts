import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openEngine } from "../engine/index.ts";

/** One comparison in one run on the same machine and file. */
export interface BenchRow {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  /** Ours over theirs: below 1 is better. */
  readonly ratio: number;
  readonly unit: string;
}

const RUNS = 3;
const ROWS = 200_000;

/** A table of 20 columns as they come: keys, codes, amounts, names, dates, with gaps and long tails. */
const TABLE = `
  SELECT i AS id, 1600000000 + i * 7 AS moment, h % 100 AS small, (h // 7) % 100000 AS medium,
    CASE WHEN h % 10 = 0 THEN NULL ELSE (h // 11) % 100 - 50 END AS gaps,
    round(sin(i) * 3 + cos(i * 7), 4) AS wave, round(abs(tan(i)), 2) AS tail, round((h % 1000000) / 1e6, 3) AS share,
    round(1000 + sin(i * 3) * 5, 5) AS narrow, round(-100 * ln(((h % 99999) + 1) / 100000), 2) AS waiting,
    CASE WHEN h % 3 = 0 THEN NULL ELSE round((h % 7919) / 7919, 3) END AS holes, h % 2 AS flag,
    'cat_' || (h % 40) AS category, 'city name ' || (h % 2000) AS city, chr(65 + (h % 5)::INTEGER) AS grade,
    'cat_' || (h // 3 % 40) AS other, CASE WHEN h % 2 = 0 THEN 'yes' ELSE 'no' END AS answer,
    CASE WHEN h % 5 = 0 THEN NULL ELSE 'cat_' || (h // 5 % 40) END AS rare,
    DATE '2024-01-01' + (h % 365)::INTEGER AS day, 'u' || (h % 10000000000) AS name
  FROM (SELECT i, (hash(i) >> 1)::BIGINT AS h FROM range(${ROWS}) AS t(i))`;

/**
 * Statistics against DuckDB's `SUMMARIZE` of the same file, which computes neither top values nor
 * histograms: the 3,000,000 flights of vega-datasets as Parquet, and 200,000 rows of 20 columns as CSV and
 * Parquet. Whole processes, CPU seconds, median of interleaved runs, each engine with one thread.
 */
export async function bench(): Promise<BenchRow[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "waybill-bench-"));
  const csv = join(folder.path, "table.csv");
  const parquet = join(folder.path, "table.parquet");
  await using engine = await openEngine();
  await engine.execute(`COPY (${TABLE}) TO ${engine.dialect.text(csv)} (HEADER)`);
  await engine.execute(`COPY (${TABLE}) TO ${engine.dialect.text(parquet)}`);
  const flights = fileURLToPath(
    new URL("../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url),
  );
  const rows = ROWS.toLocaleString("en");
  return [
    ...(existsSync(flights) ? [compare("3,000,000 flights, Parquet", flights)] : []),
    compare(`${rows} rows of 20 columns, CSV`, csv),
    compare(`${rows} rows of 20 columns, Parquet`, parquet),
  ];
}

function compare(name: string, file: string): BenchRow {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    ours.push(cpuSecondsOf("statistics", file));
    theirs.push(cpuSecondsOf("summarize", file));
  }
  const [a, b] = [median(ours), median(theirs)];
  return {
    name: `statistics of ${name}, against DuckDB SUMMARIZE`,
    ours: a.toFixed(2),
    theirs: b.toFixed(2),
    ratio: a / b,
    unit: "CPU seconds of the process",
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Runs one side in a process of its own, which prints its own CPU seconds. */
function cpuSecondsOf(work: "statistics" | "summarize", file: string): number {
  const program = join(import.meta.dirname, "bench-work.fixture.ts");
  return Number(execFileSync(process.execPath, [program, work, file], { encoding: "utf8" }));
}
