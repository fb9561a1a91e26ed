import { defineCommand } from "../command.ts";
import { formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";

/** `waybill schema history NAME`: its versions, the newest first. */
export const command = defineCommand({
  name: "schema history",
  summary: "List the versions of a published schema, the newest first",
  arguments: { name: { summary: "The schema's name in this project" } },
  options: { changes: { type: "boolean", summary: "Show every change" } },
  examples: [
    { line: "schema history trips", does: "who changed it when, and how compatibly" },
    { line: "schema history trips --changes", does: "and what" },
  ],
  run: async ({ arguments: { name }, options, session }) => {
    const { schemaHistory } = await import("../../schema/index.ts");
    const { store, recorder } = await openProject(session);
    const versions = await schemaHistory(store, recorder, name);
    const columns = [
      { title: "version", align: "right" },
      { title: "time" },
      { title: "changes", align: "right" },
      { title: "compatibility" },
      { title: "message" },
    ] as const;
    const rows = versions.map((version) => [
      String(version.number),
      formatTime(version.createdMs),
      String(version.changes.length),
      version.compatibility ?? "",
      version.message,
    ]);
    const details = versions
      .filter(({ changes }) => options.changes && changes.length > 0)
      .map(
        ({ number, changes }) =>
          `\nversion ${number}:\n${changes.map((each) => `  ${each}`).join("\n")}`,
      );
    return {
      text: [formatTable(columns, rows), ...details].join("\n"),
      json: {
        name,
        versions: versions.map(({ artifact, ...version }) => ({
          ...version,
          artifactId: artifact.id,
        })),
      },
    };
  },
});
