import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";
import { completeTables, tableName } from "../tables.ts";

/** `waybill warehouse compact TABLE`: many small files become few large ones. */
export const command = defineCommand({
  name: "warehouse compact",
  summary: "Rewrite small files of a table into few large ones",
  description: "The rows stay the same. Earlier snapshots keep their files until they expire.",
  arguments: { table: { summary: "The table" } },
  examples: [{ line: "warehouse compact flights", does: "after many small appends" }],
  complete: completeTables,
  run: async ({ arguments: { table }, session }) => {
    const { changeAnswer } = await import("../loading.ts");
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const name = tableName(table);
    const before = (await warehouse.table(name)).fileCount;
    const { signal } = session;
    const { value } = await project.recorder.step(
      "Compact",
      { parameters: { table: name }, signal },
      (step) => warehouse.compact(step, name),
    );
    const after = (await warehouse.table(name)).fileCount;
    return changeAnswer(value, `${name}: ${before} files became ${after}.`);
  },
});
