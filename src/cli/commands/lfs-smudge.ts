import { defineCommand } from "../command.ts";
import { openLfs, transferOptions } from "../views/lfs.ts";

/** `waybill lfs smudge PATH`: git's filter for one file, pointer in, content out. */
export const command = defineCommand({
  name: "lfs smudge",
  summary: "Print the content that a pointer on standard input stands for; called by git",
  arguments: { path: { summary: "The file's path, which git tells", count: "optional" } },
  options: { skip: { type: "boolean", short: "s", summary: "Leave the pointer" } },
  examples: [{ line: "lfs smudge data.bin < POINTER", does: "its content, downloaded if need be" }],
  run: async ({ arguments: { path }, options, session }) => {
    const { smudge } = await import("../../versioning/lfs/index.ts");
    await smudge(await openLfs(), 0, 1, {
      ...transferOptions(session),
      skip: options.skip,
      ...(path === undefined ? {} : { path }),
    });
    return {};
  },
});
