import { defineCommand } from "../command.ts";

/** `waybill statistics merge PARTIALS...`: the statistics of shards become those of the whole. */
export const command = defineCommand({
  name: "statistics merge",
  summary: "Merge the counts of days or shards into statistics of the whole",
  description: "Counts are what `waybill statistics --partials FILE` wrote beside the statistics.",
  arguments: { partials: { summary: "Files of counts", count: "many", value: "PARTIALS" } },
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "Write the statistics there: .pbtxt is text, .pb binary",
    },
    partials: { type: "string", value: "FILE", summary: "Write the merged counts there as well" },
  },
  examples: [
    { line: "statistics merge monday.counts tuesday.counts -o week.pbtxt", does: "two days" },
  ],
  run: async ({ arguments: { partials: paths }, options }) => {
    const { mergeStatistics, readPartials, writePartials } = await import(
      "../../statistics/index.ts"
    );
    const { statisticsJson, writeStatistics } = await import("../protos.ts");
    const { statisticsSummary, statisticsText } = await import("../views/statistics.ts");
    const shards = [];
    for (const path of paths) shards.push(await readPartials(path));
    const { statistics, partials } = mergeStatistics(shards);
    if (options.partials !== undefined) await writePartials(options.partials, partials);
    const { output } = options;
    if (output === undefined) {
      return { text: statisticsText(statistics), json: statisticsJson(statistics) };
    }
    await writeStatistics(statistics, output);
    return {
      json: statisticsJson(statistics),
      note: `Wrote ${output}: ${statisticsSummary(statistics)}.`,
    };
  },
});
