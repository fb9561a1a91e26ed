import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { configLevel, LEVEL_OPTIONS, openRepository } from "../repository.ts";

/** `waybill remote modify NAME OPTION VALUE`. */
export const command = defineCommand({
  name: "remote modify",
  summary: "Change an option of a remote, as dvc remote modify does",
  arguments: {
    name: { summary: "The remote" },
    option: { summary: "The option, for example url" },
    value: { summary: "Its value; left out with --unset", count: "optional" },
  },
  options: {
    unset: { type: "boolean", short: "u", summary: "Take the option away" },
    ...LEVEL_OPTIONS,
  },
  examples: [
    { line: "remote modify backup url /mnt/other/dvc", does: "another place" },
    { line: "remote modify --local backup user me", does: "for this clone only, not for git" },
  ],
  run: async ({ arguments: { name, option, value }, options }) => {
    if ((value === undefined) !== options.unset) {
      throw wrongUse("remote modify", "Give a value, or --unset without one.");
    }
    const { modifyRemote } = await import("../../versioning/index.ts");
    await modifyRemote(await openRepository(), name, option, value, {
      cwd: process.cwd(),
      ...configLevel(options),
    });
    return { json: { name, option }, note: `Changed ${option} of ${name}.` };
  },
});
