import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill repro`: runs the stages of `dvc.yaml` whose inputs changed. */
export const command = defineCommand({
  name: "repro",
  summary: "Run the stages of dvc.yaml whose inputs changed, as dvc repro does",
  arguments: { targets: { summary: "Only these stages", count: "any", value: "STAGE" } },
  options: {
    force: { type: "boolean", short: "f", summary: "Run them even if nothing changed" },
    singleItem: { type: "boolean", short: "s", summary: "Not what the targets need" },
    dry: { type: "boolean", summary: "Only say which would run" },
  },
  examples: [
    { line: "repro", does: "the whole pipeline" },
    { line: "repro train --dry", does: "what would run" },
  ],
  run: async ({ arguments: { targets }, options, session }) => {
    const { reproduce } = await import("../../versioning/index.ts");
    const { recordStep } = await import("../recording.ts");
    const repo = await openRepository();
    const { json, progress, quiet } = session;
    const { force, dry, singleItem } = options;
    const work = () =>
      recordStep(
        session,
        "Reproduce",
        { parameters: { targets: JSON.stringify(targets), force, dry } },
        (step) =>
          reproduce(step, repo, {
            targets,
            cwd: process.cwd(),
            force,
            isSingle: singleItem,
            dryRun: dry,
            // A stage's own words would spoil the document.
            stdio: json ? "ignore" : "inherit",
          }),
      );
    const stages = await (json ? work() : progress.pause(work));
    return {
      json: { stages: stages.map(({ name, outcome }) => ({ name, outcome })) },
      text: quiet ? "" : stages.map(({ name, outcome }) => `${name}: ${outcome}`).join("\n"),
    };
  },
});
