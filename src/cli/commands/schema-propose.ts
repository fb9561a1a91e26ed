import { defineCommand } from "../command.ts";

/** `waybill schema propose SCHEMA --stats STATS`: what would make the data pass, one fix an anomaly. */
export const command = defineCommand({
  name: "schema propose",
  summary: "Propose a fix of the schema for each anomaly of statistics",
  description:
    "Nothing changes until -o writes the schema with the fixes taken; publish that with `schema approve`.",
  arguments: { schema: { summary: "A schema file, or NAME or NAME@N of a published one" } },
  options: {
    stats: { type: "string", value: "STATS", summary: "What should pass", required: true },
    environment: { type: "string", value: "NAME", summary: "Expect only what belongs to it" },
    take: {
      type: "string",
      multiple: true,
      value: "FEATURE",
      summary: "Take the fix of this feature only (default: all)",
    },
    output: { type: "string", short: "o", value: "FILE", summary: "Write the fixed schema there" },
  },
  examples: [
    { line: "schema propose schema.pbtxt --stats stats.pbtxt", does: "look at the fixes" },
    {
      line: "schema propose schema.pbtxt --stats stats.pbtxt --take company -o next.pbtxt",
      does: "take one",
    },
  ],
  run: async ({ arguments: { schema: reference }, options, session }) => {
    const { proposeFixes, takeProposals } = await import("../../anomalies/index.ts");
    const { openSchema } = await import("../schemas.ts");
    const { readStatistics, schemaJson } = await import("../protos.ts");
    const { changesText } = await import("../views/schema.ts");
    const schema = await openSchema(session, reference);
    const statistics = await readStatistics(options.stats);
    const { environment, output, take } = options;
    const input = environment === undefined ? {} : { environment };
    if (output === undefined) {
      const proposals = proposeFixes(statistics, schema, input).filter(
        ({ feature }) => take.length === 0 || take.includes(feature),
      );
      const text = proposals.map(
        ({ feature, reasons, changes, compatibility }) =>
          `${feature}: ${reasons.map(({ shortDescription }) => shortDescription).join("; ")}\n` +
          `${changesText(changes).replaceAll(/^/gm, "  ")}\n  compatibility: ${compatibility}`,
      );
      return {
        text: text.length === 0 ? "Nothing to fix." : text.join("\n\n"),
        json: { proposals },
      };
    }
    const taken = takeProposals(statistics, schema, input, take.length === 0 ? undefined : take);
    const { recordStep, fileUri } = await import("../recording.ts");
    const { publishSchema } = await import("../../schema/index.ts");
    await recordStep(
      session,
      "SchemaGen",
      {
        inputs: { statistics: { type: "ExampleStatistics", paths: [options.stats] } },
        parameters: { taken: take.length === 0 ? "all" : JSON.stringify(take) },
      },
      (step) => publishSchema(step, taken.schema, { path: output, uri: fileUri(output) }),
    );
    return {
      text: taken.changes.length === 0 ? "" : changesText(taken.changes),
      json: {
        changes: taken.changes,
        compatibility: taken.compatibility,
        schema: schemaJson(taken.schema),
      },
      note: `Wrote ${output}; compatibility: ${taken.compatibility}.`,
    };
  },
});
