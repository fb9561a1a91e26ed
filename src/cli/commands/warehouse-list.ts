import { defineCommand } from "../command.ts";
import { formatCount, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";

/** `waybill warehouse list`: the tables and how large they are. */
export const command = defineCommand({
  name: "warehouse list",
  summary: "List the tables",
  examples: [{ line: "warehouse list", does: "every table with its rows and last change" }],
  run: async ({ session }) => {
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const names = await warehouse.tables();
    const tables = [];
    for (const name of names) {
      const { rowCount, snapshot, schema, metadataUri } = await warehouse.table(name);
      const columns = schema.fields.map((field) => ({
        name: field.name,
        type: String(field.type),
      }));
      tables.push({ name, rowCount, columns, snapshot: snapshot ?? null, metadataUri });
    }
    const rows = tables.map(({ name, rowCount, columns, snapshot }) => [
      name,
      formatCount(rowCount),
      formatCount(columns.length),
      snapshot === null ? "" : formatTime(snapshot.time),
    ]);
    const table = formatTable(
      [
        { title: "table" },
        { title: "rows", align: "right" },
        { title: "columns", align: "right" },
        { title: "last snapshot" },
      ],
      rows,
    );
    return {
      json: { tables },
      ...(tables.length > 0
        ? { text: table }
        : { note: 'No tables. Make one with "waybill warehouse load NAME FILE".' }),
    };
  },
});
