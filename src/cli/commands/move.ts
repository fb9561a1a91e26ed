import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill move FROM TO`: data and its `.dvc` file go together. */
export const command = defineCommand({
  name: "move",
  summary: "Rename or move tracked data, as dvc move does",
  arguments: {
    from: { summary: "What is tracked" },
    to: { summary: "Its new path, or a folder to put it into" },
  },
  examples: [{ line: "move trips.csv raw/trips.csv", does: "with its .dvc file" }],
  run: async ({ arguments: { from, to } }) => {
    const { move } = await import("../../versioning/index.ts");
    const moved = await move(await openRepository(), from, to, { cwd: process.cwd() });
    return { json: moved, note: `${moved.from} -> ${moved.to}, recorded in ${moved.dvcFile}.` };
  },
});
