import { isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type FloatDomain,
  FloatDomainSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { FeatureNameStatistics_Type } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { FeatureView } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { parseFloat32, sixDigits } from "../format.ts";

/** Floats outside their range, NaN and infinities where they are not allowed, texts that are none. */
export function detectFloat({ feature, view, report }: FeatureCheck, domain: FloatDomain): void {
  if (domain.disallowNan && hasNan(view)) {
    report(Type.FLOAT_TYPE_HAS_NAN, "Invalid values", "Float feature has NaN values.");
    domain.disallowNan = false;
  }
  const seen = floatsOf(view);
  if (seen === undefined) return;
  if ("stranger" in seen) {
    report(
      Type.FLOAT_TYPE_STRING_NOT_FLOAT,
      "Invalid values",
      `String values that were not floats were found, such as "${seen.stranger}".`,
    );
    feature.domainInfo = { case: undefined };
    return;
  }
  // The schema keeps its bounds in 32 bits, so the data is compared in 32 bits too.
  const { min, max } = { min: Math.fround(domain.min), max: Math.fround(domain.max) };
  if (isFieldSet(domain, FloatDomainSchema.field.min) && seen.min < min) {
    report(
      Type.FLOAT_TYPE_SMALL_FLOAT,
      "Out-of-range values",
      `Unexpectedly low values: ${sixDigits(seen.min)}<${sixDigits(min)}(upto six significant digits)`,
    );
    domain.min = seen.min;
  }
  if (isFieldSet(domain, FloatDomainSchema.field.max) && seen.max > max) {
    report(
      Type.FLOAT_TYPE_BIG_FLOAT,
      "Out-of-range values",
      `Unexpectedly high value: ${sixDigits(seen.max)}>${sixDigits(max)}(upto six significant digits)`,
    );
    domain.max = seen.max;
  }
  if (domain.disallowInf && (isInfinite(seen.min) || isInfinite(seen.max))) {
    report(Type.FLOAT_TYPE_HAS_INF, "Invalid values", "Float feature has Inf values.");
    domain.disallowInf = false;
  }
}

type Floats = { readonly min: number; readonly max: number } | { readonly stranger: string };

function floatsOf(view: FeatureView): Floats | undefined {
  const { stats } = view.statistics;
  if (view.type === FeatureNameStatistics_Type.FLOAT) {
    const { min, max } = stats.case === "numStats" ? stats.value : { min: 0, max: 0 };
    return { min: Math.fround(min), max: Math.fround(max) };
  }
  if (!holdsText(view)) return undefined;
  let range: { min: number; max: number } | undefined;
  for (const label of view.labelCounts.keys()) {
    const value = parseFloat32(label);
    if (value === undefined) return { stranger: label };
    range ??= { min: value, max: value };
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  }
  return range;
}

function hasNan(view: FeatureView): boolean {
  const { stats } = view.statistics;
  if (view.type === FeatureNameStatistics_Type.FLOAT) {
    return stats.case === "numStats" && stats.value.histograms.some(({ numNan }) => numNan > 0n);
  }
  if (view.type !== FeatureNameStatistics_Type.STRING) return false;
  return [...view.labelCounts.keys()].some((label) => Number.isNaN(parseFloat32(label)));
}

function holdsText({ type }: FeatureView): boolean {
  return type === FeatureNameStatistics_Type.STRING || type === FeatureNameStatistics_Type.BYTES;
}

function isInfinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}
