import { defineCommand } from "../command.ts";
import { configLevel, LEVEL_OPTIONS, openRepository } from "../repository.ts";

/** `waybill remote remove NAME`. */
export const command = defineCommand({
  name: "remote remove",
  summary: "Forget a remote, as dvc remote remove does",
  arguments: { name: { summary: "The remote" } },
  options: LEVEL_OPTIONS,
  examples: [{ line: "remote remove backup", does: "its data stays where it is" }],
  run: async ({ arguments: { name }, options }) => {
    const { removeRemote } = await import("../../versioning/index.ts");
    await removeRemote(await openRepository(), name, configLevel(options));
    return { json: { removed: name }, note: `Removed the remote ${name}.` };
  },
});
