import { defineCommand } from "../command.ts";
import { formatBytes, formatCount, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatFields, formatTable } from "../table.ts";
import { completeLakeNames, lakeDocument, parseVersion } from "../views/lake.ts";

/** `waybill lake describe NAME`: all that is known of a file in the lake. */
export const command = defineCommand({
  name: "lake describe",
  summary: "Say all that is known of a file in the lake",
  arguments: { name: { summary: "The name in the lake" } },
  options: { version: { type: "string", value: "N", summary: "An earlier version" } },
  examples: [{ line: "lake describe trips.csv", does: "where it came from, and its versions" }],
  complete: completeLakeNames,
  run: async ({ arguments: { name }, options, session }) => {
    const { lake } = await openProject(session);
    const file = await lake.describe(name, parseVersion("lake describe", options.version));
    const versions = await lake.versions(name);
    const fields = formatFields([
      ["name", file.name],
      ["version", `${file.version} of ${versions.length}`],
      ["size", `${formatBytes(file.sizeBytes)} (${formatCount(file.sizeBytes)} bytes)`],
      ["type", file.mediaType],
      ["sha256", file.sha256],
      ["source", file.source ?? ""],
      ["landed", formatTime(file.createdMs)],
      ["tags", file.tags.join(", ")],
      ["about", file.description ?? ""],
      ["artifact", String(file.artifact.id)],
      ["uri", file.uri],
    ]);
    const table = formatTable(
      [
        { title: "version", align: "right" },
        { title: "size", align: "right" },
        { title: "landed" },
        { title: "sha256" },
      ],
      versions.map((each) => [
        String(each.version),
        formatBytes(each.sizeBytes),
        formatTime(each.createdMs),
        each.sha256.slice(0, 16),
      ]),
    );
    return {
      json: { ...lakeDocument(file), versions: versions.map(lakeDocument) },
      text: `${fields}\n\n${table}`,
    };
  },
});
