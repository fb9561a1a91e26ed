import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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

/**
 * Statistics of the 3,000,000 flights of vega-datasets against DuckDB's `SUMMARIZE` of the same file,
 * which computes neither top values nor histograms. Whole processes, CPU seconds, median of interleaved
 * runs, each engine with one thread.
 */
export async function bench(): Promise<BenchRow[]> {
  const file = fileURLToPath(
    new URL("../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url),
  );
  if (!existsSync(file)) return [];
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    ours.push(cpuSecondsOf("statistics", file));
    theirs.push(cpuSecondsOf("summarize", file));
  }
  const [a, b] = [median(ours), median(theirs)];
  return [
    {
      name: `statistics of 3,000,000 flights against DuckDB SUMMARIZE, ${cpus().length} cores`,
      ours: a.toFixed(2),
      theirs: b.toFixed(2),
      ratio: a / b,
      unit: "CPU seconds of the process",
    },
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Runs one side in a process of its own, which prints its own CPU seconds. */
function cpuSecondsOf(work: "statistics" | "summarize", file: string): number {
  const program = join(import.meta.dirname, "bench-work.fixture.ts");
  const output = execFileSync(process.execPath, [program, work, file], { encoding: "utf8" });
  return Number(output);
}
