import { defineCommand } from "../command.ts";
import { formatCount, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";
import { completeTables, tableName } from "../tables.ts";

/** `waybill warehouse snapshots TABLE`: the states that a table has been in. */
export const command = defineCommand({
  name: "warehouse snapshots",
  summary: "List the snapshots of a table, oldest first",
  arguments: { table: { summary: "The table" } },
  examples: [
    { line: "warehouse snapshots flights", does: "what changed when" },
    { line: "warehouse snapshots flights --json", does: "the same as data, ids exact" },
  ],
  complete: completeTables,
  run: async ({ arguments: { table }, session }) => {
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const name = tableName(table);
    const snapshots = await warehouse.snapshots(name);
    const text = formatTable(
      [
        { title: "snapshot", align: "right" },
        { title: "time" },
        { title: "operation" },
        { title: "added", align: "right" },
        { title: "deleted", align: "right" },
        { title: "rows", align: "right" },
        { title: "refs" },
      ],
      snapshots.map((snapshot) => [
        String(snapshot.id),
        formatTime(snapshot.time),
        snapshot.operation,
        formatCount(snapshot.addedRows),
        formatCount(snapshot.deletedRows),
        formatCount(snapshot.totalRows),
        snapshot.refs.join(", "),
      ]),
    );
    return {
      json: { table: name, snapshots },
      ...(snapshots.length > 0
        ? { text }
        : { note: `"${name}" has no snapshots: it has no rows.` }),
    };
  },
});
