// A program for the tests: opens a step on the store it is given, says so, and waits to be killed.
import { createRecorder, openMetadataStore } from "./index.ts";

const store = await openMetadataStore(process.argv[2] ?? "");
await createRecorder(store).step("Ingest", {}, async (step) => {
  step.output("file", "RawFile", { uri: "/never" });
  process.stdout.write("open\n");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
