import { defineCommand } from "../command.ts";

/** `waybill schema update SCHEMA STATS`: relaxes a schema until the statistics pass. */
export const command = defineCommand({
  name: "schema update",
  summary: "Relax a schema until statistics pass it",
  arguments: {
    schema: { summary: "The schema as it is; the file stays as it is unless -o names it" },
    statistics: { summary: "Statistics that it must accept", value: "STATS" },
  },
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "Write the schema there: .pbtxt is text, .pb binary",
    },
    maxStringDomainSize: {
      type: "integer",
      value: "N",
      summary: "New texts of at most so many distinct values become a closed set",
      default: 100,
    },
  },
  examples: [
    { line: "schema update schema.pbtxt stats.pbtxt -o next.pbtxt", does: "write the relaxed one" },
    { line: "schema update schema.pbtxt stats.pbtxt", does: "only show it" },
  ],
  run: async ({ arguments: given, options, session }) => {
    const { publishSchema, readSchema } = await import("../../schema/index.ts");
    const { readStatistics, schemaJson } = await import("../protos.ts");
    const { fileUri, recordStep } = await import("../recording.ts");
    const { schemaSummary, schemaText } = await import("../views/schema.ts");
    const { updateSchema } = await import("../../anomalies/index.ts");
    const { output, maxStringDomainSize } = options;
    const before = await readSchema(given.schema);
    const statistics = await readStatistics(given.statistics);
    const schema = updateSchema(before, statistics, { maxStringDomainSize });
    const json = schemaJson(schema);
    if (output === undefined) return { text: schemaText(schema), json };
    await recordStep(
      session,
      "SchemaGen",
      {
        inputs: {
          base_schema: { type: "Schema", paths: [given.schema] },
          statistics: { type: "ExampleStatistics", paths: [given.statistics] },
        },
        parameters: { max_string_domain_size: maxStringDomainSize },
      },
      (step) => publishSchema(step, schema, { path: output, uri: fileUri(output) }),
    );
    return { note: `Wrote ${output}: ${schemaSummary(schema)}.`, json };
  },
});
