import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";
import { completeTables, parseAsOf, tableName } from "../tables.ts";

/** `waybill warehouse tag TABLE NAME`: a state of the table that can be named from now on. */
export const command = defineCommand({
  name: "warehouse tag",
  summary: "Give a snapshot of a table a name that stays",
  arguments: { table: { summary: "The table" }, tag: { summary: "The name" } },
  options: {
    at: {
      type: "string",
      value: "TIME|SNAPSHOT|REF",
      summary: "The state to name (default: the current one)",
    },
    drop: { type: "boolean", summary: "Take the name away instead" },
  },
  examples: [
    { line: "warehouse tag flights q3-report", does: "the table as it is now" },
    { line: "warehouse tag flights q2-report --at 2026-07-01", does: "as it was then" },
  ],
  complete: completeTables,
  run: async ({ arguments: { table, tag }, options: { at, drop }, session }) => {
    const { changeAnswer } = await import("../loading.ts");
    const project = await openProject(session);
    const warehouse = await project.warehouse();
    const name = tableName(table);
    const { signal } = session;
    const { value } = await project.recorder.step(
      "Tag",
      { parameters: { table: name, tag, drop }, signal },
      (step) =>
        drop
          ? warehouse.dropRef(step, name, tag)
          : warehouse.setRef(step, name, {
              name: tag,
              type: "tag",
              ...(at === undefined ? {} : { at: parseAsOf(at) }),
            }),
    );
    return changeAnswer(value, drop ? `Dropped the tag ${tag}.` : `Tagged ${name} as ${tag}.`);
  },
});
