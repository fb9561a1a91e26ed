import { defineCommand } from "../command.ts";
import { configLevel, LEVEL_OPTIONS, openRepository } from "../repository.ts";

/** `waybill remote add NAME URL`. */
export const command = defineCommand({
  name: "remote add",
  summary: "Name a place where versions are kept, as dvc remote add does",
  arguments: { name: { summary: "Its name" }, url: { summary: "A folder or URL" } },
  options: {
    default: { type: "boolean", short: "d", summary: "Make it the default" },
    force: { type: "boolean", short: "f", summary: "Replace one of this name" },
    ...LEVEL_OPTIONS,
  },
  examples: [{ line: "remote add -d backup /mnt/backup/dvc", does: "a folder, the default" }],
  run: async ({ arguments: { name, url }, options }) => {
    const { addRemote } = await import("../../versioning/index.ts");
    await addRemote(await openRepository(), name, url, {
      isDefault: options.default,
      force: options.force,
      cwd: process.cwd(),
      ...configLevel(options),
    });
    return { json: { name, url }, note: `Added the remote ${name}.` };
  },
});
