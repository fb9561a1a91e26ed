import type { AnomalyInfo_Severity } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import {
  type Compatibility,
  compareBytes,
  diffSchemas,
  type SchemaChange,
  serializePath,
} from "../schema/index.ts";
import type { Reason } from "./check.ts";
import type { Diagnoses } from "./diagnose.ts";
import { WHOLE_DATASET } from "./report.ts";
import { diagnoseStatistics, type ValidateInput } from "./validate.ts";

/** A change of the schema that would make one anomaly go away. For people to take or leave. */
export interface Proposal {
  /** The feature's serialized path, or {@link WHOLE_DATASET}. */
  readonly feature: string;
  readonly severity: AnomalyInfo_Severity;
  readonly reasons: readonly Reason[];
  /** What it changes in the schema, and what that does to which data passes. */
  readonly changes: readonly SchemaChange[];
  readonly compatibility: Compatibility;
}

/** The schema with proposals taken, and what that changes in all. */
export interface Proposed {
  readonly schema: Schema;
  readonly changes: readonly SchemaChange[];
  readonly compatibility: Compatibility;
}

/**
 * One proposal for each anomaly of a dataset, by feature in byte order. None changes the schema.
 * @throws WaybillError as `validateStatistics`
 */
export function proposeFixes(
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  input: ValidateInput = {},
): Proposal[] {
  return fixesOf(diagnoseStatistics(statistics, schema, input))
    .map(({ feature, severity, reasons, fixed }) => {
      const { changes, compatibility } = diffSchemas(schema, fixed());
      return { feature, severity, reasons, changes, compatibility };
    })
    .sort((a, b) => compareBytes(a.feature, b.feature));
}

/**
 * Takes the proposals for some features, or all. Each is taken on what the ones before have left, so
 * that two that widen one shared domain both count. The schema given stays as it is.
 * @throws WaybillError `not_found` for a feature without a proposal; as `validateStatistics`
 */
export function takeProposals(
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  input: ValidateInput = {},
  features?: readonly string[],
): Proposed {
  const offered = new Set(
    fixesOf(diagnoseStatistics(statistics, schema, input)).map(({ feature }) => feature),
  );
  for (const feature of features ?? []) {
    if (offered.has(feature)) continue;
    throw new WaybillError("not_found", `Nothing is proposed for "${feature}".`, {
      hint:
        offered.size === 0 ? "There are no anomalies." : `There is for ${[...offered].join(", ")}`,
    });
  }
  let current = schema;
  for (const wanted of features ?? [...offered].sort(compareBytes)) {
    const fixes = fixesOf(diagnoseStatistics(statistics, current, input));
    // An earlier fix may have been enough for this one too.
    current = fixes.find(({ feature }) => feature === wanted)?.fixed() ?? current;
  }
  const { changes, compatibility } = diffSchemas(schema, current);
  return { schema: current, changes, compatibility };
}

interface Fix extends Pick<Proposal, "feature" | "severity" | "reasons"> {
  readonly fixed: () => Schema;
}

function fixesOf(diagnoses: Diagnoses | undefined): Fix[] {
  if (diagnoses === undefined) return [];
  const fixes = diagnoses.features.map(({ path, severity, reasons, fixed }) => ({
    feature: serializePath(path),
    severity,
    reasons,
    fixed: () => fixed.build(),
  }));
  if (diagnoses.dataset === undefined) return fixes;
  const { severity, reasons, fixed } = diagnoses.dataset;
  return [...fixes, { feature: WHOLE_DATASET, severity, reasons, fixed: () => fixed.build() }];
}
