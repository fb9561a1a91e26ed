import { defineCommand } from "../command.ts";
import { TABLE_FORMATS } from "../relations.ts";
import { completeTables } from "../tables.ts";

/** `waybill warehouse append TABLE FILE...`: appends rows to a table that is there. */
export const command = defineCommand({
  name: "warehouse append",
  summary: "Append files to a table",
  description: "The rows become one snapshot. Columns are matched by name; absent ones are NULL.",
  arguments: {
    table: { summary: "The table; without a namespace it is in main" },
    files: { summary: "Files or globs", count: "many", value: "FILE" },
  },
  options: {
    format: {
      type: "string",
      choices: TABLE_FORMATS,
      summary: "The files' format; by default by their ending",
    },
  },
  examples: [{ line: "warehouse append flights july.parquet", does: "one more snapshot" }],
  complete: completeTables,
  run: async ({ arguments: { table, files }, options: { format }, session }) => {
    const { loadFiles } = await import("../loading.ts");
    return loadFiles("append", { table, files, format, session });
  },
});
