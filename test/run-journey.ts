// Runs the journey in a project folder: node test/run-journey.ts HOME. The tests kill this program.
import { runJourney } from "../src/journey/index.ts";
import { connect } from "../src/project/index.ts";

const [home] = process.argv.slice(2);
if (home === undefined) {
  console.error("usage: run-journey.ts HOME");
  process.exit(2);
}
await using project = await connect({ home, create: true });
await runJourney(project, { quick: true, print: (line) => process.stdout.write(`${line}\n`) });
