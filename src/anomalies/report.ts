import {
  type Anomalies,
  type AnomalyInfo,
  AnomalyInfo_SeveritySchema,
  AnomalyInfo_Severity as Severity,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { compareBytes } from "../schema/index.ts";
import { enumName } from "./format.ts";

/** The place where what concerns the dataset as a whole stands in a report. */
export const WHOLE_DATASET = "(dataset)";

/** One anomaly as a table shows it. */
export interface AnomalyRow {
  /** Serialized path, or {@link WHOLE_DATASET}. */
  readonly feature: string;
  /** `ERROR`, `WARNING` or `UNKNOWN`. */
  readonly severity: string;
  /** TFDV's "Anomaly short description". */
  readonly short: string;
  /** TFDV's "Anomaly long description". */
  readonly long: string;
}

/**
 * The rows of a table of anomalies: the gravest first, then by feature in byte order. A dataset without
 * examples is a row too.
 */
export function anomalyReport(anomalies: Anomalies): AnomalyRow[] {
  return infosOf(anomalies)
    .sort(([a, left], [b, right]) => right.severity - left.severity || compareBytes(a, b))
    .map(([feature, info]) => ({
      feature,
      severity: enumName(AnomalyInfo_SeveritySchema, info.severity),
      short: info.shortDescription,
      // Where TFDV gives no description, the reasons' short ones are all there is to say.
      long: info.description || info.reason.map((reason) => reason.shortDescription).join(" "),
    }));
}

/** Anomalies by severity; what has none counts as neither. A dataset without examples is an error. */
export function countAnomalies(anomalies: Anomalies): { errors: number; warnings: number } {
  const severities = infosOf(anomalies).map(([, { severity }]) => severity);
  return {
    errors: severities.filter((severity) => severity === Severity.ERROR).length,
    warnings: severities.filter((severity) => severity === Severity.WARNING).length,
  };
}

/** Whether there is anything to report: then a command exits with 3. */
export function hasAnomalies(anomalies: Anomalies): boolean {
  return infosOf(anomalies).length > 0;
}

type Shown = Pick<AnomalyInfo, "severity" | "shortDescription" | "description" | "reason">;

function infosOf(anomalies: Anomalies): [string, Shown][] {
  const infos: [string, Shown][] = Object.entries(anomalies.anomalyInfo);
  if (anomalies.datasetAnomalyInfo !== undefined) {
    infos.push([WHOLE_DATASET, anomalies.datasetAnomalyInfo]);
  }
  if (anomalies.dataMissing) {
    infos.push([
      WHOLE_DATASET,
      {
        severity: Severity.ERROR,
        shortDescription: "No examples",
        description: "The statistics are of no examples, so there is nothing to validate.",
        reason: [],
      },
    ]);
  }
  return infos;
}
