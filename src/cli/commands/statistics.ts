import type { DatasetFeatureStatisticsList } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { FileInput, StatisticsOptions } from "../../statistics/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { findHome } from "../home.ts";
import { readJson } from "../json-file.ts";

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
      value: "csv|parquet|jsonl|tfrecord",
      summary: "The inputs' format; by default by their ending",
    },
    schema: {
      type: "string",
      value: "SCHEMA",
      summary: "Says which numbers are categories, which columns are sparse or weighted, ...",
    },
    delimiter: { type: "string", value: "C", summary: "What parts the fields of a CSV" },
    columnNames: {
      type: "string",
      value: "A,B,...",
      summary: "The columns of a CSV without a header",
    },
    partials: {
      type: "string",
      value: "FILE",
      summary: "Write the mergeable counts there, for `statistics merge`",
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
    const input = await fileInput(inputs, options);
    const settings = await readSettings(options);
    const { computeStatistics, generateStatistics } = await import("../../statistics/index.ts");
    const { output, partials } = options;
    if (partials !== undefined && output === undefined) {
      throw wrongUse(
        "statistics",
        "--partials goes with -o: counts stand beside their statistics.",
      );
    }
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
    const { fileUri, recordStep } = await import("../recording.ts");
    const statistics = await recordStep(
      session,
      "StatisticsGen",
      {
        inputs: {
          examples: { type: "Examples", paths: inputs },
          ...(options.schema === undefined
            ? {}
            : { schema: { type: "Schema", paths: [options.schema] } }),
        },
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
          ...(partials === undefined ? {} : { partials }),
        });
        return made.statistics;
      },
    );
    return answer(statistics, output);
  },
});

async function answer(statistics: DatasetFeatureStatisticsList, output: string | undefined) {
  const { statisticsJson } = await import("../protos.ts");
  const { statisticsSummary, statisticsText } = await import("../views/statistics.ts");
  const json = statisticsJson(statistics);
  return output === undefined
    ? { text: statisticsText(statistics), json }
    : { note: `Wrote ${output}: ${statisticsSummary(statistics)}.`, json };
}

interface InputOptions {
  readonly format: string | undefined;
  readonly delimiter: string | undefined;
  readonly columnNames: string | undefined;
}

async function fileInput(paths: readonly string[], options: InputOptions): Promise<FileInput> {
  const { formatOf } = await import("../../statistics/index.ts");
  const { columnNames } = options;
  const formats = new Set(
    options.format === undefined ? paths.map((path) => formatOf(path)) : [formatOf(options.format)],
  );
  const [format] = formats;
  if (format === undefined || formats.size > 1) {
    throw wrongUse("statistics", "The inputs are of several formats; one dataset has one.");
  }
  if (format !== "csv" && (options.delimiter !== undefined || columnNames !== undefined)) {
    throw wrongUse("statistics", "--delimiter and --column-names are for CSV.");
  }
  const isTabbed = paths.every((path) => /\.tsv(\.gz)?$/i.test(path));
  const delimiter = options.delimiter ?? (isTabbed ? "\t" : undefined);
  return {
    format,
    paths,
    ...(delimiter === undefined ? {} : { delimiter: delimiter === "\\t" ? "\t" : delimiter }),
    ...(columnNames === undefined ? {} : { columnNames: columnNames.split(",") }),
  };
}

async function readSettings(options: {
  readonly options: string | undefined;
  readonly schema: string | undefined;
}): Promise<StatisticsOptions> {
  const { parseStatisticsOptions } = await import("../../statistics/index.ts");
  const settings =
    options.options === undefined ? {} : parseStatisticsOptions(await readJson(options.options));
  if (options.schema === undefined) return settings;
  const { readSchema } = await import("../../schema/index.ts");
  return { ...settings, schema: await readSchema(options.schema) };
}

function parametersOf({ delimiter, columnNames }: InputOptions, settings: StatisticsOptions) {
  // The schema is an input of the step.
  const { schema: _schema, ...given } = settings;
  return {
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(columnNames === undefined ? {} : { column_names: columnNames }),
    ...(Object.keys(given).length === 0 ? {} : { options: JSON.stringify(given) }),
  };
}
