import {
  type Anomalies,
  type AnomalyInfo,
  AnomalyInfo_Severity,
} from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { printable } from "../format.ts";
import { formatTable } from "../table.ts";

/** How many anomalies there are; 0 means that the data is as its schema expects. */
export function anomalyCount(anomalies: Anomalies): number {
  return (
    Object.keys(anomalies.anomalyInfo).length +
    (anomalies.datasetAnomalyInfo === undefined ? 0 : 1) +
    (anomalies.dataMissing ? 1 : 0)
  );
}

/** Anomalies as people read them: feature, what is wrong, and the details below each other. */
export function anomaliesText(anomalies: Anomalies): string {
  const count = anomalyCount(anomalies);
  if (count === 0) return "No anomalies.";
  const rows = [
    ...(anomalies.dataMissing ? [["(dataset)", "No data", "There are no examples."]] : []),
    ...(anomalies.datasetAnomalyInfo === undefined
      ? []
      : [anomalyRow("(dataset)", anomalies.datasetAnomalyInfo)]),
    ...Object.entries(anomalies.anomalyInfo)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, info]) => anomalyRow(info.path?.step.join(".") || key, info)),
  ];
  const table = formatTable(
    [{ title: "feature", widthMax: 32 }, { title: "anomaly" }, { title: "details" }],
    rows,
  );
  return `${count} ${count === 1 ? "anomaly" : "anomalies"}\n${table}`;
}

function anomalyRow(name: string, info: AnomalyInfo): string[] {
  const warning = info.severity === AnomalyInfo_Severity.WARNING ? "warning: " : "";
  return [
    printable(name),
    warning + info.shortDescription,
    info.description.replaceAll(/\s+/g, " ").trim(),
  ];
}
