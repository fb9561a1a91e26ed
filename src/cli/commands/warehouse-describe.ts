import { defineCommand } from "../command.ts";
import { formatCount, formatTime, toJsonText } from "../format.ts";
import { openProject } from "../project.ts";
import { formatFields, formatTable } from "../table.ts";
import { completeTables, parseAsOf, tableName } from "../tables.ts";

/** `waybill warehouse describe TABLE`: columns, partitions, size and properties. */
export const command = defineCommand({
  name: "warehouse describe",
  summary: "Say all that is known of a table",
  arguments: { table: { summary: "The table" } },
  options: {
    asOf: { type: "string", value: "TIME|SNAPSHOT|REF", summary: "As it was then" },
  },
  examples: [{ line: "warehouse describe flights", does: "its columns and how large it is" }],
  complete: completeTables,
  run: async ({ arguments: { table }, options, session }) => {
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const view = await warehouse.table(
      tableName(table),
      options.asOf === undefined ? {} : { asOf: parseAsOf(options.asOf) },
    );
    const { artifact, relation: _relation, ...facts } = view;
    const fields = formatFields([
      ["table", view.table],
      ["rows", formatCount(view.rowCount)],
      ["files", formatCount(view.fileCount)],
      ["partitioned by", view.partitionedBy.join(", ")],
      ["sorted by", view.sortedBy.join(", ")],
      ["snapshot", view.snapshot === undefined ? "none" : String(view.snapshot.id)],
      ["changed", view.snapshot === undefined ? "" : formatTime(view.snapshot.time)],
      ["artifact", String(artifact.id)],
      ["metadata", view.metadataUri],
      ...Object.entries(view.properties).map(([name, value]) => [name, value] as const),
    ]);
    const columns = formatTable(
      [
        { title: "column" },
        { title: "type" },
        { title: "required" },
        { title: "about", widthMax: 60 },
      ],
      view.schema.fields.map((field) => [
        field.name,
        typeof field.type === "string" ? field.type : toJsonText(field.type),
        field.required ? "yes" : "",
        field.doc ?? "",
      ]),
    );
    return { text: `${fields}\n\n${columns}`, json: { ...facts, artifactId: artifact.id } };
  },
});
