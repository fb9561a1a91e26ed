import { defineCommand } from "../command.ts";
import { formatQuantity } from "../format.ts";
import { openProject } from "../project.ts";

const REQUIREMENTS = ["full", "backward", "forward"] as const;

/** `waybill schema approve NAME FILE`: a schema becomes the next version of a name. */
export const command = defineCommand({
  name: "schema approve",
  summary: "Publish a schema as the next version of a name",
  description: "Versions never change; what each changed, and how compatibly, is recorded with it.",
  arguments: {
    name: { summary: "The schema's name in this project" },
    schema: { summary: "The schema file", value: "FILE" },
  },
  options: {
    message: { type: "string", short: "m", value: "TEXT", summary: "Why", default: "" },
    require: {
      type: "string",
      choices: REQUIREMENTS,
      summary: "Refuse a change that is less compatible",
    },
  },
  examples: [
    { line: 'schema approve trips schema.pbtxt -m "first version"', does: "version 1" },
    { line: "schema approve trips next.pbtxt --require backward", does: "the next, if it is safe" },
  ],
  run: async ({ arguments: { name, schema: path }, options, session }) => {
    const { headVersion, publishVersion, readSchema } = await import("../../schema/index.ts");
    const { schemaFolder } = await import("../schemas.ts");
    const { inputArtifacts } = await import("../recording.ts");
    const schema = await readSchema(path);
    const project = await openProject(session);
    const { signal } = session;
    const head = await headVersion(project.recorder, name);
    const inputs = await inputArtifacts(
      project,
      { schema: { type: "Schema", paths: [path], onlyKnown: true } },
      signal,
    );
    const required = REQUIREMENTS.find((each) => each === options.require);
    const { value } = await project.recorder.step(
      "SchemaApproval",
      { inputs, parameters: { name, message: options.message }, signal },
      (step) =>
        publishVersion(step, schema, {
          name,
          folder: schemaFolder(project),
          head,
          message: options.message,
          ...(required === undefined ? {} : { require: required }),
        }),
    );
    const { artifact, ...version } = value.version;
    return {
      text: version.changes.join("\n"),
      json: { ...version, artifactId: artifact.id },
      note:
        `${name} version ${version.number}: ${formatQuantity(version.changes.length, "change")}` +
        (version.compatibility === undefined ? "." : `, compatibility ${version.compatibility}.`),
    };
  },
});
