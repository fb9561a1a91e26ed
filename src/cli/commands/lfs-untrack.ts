import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs untrack PATTERN...`: takes lines out of `.gitattributes`. */
export const command = defineCommand({
  name: "lfs untrack",
  summary: "Let files go through git alone again",
  arguments: { patterns: { summary: "As they were tracked", count: "many" } },
  examples: [{ line: "lfs untrack '*.parquet'", does: "new versions are stored by git itself" }],
  run: async ({ arguments: { patterns } }) => {
    const { untrack } = await import("../../versioning/lfs/index.ts");
    const removed = await untrack(await openLfs(), process.cwd(), patterns);
    const lines = removed.map((pattern) => printable(`Untracking "${pattern}"`));
    return {
      json: { patterns: removed },
      ...(removed.length > 0
        ? { text: lines.join("\n") }
        : { note: "None of them is tracked here." }),
    };
  },
});
