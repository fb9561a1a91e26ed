import type { AnomalyRow } from "../../anomalies/index.ts";
import { formatQuantity } from "../format.ts";
import { formatTable } from "../table.ts";

/** Anomalies as people read them: a row each, the gravest first. */
export function anomaliesText(rows: readonly AnomalyRow[]): string {
  if (rows.length === 0) return "No anomalies.";
  const table = formatTable(
    [
      { title: "feature", widthMax: 32 },
      { title: "severity" },
      { title: "anomaly" },
      { title: "details" },
    ],
    rows.map(({ feature, severity, short, long }) => [
      feature,
      severity.toLowerCase(),
      short,
      long.replaceAll(/\s+/g, " ").trim(),
    ]),
  );
  return `${formatQuantity(rows.length, "anomaly", "anomalies")}\n${table}`;
}
