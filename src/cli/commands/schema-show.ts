import { defineCommand } from "../command.ts";

/** `waybill schema show SCHEMA`: a schema as a table. */
export const command = defineCommand({
  name: "schema show",
  summary: "Show a schema as a table",
  arguments: { schema: { summary: "A schema file, or NAME or NAME@N of a published one" } },
  examples: [
    { line: "schema show schema.pbtxt", does: "a file" },
    { line: "schema show trips@3", does: "a version that was published" },
  ],
  run: async ({ arguments: { schema: reference }, session }) => {
    const { openSchema } = await import("../schemas.ts");
    const { schemaJson } = await import("../protos.ts");
    const { schemaText } = await import("../views/schema.ts");
    const schema = await openSchema(session, reference);
    return { text: schemaText(schema), json: schemaJson(schema) };
  },
});
