import { isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  FeatureType,
  type IntDomain,
  IntDomainSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { FeatureNameStatistics_Type } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { type FeatureView, parseInt64 } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { sixDecimals } from "../format.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Integers outside their range, and values that are no 64-bit integers at all. */
export function detectInt(check: FeatureCheck, domain: IntDomain): void {
  const { report } = check;
  const seen = integersOf(check.view);
  if (seen === undefined) return;
  if ("stranger" in seen) {
    reportStranger(check, domain, seen.stranger);
    return;
  }
  if (isFieldSet(domain, IntDomainSchema.field.min) && domain.min > seen.min) {
    report(
      Type.INT_TYPE_SMALL_INT,
      "Out-of-range values",
      `Unexpectedly small value: ${seen.min}.`,
    );
    domain.min = seen.min;
  }
  if (isFieldSet(domain, IntDomainSchema.field.max) && domain.max < seen.max) {
    report(Type.INT_TYPE_BIG_INT, "Out-of-range values", `Unexpectedly large value: ${seen.max}.`);
    domain.max = seen.max;
  }
}

/** A double as a 64-bit integer, cut at the ends of their range. */
export function toInt64(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= Number(INT64_MAX)) return INT64_MAX;
  if (value <= Number(INT64_MIN)) return INT64_MIN;
  return BigInt(Math.trunc(value));
}

type Integers = { readonly min: bigint; readonly max: bigint } | { readonly stranger: string };

/** The range of the integers, or the first value (labels by their bytes) that is none. */
function integersOf(view: FeatureView): Integers | undefined {
  const isInt = view.type === FeatureNameStatistics_Type.INT;
  const isText =
    view.type === FeatureNameStatistics_Type.STRING ||
    view.type === FeatureNameStatistics_Type.BYTES;
  if (!isInt && !isText) return undefined;
  // A categorical integer has labels instead of extremes.
  if (isInt && view.labelCounts.size === 0) return rangeOf(view);
  let range: { min: bigint; max: bigint } | undefined;
  for (const label of view.labelCounts.keys()) {
    const value = parseInt64(label);
    if (value === undefined) return { stranger: label };
    range ??= { min: value, max: value };
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  }
  return range;
}

function rangeOf(view: FeatureView): Integers {
  const { stats } = view.statistics;
  const { min, max } = stats.case === "numStats" ? stats.value : { min: 0, max: 0 };
  if (min < Number(INT64_MIN)) return { stranger: sixDecimals(min) };
  if (max > Number(INT64_MAX)) return { stranger: sixDecimals(max) };
  return { min: toInt64(min), max: toInt64(max) };
}

function reportStranger({ feature, view, report }: FeatureCheck, domain: IntDomain, value: string) {
  if (view.featureType === FeatureType.BYTES) {
    report(
      Type.INT_TYPE_NOT_INT_STRING,
      "Invalid values",
      `String values that were not ints were found, such as "${value}".`,
    );
    feature.domainInfo = { case: undefined };
    return;
  }
  const isBounded =
    isFieldSet(domain, IntDomainSchema.field.min) || isFieldSet(domain, IntDomainSchema.field.max);
  if (!isBounded) return;
  report(
    Type.DOMAIN_INVALID_FOR_TYPE,
    "Invalid values",
    `Integer had values that were not valid Int64, such as "${value}".`,
  );
  feature.domainInfo = { case: undefined };
}
