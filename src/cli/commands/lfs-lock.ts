import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs lock PATH...`: others' pushes of the file are halted. */
export const command = defineCommand({
  name: "lfs lock",
  summary: "Lock files on the server, so that nobody else pushes changes of them",
  arguments: { paths: { summary: "The files", count: "many" } },
  options: { remote: { type: "string", short: "r", value: "REMOTE", summary: "Whose server" } },
  examples: [{ line: "lfs lock model.bin", does: "until lfs unlock" }],
  run: async ({ arguments: { paths }, options }) => {
    const { lock } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    const taken = [];
    for (const path of paths) taken.push(await lock(repository, process.cwd(), path, options));
    return {
      json: { locks: taken },
      text: taken.map(({ path }) => `Locked ${printable(path)}`).join("\n"),
    };
  },
});
