import type { Anomalies } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { anomalyReport } from "../anomalies/index.ts";
import { getDomain } from "../schema/index.ts";
import type { Counted } from "./steps.ts";

/** A size for people. */
export function bytes(count: number): string {
  return count < 1_000_000 ? `${(count / 1_000).toFixed(0)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** A count with separators, or a measure with two decimals. */
export function number(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(2);
}

export function correlation(value: unknown): string {
  return typeof value === "number" ? value.toFixed(3) : "unknown";
}

export function exampleCount({ statistics }: Counted): number {
  return Number(statistics.datasets[0]?.numExamples ?? 0n);
}

/** What statistics say of a dataset in a few words. */
export function summary(counted: Counted): string[] {
  const features = counted.statistics.datasets[0]?.features ?? [];
  const gaps = features.filter(({ stats }) => (stats.value?.commonStats?.numMissing ?? 0n) > 0n);
  const delay = features.find(({ fieldId }) => {
    return fieldId.case === "path" && fieldId.value.step[0] === "delay";
  })?.stats;
  return [
    `${number(exampleCount(counted))} examples`,
    `${features.length} features`,
    delay?.case === "numStats"
      ? `delay ${delay.value.min}..${delay.value.max}, mean ${delay.value.mean.toFixed(2)}`
      : `${gaps.length} with missing values`,
  ];
}

/** The number of values in a feature's closed set of texts. */
export function domainSize(schema: Schema, feature: string): number {
  const domain = getDomain(schema, feature);
  return "value" in domain && Array.isArray(domain.value) ? domain.value.length : 0;
}

export function verdict(anomalies: Anomalies): string {
  const rows = anomalyReport(anomalies);
  if (rows.length === 0) return "no anomalies";
  return `${rows.length} ${rows.length === 1 ? "anomaly" : "anomalies"}`;
}

/** The measured drift of the delays, and whether it is over its threshold. */
export function drift(anomalies: Anomalies): string {
  const [measured] = anomalies.driftSkewInfo.flatMap((info) => info.driftMeasurements);
  if (measured === undefined) return "";
  const { value, threshold } = measured;
  const word = value > threshold ? "over" : "within";
  return `drift of delay ${value.toFixed(4)}, ${word} ${threshold}`;
}
