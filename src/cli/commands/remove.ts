import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill remove TARGET...`: stops tracking; the data stays unless `--outs`. */
export const command = defineCommand({
  name: "remove",
  summary: "Stop tracking data, as dvc remove does",
  description: "The data stays where it is, unless --outs. The cache keeps its versions.",
  arguments: { targets: { summary: ".dvc files or stages", count: "many", value: "TARGET" } },
  options: { outs: { type: "boolean", summary: "Delete the data from the workspace, too" } },
  examples: [{ line: "remove trips.csv.dvc", does: "trips.csv is no longer tracked" }],
  run: async ({ arguments: { targets }, options: { outs } }) => {
    const { remove } = await import("../../versioning/index.ts");
    const removed = await remove(await openRepository(), targets, { cwd: process.cwd(), outs });
    return { json: { removed }, note: `Removed ${removed.join(", ")}.` };
  },
});
