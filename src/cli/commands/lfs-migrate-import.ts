import { defineCommand } from "../command.ts";
import { formatQuantity } from "../format.ts";
import { MIGRATE_OPTIONS, migrateOptions, openLfs } from "../views/lfs.ts";

/** `waybill lfs migrate import`: history's large files become pointers. */
export const command = defineCommand({
  name: "lfs migrate import",
  summary: "Rewrite history so that large files are pointers",
  description:
    "Ids of the rewritten commits change, so whoever has them must fetch anew. Without branches, the one that is\n" +
    "checked out is rewritten, but for commits that a remote has. Push the result yourself.",
  arguments: { branches: { summary: "Branches", count: "any" } },
  options: MIGRATE_OPTIONS,
  examples: [
    { line: "lfs migrate import --include '*.parquet,*.bin'", does: "what is not pushed yet" },
    { line: "lfs migrate import --include '*.bin' --everything", does: "all branches and tags" },
  ],
  run: async ({ arguments: { branches }, options, session }) => {
    const { migrateImport } = await import("../../versioning/lfs/index.ts");
    const given = await migrateOptions(branches, options, session);
    const result = await migrateImport(await openLfs(), given);
    return {
      json: result,
      note: `Rewrote ${formatQuantity(result.commits, "commit")}; ${formatQuantity(result.objects, "content")} went to Git LFS.`,
    };
  },
});
