import { resolve } from "node:path";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity, formatShare } from "../format.ts";
import { openProject } from "../project.ts";
import { requireRegistry } from "../registry.ts";
import { fileRelation, readingFiles, TABLE_FORMATS } from "../relations.ts";
import { formatTable } from "../table.ts";

/** `waybill features historical`: a training set without leaks from the future. */
export const command = defineCommand({
  name: "features historical",
  summary: "Make a training set: each label with the features as they were at its time",
  arguments: {
    features: { summary: "What to add, as VIEW:FEATURE", count: "any", value: "VIEW:FEATURE" },
  },
  options: {
    labels: {
      type: "string",
      multiple: true,
      value: "FILE",
      summary: "The labels: keys, a time, and whatever else (Parquet, CSV, JSON lines)",
    },
    service: { type: "string", value: "NAME", summary: "All features of a service" },
    timestampField: { type: "string", value: "COLUMN", summary: "The column of each label's time" },
    fullNames: { type: "boolean", summary: "Name columns VIEW__FEATURE" },
    format: { type: "string", choices: TABLE_FORMATS, summary: "The labels' format" },
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "The Parquet file to write",
      required: true,
    },
  },
  examples: [
    {
      line: "features historical airport_daily:mean_delay --labels june.parquet -o train.parquet",
      does: "one feature",
    },
    {
      line: "features historical --service delays --labels june.csv -o train.parquet",
      does: "all of a service",
    },
  ],
  run: async ({ arguments: { features }, options, session }) => {
    const name = "features historical";
    if (features.length === 0 && options.service === undefined) {
      throw wrongUse(name, "Name features as VIEW:FEATURE, or a --service.");
    }
    if (options.labels.length === 0) throw wrongUse(name, `"waybill ${name}" needs --labels FILE.`);
    const { inputArtifacts } = await import("../recording.ts");
    const { historicalFeatures } = await import("../../features/index.ts");
    const project = await openProject(session);
    const registry = await requireRegistry(project);
    const engine = await project.engine();
    const relation = await fileRelation(name, engine, options.labels, options.format);
    const { signal } = session;
    const inputs = await inputArtifacts(
      project,
      { labels: { type: "Examples", paths: options.labels } },
      signal,
    );
    const { service, timestampField, output } = options;
    const { value: set } = await project.recorder.step(
      "HistoricalFeatures",
      {
        inputs,
        parameters: {
          features: JSON.stringify(features),
          ...(service === undefined ? {} : { service }),
        },
        signal,
      },
      (step) =>
        readingFiles(options.labels, () =>
          historicalFeatures(step, engine, {
            registry,
            resolve: project.resolveSource,
            ...(features.length === 0 ? {} : { features }),
            ...(service === undefined ? {} : { service }),
            fullFeatureNames: options.fullNames,
            labels: {
              relation,
              ...(timestampField === undefined ? {} : { timestampField }),
            },
            path: resolve(output),
          }),
        ),
    );
    const { artifact, ...facts } = set;
    const table = formatTable(
      [{ title: "feature" }, { title: "filled", align: "right" }],
      set.features.map(({ column, valueCount }) => [
        column,
        set.rowCount === 0 ? "" : formatShare(valueCount / set.rowCount),
      ]),
    );
    return {
      text: table,
      json: { ...facts, artifactId: artifact.id },
      note: `Wrote ${output}: ${formatQuantity(set.rowCount, "row")}, ${formatBytes(set.sizeBytes)}.`,
    };
  },
});
