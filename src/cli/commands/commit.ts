import { defineCommand } from "../command.ts";
import { openRepository, TARGETS } from "../repository.ts";

/** `waybill commit`: records the workspace as it is, as `dvc commit` does. */
export const command = defineCommand({
  name: "commit",
  summary: "Record changed data as new versions, as dvc commit does",
  arguments: TARGETS,
  options: {
    force: {
      type: "boolean",
      short: "f",
      summary: "dvc's word: do not ask (nothing is asked here)",
    },
  },
  examples: [
    { line: "commit", does: "everything that changed" },
    { line: "commit trips.csv.dvc", does: "one" },
  ],
  run: async ({ arguments: { targets }, session }) => {
    const { commit } = await import("../../versioning/index.ts");
    const { recordStep } = await import("../recording.ts");
    const repo = await openRepository();
    const versions = await recordStep(
      session,
      "Version",
      { parameters: { targets: JSON.stringify(targets) } },
      (step) => commit(step, repo, { targets, cwd: process.cwd() }),
    );
    return {
      json: { committed: versions.map(({ artifact: _artifact, ...version }) => version) },
      note:
        versions.length === 0
          ? "Nothing changed."
          : versions.map(({ path, dvcFile }) => `${path} -> ${dvcFile}`).join("\n"),
    };
  },
});
