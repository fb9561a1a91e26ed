import { join } from "node:path";
import { defineCommand } from "../command.ts";
import { readDefinitions } from "../definitions.ts";
import { formatQuantity } from "../format.ts";
import { openProject } from "../project.ts";

const MARKS = { created: "+", updated: "~", deleted: "-" } as const;

/** `waybill features apply FILE...`: what is written there becomes what is defined. */
export const command = defineCommand({
  name: "features apply",
  summary: "Define entities, sources, feature views and services",
  description:
    "Files are YAML or JSON with entities, sources, featureViews, onDemandFeatureViews, featureServices.\n" +
    "Applying the same again changes nothing.",
  arguments: { files: { summary: "Files of definitions", count: "many", value: "FILE" } },
  options: {
    replace: { type: "boolean", summary: "Remove definitions that are not in the files" },
    check: {
      type: "boolean",
      default: true,
      summary: "Do not look whether the sources have the columns that are declared",
    },
  },
  examples: [
    { line: "features apply features.yaml", does: "add and change" },
    { line: "features apply features.yaml --replace", does: "and remove the rest" },
  ],
  run: async ({ arguments: { files }, options, session }) => {
    const { applyRegistry, readRegistry } = await import("../../features/index.ts");
    const definitions = await readDefinitions(files);
    const project = await openProject(session);
    const current = await readRegistry(project.recorder);
    const engine = options.check ? await project.engine() : undefined;
    const { signal } = session;
    const { value } = await project.recorder.step("Apply", { signal }, (step) =>
      applyRegistry(step, definitions, {
        folder: join(project.home, "features"),
        current,
        replace: options.replace,
        ...(engine === undefined ? {} : { check: { engine, resolve: project.resolveSource } }),
      }),
    );
    const { changes, registry } = value;
    const lines = changes.map(({ kind, name, change }) => `${MARKS[change]} ${kind} ${name}`);
    return {
      json: { project: registry.project, changes },
      text: lines.join("\n"),
      note:
        changes.length === 0
          ? "Nothing changed."
          : `Applied ${formatQuantity(changes.length, "change")}.`,
    };
  },
});
