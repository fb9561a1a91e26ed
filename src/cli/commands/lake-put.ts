import { addAbortSignal } from "node:stream";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { formatBytes } from "../format.ts";
import { openProject } from "../project.ts";
import { lakeDocument } from "../views/lake.ts";

/** `waybill lake put SOURCE`: lands raw bytes as they are. */
export const command = defineCommand({
  name: "lake put",
  summary: "Land a file or folder in the lake, byte for byte",
  description:
    "No schema is asked for. Bytes are kept once, by their digest; the name gets a new version, or none\n" +
    "when nothing changed. Makes a project here if there is none.",
  arguments: { source: { summary: "A file, a folder, or - for standard input" } },
  options: {
    as: {
      type: "string",
      value: "NAME",
      summary: "The name in the lake (default: the file's own)",
    },
    tag: { type: "string", multiple: true, value: "TAG", summary: "A tag to find it by" },
    description: { type: "string", value: "TEXT", summary: "What it is" },
  },
  examples: [
    { line: "lake put trips.csv", does: "as trips.csv" },
    { line: "lake put trips.csv --as raw/2026/trips.csv --tag taxi", does: "under a name" },
    { line: "lake put - --as events.jsonl", does: "from standard input" },
  ],
  run: async ({ arguments: { source }, options, session }) => {
    if (source === "-" && options.as === undefined) {
      throw wrongUse("lake put", "What comes from standard input needs a name: --as NAME.");
    }
    const project = await openProject(session, { create: true });
    const { value: files } = await project.recorder.step(
      "Ingest",
      {
        parameters: { source, ...(options.as === undefined ? {} : { name: options.as }) },
        signal: session.signal,
      },
      (step) =>
        // A read that waits for its next bytes ends with the command.
        project.lake.put(
          step,
          source === "-" ? addAbortSignal(session.signal, process.stdin) : source,
          {
            ...(options.as === undefined ? {} : { name: options.as }),
            ...(options.tag.length === 0 ? {} : { tags: options.tag }),
            ...(options.description === undefined ? {} : { description: options.description }),
          },
        ),
    );
    const lines = files.map(
      ({ name, version, sizeBytes, mediaType, isReused }) =>
        `${name} version ${version}: ${formatBytes(sizeBytes)}, ${mediaType}${isReused ? ", there already" : ""}`,
    );
    return { json: { files: files.map(lakeDocument) }, note: lines.join("\n") };
  },
});
