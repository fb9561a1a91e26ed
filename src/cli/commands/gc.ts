import { defineCommand } from "../command.ts";
import { confirmDestruction } from "../destruction.ts";
import { formatBytes, formatQuantity } from "../format.ts";
import { openRepository, REMOTE_OPTION, SCOPE_OPTIONS } from "../repository.ts";

/** `waybill gc`: removes cache objects that nothing in scope uses. */
export const command = defineCommand({
  name: "gc",
  summary: "Remove cache objects that nothing uses, as dvc gc does",
  description: "The scope says what is kept: at least the workspace (-w).",
  options: {
    workspace: { type: "boolean", short: "w", summary: "Keep what the workspace tracks" },
    ...SCOPE_OPTIONS,
    cloud: { type: "boolean", short: "c", summary: "Clean the remote too" },
    ...REMOTE_OPTION,
    force: { type: "boolean", short: "f", summary: "Do not ask" },
    yes: { type: "boolean", short: "y", summary: "Do not ask" },
    dryRun: { type: "boolean", summary: "Only say what would be removed" },
  },
  examples: [
    { line: "gc -w --dry-run", does: "look first" },
    { line: "gc -w --all-tags --yes", does: "keep the workspace and all tags" },
  ],
  run: async ({ options, session }) => {
    const { gc } = await import("../../versioning/index.ts");
    const repo = await openRepository();
    const { signal, progress } = session;
    const { workspace, allBranches, allTags, allCommits, cloud, remote, dryRun } = options;
    const scope = {
      workspace,
      allBranches,
      allTags,
      allCommits,
      cloud,
      ...(remote === undefined ? {} : { remote }),
      signal,
      progress,
    };
    const plan = await gc(repo, { ...scope, dryRun: true });
    const amount = `${formatQuantity(plan.removed.length, "object")} (${formatBytes(plan.sizeBytes)})`;
    if (dryRun || plan.removed.length === 0) {
      return {
        json: { dryRun, ...plan },
        text: session.quiet ? "" : plan.removed.join("\n"),
        note: `${amount} would go, ${plan.keptCount} stay.`,
      };
    }
    await confirmDestruction(
      session,
      { yes: options.yes || options.force },
      `${amount} will be removed from the cache${cloud ? " and the remote" : ""}.`,
    );
    const done = await gc(repo, scope);
    return {
      json: { dryRun, ...done },
      note: `Removed ${formatQuantity(done.removed.length, "object")} (${formatBytes(done.sizeBytes)}), kept ${done.keptCount}.`,
    };
  },
});
