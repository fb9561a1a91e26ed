import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { anomaliesText } from "../views/anomalies.ts";

/** What the frame's exit code 3 says: the command did its work and found something. */
const FINDINGS = 3;

/** `waybill validate`: what in the data is not what its schema expects. */
export const command = defineCommand({
  name: "validate",
  summary: "Find anomalies: where statistics break a schema, drift or skew",
  description: "Exits 3 when there are anomalies.",
  options: {
    stats: {
      type: "string",
      value: "STATS",
      summary: "Statistics of the data to validate",
      required: true,
    },
    schema: { type: "string", value: "SCHEMA", summary: "What is expected of it" },
    environment: {
      type: "string",
      value: "NAME",
      summary: "Expect only what the schema expects in this environment",
    },
    previous: { type: "string", value: "STATS", summary: "The span before, for drift" },
    serving: { type: "string", value: "STATS", summary: "What is served, for skew" },
    previousVersion: {
      type: "string",
      value: "STATS",
      summary: "The version before of the same span",
    },
    customValidation: {
      type: "string",
      value: "FILE",
      summary: "Conditions in SQL, as a CustomValidationConfig in protobuf text",
    },
    options: {
      type: "string",
      value: "FILE",
      summary:
        "JSON with new_features_are_warnings, severity_overrides, features_needed (TFDV's words)",
    },
    html: { type: "string", value: "FILE", summary: "Write a report for a browser there, too" },
    output: {
      type: "string",
      short: "o",
      value: "FILE",
      summary: "Write the anomalies there: .pbtxt is text, .pb binary",
    },
  },
  examples: [
    { line: "validate --stats stats.pbtxt --schema schema.pbtxt", does: "show the anomalies" },
    {
      line: "validate --stats today.pbtxt --schema schema.pbtxt --previous yesterday.pbtxt",
      does: "look for drift as well",
    },
    {
      line: "validate --stats stats.pbtxt --schema schema.pbtxt --html report.html",
      does: "with pictures, in one file",
    },
    {
      line: "validate --stats serving.pbtxt --schema schema.pbtxt --environment SERVING",
      does: "where the label is not expected",
    },
  ],
  run: async ({ options, session }) => {
    if (options.schema === undefined && options.customValidation === undefined) {
      throw wrongUse(
        "validate",
        '"waybill validate" needs --schema SCHEMA or --custom-validation.',
      );
    }
    const { anomalyReport, hasAnomalies } = await import("../../anomalies/index.ts");
    const { anomaliesJson } = await import("../protos.ts");
    const { findAnomalies } = await import("../validating.ts");
    const anomalies = await findAnomalies(options, session);
    const { html, output } = options;
    if (html !== undefined) {
      const { writeReport } = await import("../validating.ts");
      await writeReport(options, anomalies, html);
    }
    const written = [output, html].filter((path) => path !== undefined);
    return {
      text: anomaliesText(anomalyReport(anomalies)),
      json: anomaliesJson(anomalies),
      ...(written.length === 0 ? {} : { note: `Wrote ${written.join(" and ")}.` }),
      exitCode: hasAnomalies(anomalies) ? FINDINGS : 0,
    };
  },
});
