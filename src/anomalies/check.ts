import type {
  AnomalyInfo_Type,
  DriftSkewInfo_Measurement,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Feature } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { FeatureView, SchemaDraft } from "../schema/index.ts";

/** One way in which data is not what its schema expects. */
export interface Reason {
  readonly type: AnomalyInfo_Type;
  readonly shortDescription: string;
  readonly description: string;
}

/** The two comparisons a feature can ask for: with the span before, and with what is served. */
export type Comparison = "drift" | "skew";

/** How far two datasets are apart in one feature, whether or not that is too far. */
export interface Measured {
  readonly comparison: Comparison;
  readonly measurement: DriftSkewInfo_Measurement;
}

/** What detectors found out about one feature. */
export interface Findings {
  readonly reasons: Reason[];
  readonly measured: Measured[];
}

/**
 * One feature under examination. A detector compares `feature` with `view`, reports what deviates, and
 * relaxes `feature` (and what `draft` holds beside it) so that the data would pass: its fix.
 */
export interface FeatureCheck {
  readonly feature: Feature;
  readonly view: FeatureView;
  readonly draft: SchemaDraft;
  /** Reports a deviation; `description` is empty where TFDV leaves it so. */
  report(type: AnomalyInfo_Type, shortDescription: string, description?: string): void;
  measure(comparison: Comparison, measurement: DriftSkewInfo_Measurement): void;
}

/** A rule: reports and fixes what deviates. */
export type Detector = (check: FeatureCheck) => void;

/** A check of a feature of a draft that collects into `findings`. */
export function openCheck(
  feature: Feature,
  view: FeatureView,
  draft: SchemaDraft,
  findings: Findings,
): FeatureCheck {
  return {
    feature,
    view,
    draft,
    report: (type, shortDescription, description = "") => {
      findings.reasons.push({ type, shortDescription, description });
    },
    measure: (comparison, measurement) => {
      findings.measured.push({ comparison, measurement });
    },
  };
}

export function noFindings(): Findings {
  return { reasons: [], measured: [] };
}
