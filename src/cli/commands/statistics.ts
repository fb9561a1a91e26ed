import { extname } from "node:path";
import { DatasetFeatureStatisticsListSchema } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { FileInput, StatisticsOptions } from "../../statistics/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { findHome } from "../home.ts";
import { readJsonObject } from "../json-file.ts";
import { messageJson } from "../protos.ts";
import { fileUri, recordStep } from "../recording.ts";
import { formatOf, TABLE_FORMATS } from "../relations.ts";
import { statisticsSummary, statisticsText } from "../views/statistics.ts";

/** `waybill statistics INPUT...`: counts what is in a dataset, as TFDV does. */
export const command = defineCommand({
  name: "statistics",
  summary: "Count what is in a dataset: TFDV's statistics",
  description:
    "Several files, or a glob in quotes, are one dataset. Every row is read; nothing is sampled.",
  arguments: { inputs: { summary: "Data files or globs", count: "many", value: "INPUT" } },
  options: {
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "Write the statistics there: .pbtxt is text, .pb binary, .tfrecord a TFRecord",
    },
    format: {
      type: "string",
      choices: TABLE_FORMATS,
      summary: "The inputs' format; by default by their ending",
    },
    delimiter: { type: "string", value: "C", summary: "What parts the fields of a CSV" },
    columnNames: {
      type: "string",
      value: "A,B,...",
      summary: "The columns of a CSV without a header",
    },
    options: {
      type: "string",
      value: "FILE",
      summary: "JSON with TFDV's StatsOptions: num_top_values, feature_allowlist, ...",
    },
  },
  examples: [
    { line: "statistics train.csv", does: "show them" },
    { line: "statistics train.csv -o stats.pbtxt", does: "write them for TFDV and for validate" },
    { line: "statistics 'part-*.parquet' -o stats.pb", does: "many files, one dataset" },
  ],
  run: async ({ arguments: { inputs }, options, session }) => {
    const input = fileInput(inputs, options);
    const settings = options.options === undefined ? {} : await readOptions(options.options);
    const { computeStatistics, generateStatistics } = await import("../../statistics/index.ts");
    const { output } = options;
    const { signal, progress } = session;
    if (output === undefined && findHome(session) === undefined) {
      const { openEngine } = await import("../../engine/index.ts");
      const engine = session.resources.use(await openEngine());
      const { statistics } = await computeStatistics(engine, input, {
        ...settings,
        signal,
        progress,
      });
      return answer(statistics, undefined);
    }
    const statistics = await recordStep(
      session,
      "StatisticsGen",
      {
        inputs: { examples: { type: "Examples", paths: inputs } },
        parameters: { format: input.format, ...parametersOf(options, settings) },
      },
      async (step, project) => {
        const { openEngine } = await import("../../engine/index.ts");
        const engine = await (project?.engine() ?? openEngine());
        if (project === undefined) session.resources.use(engine);
        const path =
          output ??
          project?.artifactPath(step, "StatisticsGen", "statistics", "stats.pb") ??
          "stats.pb";
        const made = await generateStatistics(step, engine, {
          input,
          output: path,
          uri: fileUri(path),
          options: settings,
        });
        return made.statistics;
      },
    );
    return answer(statistics, output);
  },
});

type Statistics = Parameters<typeof statisticsText>[0];

function answer(statistics: Statistics, output: string | undefined) {
  const json = messageJson(DatasetFeatureStatisticsListSchema, statistics);
  return output === undefined
    ? { text: statisticsText(statistics), json }
    : { note: `Wrote ${output}: ${statisticsSummary(statistics)}.`, json };
}

interface InputOptions {
  readonly format: string | undefined;
  readonly delimiter: string | undefined;
  readonly columnNames: string | undefined;
}

function fileInput(paths: readonly string[], options: InputOptions): FileInput {
  const format = formatOf("statistics", paths, options.format);
  const { columnNames } = options;
  const delimiter = options.delimiter ?? (isTsv(paths) ? "\t" : undefined);
  if (format !== "csv" && (options.delimiter !== undefined || columnNames !== undefined)) {
    throw wrongUse("statistics", "--delimiter and --column-names are for CSV.");
  }
  return {
    format,
    paths,
    ...(delimiter === undefined ? {} : { delimiter: delimiter === "\\t" ? "\t" : delimiter }),
    ...(columnNames === undefined ? {} : { columnNames: columnNames.split(",") }),
  };
}

function isTsv(paths: readonly string[]): boolean {
  return paths.every((path) => extname(path).toLowerCase() === ".tsv");
}

function parametersOf({ delimiter, columnNames }: InputOptions, settings: StatisticsOptions) {
  return {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(columnNames === undefined ? {} : { column_names: columnNames }),
    ...(Object.keys(settings).length === 0 ? {} : { options: JSON.stringify(settings) }),
  };
}

async function readOptions(path: string): Promise<StatisticsOptions> {
  const members = await readJsonObject(path);
  const allowlist = members.list("feature_allowlist");
  if (allowlist?.some((name) => typeof name !== "string")) {
    throw new WaybillError("invalid_argument", `"${path}": "feature_allowlist" must hold names.`);
  }
  const numbers = {
    numTopValues: members.integer("num_top_values"),
    frequencyThreshold: members.integer("frequency_threshold"),
    numRankHistogramBuckets: members.integer("num_rank_histogram_buckets"),
    numValuesHistogramBuckets: members.integer("num_values_histogram_buckets"),
    numHistogramBuckets: members.integer("num_histogram_buckets"),
    numQuantilesHistogramBuckets: members.integer("num_quantiles_histogram_buckets"),
  };
  members.refuseOthers();
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    ...(allowlist === undefined ? {} : { featureAllowlist: allowlist.map(String) }),
  };
}
