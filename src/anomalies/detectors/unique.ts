import { clearField } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { FeatureSchema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { FeatureCheck } from "../check.ts";

/** Fewer or more distinct values than expected. A bound that is not set reads as 0, as in TFDV. */
export function detectUnique({ feature, view, report }: FeatureCheck): void {
  const constraints = feature.uniqueConstraints;
  if (constraints === undefined) return;
  const { numUnique } = view;
  if (numUnique === undefined) {
    report(
      Type.FEATURE_TYPE_NO_UNIQUE,
      "No unique values",
      "UniqueConstraints specified for the feature, but unique values were not counted (i.e., feature is not string or categorical).",
    );
    clearField(feature, FeatureSchema.field.uniqueConstraints);
    return;
  }
  if (numUnique < Number(constraints.min)) {
    report(
      Type.FEATURE_TYPE_LOW_UNIQUE,
      "Low number of unique values",
      `Expected at least ${constraints.min} unique values but found only ${numUnique}.`,
    );
    constraints.min = BigInt(numUnique);
  }
  if (numUnique > Number(constraints.max)) {
    report(
      Type.FEATURE_TYPE_HIGH_UNIQUE,
      "High number of unique values",
      `Expected no more than ${constraints.max} unique values but found ${numUnique}.`,
    );
    constraints.max = BigInt(numUnique);
  }
}
