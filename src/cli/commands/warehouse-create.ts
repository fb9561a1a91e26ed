import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";
import { tableName } from "../tables.ts";

/** `waybill warehouse create TABLE`: an empty table with the columns given. */
export const command = defineCommand({
  name: "warehouse create",
  summary: "Make an empty table",
  arguments: { table: { summary: "The table's name; without a namespace it is in main" } },
  options: {
    column: {
      type: "string",
      short: "c",
      multiple: true,
      value: "NAME:TYPE",
      summary: "A column; a type that ends in ! is required",
    },
  },
  description:
    "Types are Iceberg's: boolean, int, long, float, double, decimal(P,S), string, date, timestamp,\n" +
    "timestamptz, binary.",
  examples: [
    {
      line: "warehouse create trips -c id:long! -c fare:double -c at:timestamp",
      does: "three columns, the first never NULL",
    },
  ],
  run: async ({ arguments: { table }, options, session }) => {
    if (options.column.length === 0) {
      throw wrongUse("warehouse create", "A table needs at least one --column NAME:TYPE.");
    }
    const columns = options.column.map(parseColumn);
    const name = tableName(table);
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const { value: change } = await project.recorder.step(
      "CreateTable",
      { parameters: { table: name, columns: options.column.join(",") }, signal: session.signal },
      (step) => warehouse.createTable(step, name, columns),
    );
    return {
      json: { table: change.table, metadataUri: change.metadataUri, columns },
      note: `Made the table ${change.table}.`,
    };
  },
});

function parseColumn(text: string): { name: string; type: string; required: boolean } {
  const [, name, type, bang] = /^([^:]+):(.+?)(!?)$/.exec(text) ?? [];
  if (name === undefined || type === undefined) {
    throw wrongUse(
      "warehouse create",
      `"${text}" is no column.`,
      "Write NAME:TYPE, for example fare:double.",
    );
  }
  return { name, type, required: bang === "!" };
}
