import { defineCommand } from "../command.ts";
import { openLfs, transferOptions } from "../views/lfs.ts";

/** `waybill lfs filter-process`: git's filter for many files. */
export const command = defineCommand({
  name: "lfs filter-process",
  summary: "Clean and smudge many files in one process; called by git",
  options: { skip: { type: "boolean", short: "s", summary: "Leave pointers when smudging" } },
  examples: [{ line: "lfs filter-process", does: "speaks git's protocol on its streams" }],
  run: async ({ options, session }) => {
    const { filterProcess } = await import("../../versioning/lfs/index.ts");
    await filterProcess(await openLfs(), {
      ...transferOptions(session),
      skip: options.skip,
      log: session.log,
    });
    return {};
  },
});
