import { defineCommand } from "../command.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs clean PATH`: git's filter for one file, content in, pointer out. */
export const command = defineCommand({
  name: "lfs clean",
  summary: "Store content from standard input, and print its pointer; called by git",
  arguments: { path: { summary: "The file's path, which git tells", count: "optional" } },
  examples: [{ line: "lfs clean data.bin < data.bin", does: "its pointer" }],
  run: async () => {
    const { clean } = await import("../../versioning/lfs/index.ts");
    clean(await openLfs(), 0, 1);
    return {};
  },
});
