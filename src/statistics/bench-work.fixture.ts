// One side of the benchmark, alone in its process: bench-work.fixture.ts statistics|summarize FILE.
// Prints the CPU seconds that the process took, start included.
import { openEngine } from "../engine/index.ts";
import { computeStatistics } from "./generate.ts";
import { formatOf } from "./input.ts";

const [work, file = ""] = process.argv.slice(2);
await using engine = await openEngine({ threads: 1 });
if (work === "statistics") {
  await computeStatistics(engine, { format: formatOf(file), paths: [file] });
} else {
  await engine.rows(`SUMMARIZE SELECT * FROM ${engine.dialect.text(file)}`);
}
const { userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(`${(userCPUTime + systemCPUTime) / 1e6}\n`);
