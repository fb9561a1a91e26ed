import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { LifecycleStage } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { isUnchecked, markDerived } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";

/** A feature that is computed during validation, and a schema that does not say so, or not rightly. */
export function detectDerived({ feature, view, report }: FeatureCheck): void {
  const isDerived = view.statistics.validationDerivedSource !== undefined;
  if (isDerived && feature.validationDerivedSource === undefined) {
    markDerived(feature, view);
    report(
      Type.DERIVED_FEATURE_INVALID_SOURCE,
      "Derived source not set in schema.",
      "Derived source not set in schema.",
    );
  }
  if (
    feature.validationDerivedSource !== undefined &&
    feature.lifecycleStage !== LifecycleStage.VALIDATION_DERIVED &&
    !isUnchecked(feature)
  ) {
    feature.lifecycleStage = LifecycleStage.VALIDATION_DERIVED;
    report(
      Type.DERIVED_FEATURE_BAD_LIFECYCLE,
      "Derived feature has wrong lifecycle.",
      "Derived feature has wrong lifecycle.",
    );
  }
}
