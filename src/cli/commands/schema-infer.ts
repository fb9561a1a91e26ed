import { defineCommand } from "../command.ts";

/** `waybill schema infer STATS`: what the data looks like becomes what is expected of it. */
export const command = defineCommand({
  name: "schema infer",
  summary: "Infer a schema from statistics",
  arguments: { statistics: { summary: "A file of statistics", value: "STATS" } },
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
      summary: "Texts of at most so many distinct values become a closed set",
      default: 100,
    },
    inferFeatureShape: {
      type: "boolean",
      summary: "Do not fix the shape of features whose values never vary in number",
      default: true,
    },
  },
  examples: [
    { line: "schema infer stats.pbtxt -o schema.pbtxt", does: "write the schema as text" },
    { line: "schema infer stats.pbtxt", does: "only show it" },
  ],
  run: async ({ arguments: { statistics: path }, options, session }) => {
    const { generateSchema, inferSchema } = await import("../../schema/index.ts");
    const { readStatistics, schemaJson } = await import("../protos.ts");
    const { fileUri, recordStep } = await import("../recording.ts");
    const { schemaSummary, schemaText } = await import("../views/schema.ts");
    const { output, maxStringDomainSize, inferFeatureShape } = options;
    const settings = { maxStringDomainSize, inferFeatureShape };
    const statistics = await readStatistics(path);
    const schema =
      output === undefined
        ? inferSchema(statistics, settings)
        : await recordStep(
            session,
            "SchemaGen",
            {
              inputs: { statistics: { type: "ExampleStatistics", paths: [path] } },
              parameters: {
                max_string_domain_size: maxStringDomainSize,
                infer_feature_shape: inferFeatureShape,
              },
            },
            async (step) =>
              (
                await generateSchema(step, statistics, {
                  ...settings,
                  path: output,
                  uri: fileUri(output),
                })
              ).schema,
          );
    const json = schemaJson(schema);
    return output === undefined
      ? { text: schemaText(schema), json }
      : { note: `Wrote ${output}: ${schemaSummary(schema)}.`, json };
  },
});
