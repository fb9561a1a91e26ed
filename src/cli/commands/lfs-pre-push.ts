import { defineCommand } from "../command.ts";
import { openLfs, pushAnswer, readInput, transferOptions } from "../views/lfs.ts";

/** `waybill lfs pre-push REMOTE [URL]`: git's hook. */
export const command = defineCommand({
  name: "lfs pre-push",
  summary: "Upload what git is about to push; called by git's hook",
  arguments: {
    remote: { summary: "The remote's name" },
    url: { summary: "Its address", count: "optional" },
  },
  options: { dryRun: { type: "boolean", short: "d", summary: "Upload nothing" } },
  examples: [{ line: "lfs pre-push origin < REFS", does: "with git's lines about the refs" }],
  run: async ({ arguments: { remote }, options, session }) => {
    const { prePush } = await import("../../versioning/lfs/index.ts");
    const result = await prePush(await openLfs(), await readInput(), {
      ...transferOptions(session),
      remote,
      dryRun: options.dryRun,
    });
    const answer = pushAnswer(result, session);
    // A push that needs nothing is not worth a line among git's own.
    return result.wanted.length === 0 ? { json: answer.json } : answer;
  },
});
