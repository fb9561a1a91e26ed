// npm run bench -- PART: times a part against its peer or a physical limit in one run. Prints, never judges.
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { root } from "./shared.ts";

process.chdir(root);

/** One comparison of a part's `bench.ts`. */
interface BenchRow {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
  /** Ours over theirs: below 1 is better. */
  readonly ratio: number;
  readonly unit: string;
}

const parts = process.argv.slice(2);
const available = globSync("src/*/bench.ts").map((path) => path.split("/")[1] ?? "");
if (parts.length === 0 || parts.some((part) => !existsSync(join("src", part, "bench.ts")))) {
  console.error(`usage: npm run bench -- PART...\nparts with a benchmark: ${available.join(", ")}`);
  process.exit(2);
}
for (const part of parts) {
  const { bench }: { bench: () => Promise<BenchRow[]> } = await import(`../src/${part}/bench.ts`);
  console.log(`${part}:`);
  for (const { name, ours, theirs, ratio, unit } of await bench()) {
    console.log(`  ${name}: ${ours} against ${theirs} (${unit}), ratio ${ratio.toFixed(2)}`);
  }
}
