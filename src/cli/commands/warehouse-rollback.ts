import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";
import { completeTables, parseAsOf, tableName } from "../tables.ts";

/** `waybill warehouse rollback TABLE --to SNAPSHOT`: an earlier state becomes the current one again. */
export const command = defineCommand({
  name: "warehouse rollback",
  summary: "Make an earlier snapshot the current one again",
  description: "Nothing is lost: the later snapshots stay, and rolling forward undoes it.",
  arguments: { table: { summary: "The table" } },
  options: {
    to: {
      type: "string",
      value: "TIME|SNAPSHOT|REF",
      summary: "The state to go back to",
      required: true,
    },
  },
  examples: [
    { line: "warehouse rollback flights --to 3859187038839", does: "to a snapshot" },
    { line: "warehouse rollback flights --to 2026-11-01", does: "to how it was at a time" },
  ],
  complete: completeTables,
  run: async ({ arguments: { table }, options: { to }, session }) => {
    const { changeAnswer } = await import("../loading.ts");
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const name = tableName(table);
    const { signal } = session;
    const { value } = await project.recorder.step(
      "Rollback",
      { parameters: { table: name, to }, signal },
      (step) => warehouse.rollback(step, name, { to: parseAsOf(to) }),
    );
    const view = await warehouse.table(name);
    return changeAnswer(
      value,
      `${name} is at snapshot ${view.snapshot?.id ?? "none"} again: ${view.rowCount} rows.`,
    );
  },
});
