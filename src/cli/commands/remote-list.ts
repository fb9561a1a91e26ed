import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill remote list`. */
export const command = defineCommand({
  name: "remote list",
  summary: "List the remotes, as dvc remote list does",
  examples: [{ line: "remote list", does: "name and place of each" }],
  run: async () => {
    const { listRemotes } = await import("../../versioning/index.ts");
    const remotes = listRemotes(await openRepository());
    return {
      json: { remotes },
      text: remotes
        .map(({ name, url, isDefault }) => `${name}\t${url}${isDefault ? "\t(default)" : ""}`)
        .join("\n"),
    };
  },
});
