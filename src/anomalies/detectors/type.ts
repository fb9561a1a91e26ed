import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  FeatureSchema,
  FeatureTypeSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  FeatureNameStatistics_Type,
  FeatureNameStatistics_TypeSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { deprecate } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { debugText } from "../debug-text.ts";
import { enumName } from "../format.ts";

/** Domains that say something of bytes that are no text. */
const DOMAINS_OF_BYTES: ReadonlySet<string | undefined> = new Set([
  undefined,
  "naturalLanguageDomain",
  "imageDomain",
  "urlDomain",
]);

/** The data is of another type. The type is not changed: the feature is taken out of use. */
export function detectType({ feature, view, report }: FeatureCheck): void {
  if (view.featureType === feature.type) return;
  deprecate(feature);
  const expected = enumName(FeatureTypeSchema, feature.type);
  const actual = enumName(FeatureNameStatistics_TypeSchema, view.type);
  report(
    Type.UNEXPECTED_DATA_TYPE,
    "Unexpected data type",
    `Expected data of type: ${expected} but got ${actual}`,
  );
}

/** The data is opaque bytes and the domain speaks of something else. */
export function detectDomainOfBytes({ feature, view, report }: FeatureCheck): void {
  if (view.type !== FeatureNameStatistics_Type.BYTES) return;
  if (DOMAINS_OF_BYTES.has(feature.domainInfo.case)) return;
  // TFDV clears the domain before it prints the feature.
  feature.domainInfo = { case: undefined };
  report(
    Type.DOMAIN_INVALID_FOR_TYPE,
    "Invalid domain type",
    `Data is marked as BYTES with incompatible domain_info: ${debugText(FeatureSchema, feature)}`,
  );
}
