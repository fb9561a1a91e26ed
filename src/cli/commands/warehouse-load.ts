import { defineCommand } from "../command.ts";
import { TABLE_FORMATS } from "../relations.ts";
import { completeTables } from "../tables.ts";

/** `waybill warehouse load TABLE FILE...`: appends rows, and makes the table with the first of them. */
export const command = defineCommand({
  name: "warehouse load",
  summary: "Load files into a table; make it if there is none",
  description:
    "The rows become one snapshot. Columns are matched by name; those of a new table are the files'.",
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
  examples: [
    { line: "warehouse load flights flights.parquet", does: "a table from a file" },
    { line: "warehouse load flights '2026-*.parquet'", does: "many files, one snapshot" },
  ],
  complete: completeTables,
  run: async ({ arguments: { table, files }, options: { format }, session }) => {
    const { loadFiles } = await import("../loading.ts");
    return loadFiles("load", { table, files, format, session });
  },
});
