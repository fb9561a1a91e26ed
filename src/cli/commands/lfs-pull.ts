import { defineCommand } from "../command.ts";
import { openLfs, PATH_OPTIONS, pathsOf, transferAnswer, transferOptions } from "../views/lfs.ts";

/** `waybill lfs pull [REMOTE]`: fetch and checkout. */
export const command = defineCommand({
  name: "lfs pull",
  summary: "Download what the current files need, and put it in their place",
  arguments: { remote: { summary: "Default: the branch's", count: "optional" } },
  options: PATH_OPTIONS,
  examples: [
    { line: "lfs pull", does: "all files" },
    { line: "lfs pull --include 'models/' --exclude '*.ckpt'", does: "some of them" },
  ],
  run: async ({ arguments: { remote }, options, session }) => {
    const { pull } = await import("../../versioning/lfs/index.ts");
    const { fetched, checkedOut } = await pull(await openLfs(), {
      ...transferOptions(session, remote),
      ...(await pathsOf(options)),
    });
    return transferAnswer("Fetched", fetched, session, { checkedOut });
  },
});
