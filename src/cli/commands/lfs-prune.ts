import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs prune`: local objects that can be fetched again go. */
export const command = defineCommand({
  name: "lfs prune",
  summary: "Delete local objects that are pushed and no longer in use",
  description:
    "Kept are objects of checked-out and staged files, of stashes, of commits that are not pushed, and of\n" +
    "recent branches. Whatever goes is on the remote and comes back by fetch.",
  options: {
    dryRun: { type: "boolean", short: "d", summary: "Only say what would go" },
    verifyRemote: { type: "boolean", short: "c", summary: "Ask the remote for each object first" },
    recent: { type: "boolean", summary: "Recent branches' objects go too" },
  },
  examples: [
    { line: "lfs prune --dry-run", does: "what would go" },
    { line: "lfs prune --verify-remote", does: "only what the remote confirms" },
  ],
  run: async ({ options }) => {
    const { prune } = await import("../../versioning/lfs/index.ts");
    const { dryRun, recent } = options;
    const result = await prune(await openLfs(), {
      dryRun,
      recent,
      ...(options.verifyRemote ? { verifyRemote: true } : {}),
    });
    const { deleted, unverified, localCount } = result;
    const sizeBytes = deleted.reduce((sum, { size }) => sum + size, 0);
    const kept =
      unverified.length === 0
        ? ""
        : ` The remote lacks ${formatQuantity(unverified.length, "object")}, which stay.`;
    return {
      json: { dryRun, ...result },
      text: deleted.map(({ oid, size }) => `${oid} (${formatBytes(size)})`).join("\n"),
      note:
        `${dryRun ? "Would delete" : "Deleted"} ${formatQuantity(deleted.length, "object")} of ` +
        `${localCount}, ${formatBytes(sizeBytes)}.${kept}`,
    };
  },
});
