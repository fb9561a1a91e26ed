import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Feature } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { adoptRecognisedDomain, deprecate, isRequired, isUnchecked } from "../../schema/index.ts";
import type { Detector, FeatureCheck } from "../check.ts";
import { detectBool } from "./bool.ts";
import { detectDrift, detectSkew } from "./comparators.ts";
import { detectDerived } from "./derived.ts";
import { detectFloat } from "./float.ts";
import { detectImage } from "./image.ts";
import { detectInt } from "./int.ts";
import { detectNaturalLanguage } from "./natural-language.ts";
import { detectEnvironment, detectPresence } from "./presence.ts";
import { checkSpecification } from "./specification.ts";
import { detectOwnTexts, detectSharedTexts } from "./string.ts";
import { detectDomainOfBytes, detectType } from "./type.ts";
import { detectUnique } from "./unique.ts";
import { detectShape, detectValency } from "./valency.ts";

/** What is looked at in a feature that the data has, in the order in which reasons are reported. */
const DETECTORS: readonly Detector[] = [
  detectEnvironment,
  detectValency,
  detectShape,
  detectPresence,
  detectType,
  detectDomainOfBytes,
  detectDomain,
  detectUnique,
  detectDrift,
  detectSkew,
  detectDerived,
];

/**
 * Examines one feature that is in the schema and in the statistics, reporting and fixing what deviates.
 * Its own specification comes first; a feature that is out of use, or that no example has, is not
 * examined further.
 */
export function detect(check: FeatureCheck): void {
  const { feature, view, draft, report } = check;
  if (isUnchecked(feature)) return;
  checkSpecification(check);
  if (isUnchecked(feature)) return;
  if (view.numPresent === 0) {
    if (!isRequired(draft.base, feature, view.dataset.environment)) return;
    report(
      Type.FEATURE_TYPE_NOT_PRESENT,
      "Column dropped",
      "The feature was not present in any examples.",
    );
    deprecate(feature);
    return;
  }
  for (const detector of DETECTORS) detector(check);
}

/** The rules of the domain the feature has. Members of structs are features of their own. */
function detectDomain(check: FeatureCheck): void {
  const { domainInfo }: Feature = check.feature;
  switch (domainInfo.case) {
    case "domain":
      detectSharedTexts(check, domainInfo.value);
      break;
    case "stringDomain":
      detectOwnTexts(check, domainInfo.value);
      break;
    case "boolDomain":
      detectBool(check, domainInfo.value);
      break;
    case "intDomain":
      detectInt(check, domainInfo.value);
      break;
    case "floatDomain":
      detectFloat(check, domainInfo.value);
      break;
    case "imageDomain":
      detectImage(check, domainInfo.value);
      break;
    case "naturalLanguageDomain":
      detectNaturalLanguage(check, domainInfo.value);
      break;
    case "midDomain":
    case "urlDomain":
    case "timeDomain":
    case "timeOfDayDomain":
    case "structDomain":
      break;
    case undefined:
      detectRecognisedDomain(check);
      break;
    default:
      domainInfo satisfies never;
  }
}

/** Statistics recognised what the values are, and the schema does not say yet. */
function detectRecognisedDomain({ feature, view, report }: FeatureCheck): void {
  if (!adoptRecognisedDomain(feature, view.statistics.customStats)) return;
  report(
    Type.SEMANTIC_DOMAIN_UPDATE,
    "Updated semantic domain",
    `Updated semantic domain for feature: ${feature.name}`,
  );
}
