import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs track [PATTERN...]`: lines of `.gitattributes`. */
export const command = defineCommand({
  name: "lfs track",
  summary: "Let files go through Git LFS, or list which do",
  arguments: { patterns: { summary: "As in .gitattributes; none lists them", count: "any" } },
  options: {
    filename: { type: "boolean", summary: "The patterns are names of files" },
    lockable: { type: "boolean", short: "l", summary: "Files are locked before they are changed" },
    notLockable: { type: "boolean", summary: "They are not" },
    dryRun: { type: "boolean", short: "d", summary: "Only say what would change" },
  },
  examples: [
    { line: "lfs track '*.parquet'", does: "in this folder and below" },
    { line: "lfs track", does: "every pattern of the repository" },
  ],
  run: async ({ arguments: { patterns }, options }) => {
    if (options.lockable && options.notLockable) {
      throw wrongUse("lfs track", "--lockable and --not-lockable exclude each other.");
    }
    const { track, trackedPatterns } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    if (patterns.length === 0) {
      const tracked = trackedPatterns(repository);
      const lines = tracked.map(({ pattern, isLockable, source }) =>
        printable(`    ${pattern}${isLockable ? " [lockable]" : ""} (${source})`),
      );
      return {
        json: { patterns: tracked },
        text: ["Listing tracked patterns", ...lines].join("\n"),
      };
    }
    const results = await track(repository, process.cwd(), patterns, {
      filename: options.filename,
      dryRun: options.dryRun,
      ...(options.lockable ? { lockable: true } : options.notLockable ? { lockable: false } : {}),
    });
    const lines = results.map(({ pattern, change }) =>
      printable(change === "none" ? `"${pattern}" already supported` : `Tracking "${pattern}"`),
    );
    return { json: { patterns: results }, text: lines.join("\n") };
  },
});
