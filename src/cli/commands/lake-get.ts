import { basename } from "node:path";
import { defineCommand } from "../command.ts";
import { formatBytes } from "../format.ts";
import { openProject } from "../project.ts";
import { completeLakeNames, lakeDocument, parseVersion } from "../views/lake.ts";

/** `waybill lake get NAME`: the bytes as they came, checked. */
export const command = defineCommand({
  name: "lake get",
  summary: "Bring a file out of the lake, checked byte for byte",
  arguments: { name: { summary: "The name in the lake" } },
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "Where to (default: the name's last part, here; - is standard output)",
    },
    version: { type: "string", value: "N", summary: "An earlier version" },
  },
  examples: [
    { line: "lake get raw/2026/trips.csv", does: "as trips.csv, here" },
    { line: "lake get trips.csv --version 1 -o - | head", does: "an earlier one, to a pipe" },
  ],
  complete: completeLakeNames,
  run: async ({ arguments: { name }, options, session }) => {
    const { lake } = await openProject(session);
    const { signal, terminal } = session;
    const version = parseVersion("lake get", options.version);
    const output = options.output ?? basename(name);
    if (output === "-") {
      const bytes = await lake.open(name, { signal, ...version });
      for await (const chunk of bytes) {
        signal.throwIfAborted();
        await terminal.write(chunk);
      }
      return {};
    }
    const { exportFromLake } = await import("../../project/index.ts");
    const file = await exportFromLake(lake, name, output, { signal, ...version });
    return {
      json: { path: output, ...lakeDocument(file) },
      note: `Wrote ${output}: ${formatBytes(file.sizeBytes)}, version ${file.version}, sha256 checked.`,
    };
  },
});
