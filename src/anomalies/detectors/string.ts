import { isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  DistributionConstraintsSchema,
  type Feature,
  type StringDomain,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { FeatureCheck } from "../check.ts";
import { escapeText, percentage } from "../format.ts";

/** Texts outside a closed set, when they weigh more than the schema tolerates. */
export function detectOwnTexts(check: FeatureCheck, domain: StringDomain): void {
  if (detectTexts(check, domain) === "unreadable") check.feature.domainInfo = { case: undefined };
}

/** As {@link detectOwnTexts} for a set that features share: what is added, all of them get. */
export function detectSharedTexts(check: FeatureCheck, name: string): void {
  const domain = check.draft.stringDomain(name);
  if (domain === undefined) return;
  if (detectTexts(check, domain) === "unreadable") check.draft.removeStringDomain(name);
}

function detectTexts(check: FeatureCheck, domain: StringDomain): "unreadable" | "readable" {
  const { feature, view, report } = check;
  if (view.hasInvalidUtf8) {
    report(
      Type.ENUM_TYPE_INVALID_UTF8,
      "Invalid UTF8 strings",
      "Found strings that were not valid UTF8 strings.",
    );
    return "unreadable";
  }
  const valid = new Set(domain.value);
  const missing = [...view.labelCounts].filter(([label]) => !valid.has(label));
  const missingCount = missing.reduce((sum, [, count]) => sum + count, 0);
  const total = view.totalValueCount;
  const tolerated = toleratedShare(feature);
  const isTooMuch = missingCount / total > tolerated || (tolerated === 0 && missing.length > 0);
  if (!isTooMuch) return "readable";
  const list = missing.map(
    ([label, count]) => `${escapeText(label)} (${percentage(Math.trunc(count), total)})`,
  );
  report(
    Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES,
    "Unexpected string values",
    `Examples contain values missing from the schema: ${list.join(", ")}. `,
  );
  domain.value.push(...missing.map(([label]) => label));
  return "readable";
}

/** The share of values that may lie outside the domain; none unless the schema says so. */
function toleratedShare({ distributionConstraints }: Feature): number {
  if (distributionConstraints === undefined) return 0;
  const { minDomainMass } = DistributionConstraintsSchema.field;
  return isFieldSet(distributionConstraints, minDomainMass)
    ? 1 - distributionConstraints.minDomainMass
    : 0;
}
