import { defineCommand } from "../command.ts";

/** `waybill status`: what changed since it was versioned, in dvc's words. */
export const command = defineCommand({
  name: "status",
  summary: "Say what changed since it was versioned, as dvc status does",
  description: "With -q nothing is printed, and the exit code is 1 when something changed.",
  arguments: {
    targets: { summary: "Only these .dvc files or paths", count: "any", value: "TARGET" },
  },
  examples: [
    { line: "status", does: "all of the repository" },
    { line: "status trips.csv.dvc", does: "one version" },
    { line: "status -q", does: "for scripts: 0 is clean, 1 is changed" },
  ],
  run: async ({ arguments: { targets }, session }) => {
    const { formatStatus, openRepo, status } = await import("../../versioning/index.ts");
    const cwd = process.cwd();
    const repo = await openRepo(cwd);
    const { signal } = session;
    const found = await status(repo, { targets, cwd, signal });
    const isClean = Object.keys(found).length === 0;
    return {
      json: found,
      text: session.quiet ? "" : formatStatus(found),
      exitCode: session.quiet && !isClean ? 1 : 0,
    };
  },
});
