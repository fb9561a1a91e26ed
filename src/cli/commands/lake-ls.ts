import { defineCommand } from "../command.ts";
import { formatBytes, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";
import { completeLakeNames, lakeDocument } from "../views/lake.ts";

/** `waybill lake ls [PREFIX]`: what is in the lake. */
export const command = defineCommand({
  name: "lake ls",
  summary: "List what is in the lake",
  arguments: { prefix: { summary: "Only names that start with it", count: "optional" } },
  options: { tag: { type: "string", value: "TAG", summary: "Only what has this tag" } },
  examples: [
    { line: "lake ls", does: "everything" },
    { line: "lake ls raw/2026/", does: "below a prefix" },
  ],
  complete: completeLakeNames,
  run: async ({ arguments: { prefix }, options: { tag }, session }) => {
    const { lake } = await openProject(session);
    const all = await lake.list(prefix ?? "");
    const files = tag === undefined ? all : all.filter(({ tags }) => tags.includes(tag));
    const table = formatTable(
      [
        { title: "name" },
        { title: "version", align: "right" },
        { title: "size", align: "right" },
        { title: "type" },
        { title: "landed" },
        { title: "tags" },
      ],
      files.map((file) => [
        file.name,
        String(file.version),
        formatBytes(file.sizeBytes),
        file.mediaType,
        formatTime(file.createdMs),
        file.tags.join(", "),
      ]),
    );
    return {
      json: { files: files.map(lakeDocument) },
      ...(files.length > 0
        ? { text: table }
        : { note: 'Nothing there. Land something with "waybill lake put FILE".' }),
    };
  },
});
