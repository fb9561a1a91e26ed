import { WaybillError } from "../../foundation/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";

/** `waybill schema rollback NAME --to N`: what an earlier version said, as the next one. */
export const command = defineCommand({
  name: "schema rollback",
  summary: "Publish an earlier version of a schema again",
  description: "History is never rewritten: the earlier version becomes the newest.",
  arguments: { name: { summary: "The schema's name in this project" } },
  options: {
    to: { type: "integer", value: "N", summary: "The version to go back to", required: true },
  },
  examples: [{ line: "schema rollback trips --to 2", does: "version 2 again, as the next" }],
  run: async ({ arguments: { name }, options: { to }, session }) => {
    if (to < 1) throw wrongUse("schema rollback", "--to is a version from 1 on.");
    const { rollbackSchema, schemaHistory } = await import("../../schema/index.ts");
    const { schemaFolder } = await import("../schemas.ts");
    const project = await openProject(session);
    const versions = await schemaHistory(project.store, project.recorder, name);
    const target = versions.find(({ number }) => number === to);
    if (target === undefined) {
      throw new WaybillError("not_found", `The schema "${name}" has no version ${to}.`, {
        hint: `It has versions 1 to ${versions[0]?.number ?? 0}.`,
      });
    }
    const { value } = await project.recorder.step(
      "SchemaApproval",
      { parameters: { name, rollback_to: to }, signal: session.signal },
      (step) => rollbackSchema(step, target, { folder: schemaFolder(project), head: versions[0] }),
    );
    const { artifact, ...version } = value.version;
    return {
      text: version.changes.join("\n"),
      json: { ...version, artifactId: artifact.id },
      note: `${name} version ${version.number} says what version ${to} said.`,
    };
  },
});
