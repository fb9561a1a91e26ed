import { defineCommand } from "../command.ts";
import { formatQuantity } from "../format.ts";
import { MIGRATE_OPTIONS, migrateOptions, openLfs } from "../views/lfs.ts";

/** `waybill lfs migrate export`: pointers become contents in git itself. */
export const command = defineCommand({
  name: "lfs migrate export",
  summary: "Rewrite history so that files are kept by git itself again",
  description:
    "The way back of lfs migrate import. Objects that are not here are downloaded first. Ids of the rewritten\n" +
    "commits change. Push the result yourself.",
  arguments: { branches: { summary: "Branches", count: "any" } },
  options: MIGRATE_OPTIONS,
  examples: [{ line: "lfs migrate export --include '*.csv'", does: "what is not pushed yet" }],
  run: async ({ arguments: { branches }, options, session }) => {
    const { migrateExport } = await import("../../versioning/lfs/index.ts");
    const given = await migrateOptions(branches, options, session);
    const result = await migrateExport(await openLfs(), given);
    return {
      json: result,
      note: `Rewrote ${formatQuantity(result.commits, "commit")}; ${formatQuantity(result.objects, "content")} came back to git.`,
    };
  },
});
