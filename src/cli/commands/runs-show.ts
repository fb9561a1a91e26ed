import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";

/** `waybill runs show RUN`: the steps of a run, or all that is recorded of one step. */
export const command = defineCommand({
  name: "runs show",
  summary: "Show the steps of a run, or all that is recorded of one step",
  arguments: { run: { summary: "A run's name, or an execution's number" } },
  examples: [
    { line: "runs show 12", does: "parameters, versions, inputs and outputs of a step" },
    { line: "runs show journey/2026-11-24", does: "the steps of a run" },
  ],
  run: async ({ arguments: { run }, session }) => {
    const { showExecution, showRun } = await import("../views/runs.ts");
    const { store } = await openProject(session);
    const id = /^(?:execution:)?(\d{1,18})$/.exec(run)?.[1];
    return id === undefined ? showRun(store, run) : showExecution(store, BigInt(id));
  },
});
