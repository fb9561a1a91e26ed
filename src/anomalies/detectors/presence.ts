import { isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { FeaturePresenceSchema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { isInEnvironment, serializePath } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { sixDecimals, sixDigits } from "../format.ts";

/** What a fraction of exactly 1 becomes when rounding hides that something is missing. */
const ALMOST_EVERYWHERE = 0.9999;

/** The data has a feature that its environment should not have. The fix lets it in. */
export function detectEnvironment({ feature, view, draft, report }: FeatureCheck): void {
  const { environment } = view.dataset;
  if (environment === undefined || isInEnvironment(draft.base, feature, environment)) return;
  feature.notInEnvironment = feature.notInEnvironment.filter((name) => name !== environment);
  if (!isInEnvironment(draft.base, feature, environment)) feature.inEnvironment.push(environment);
  report(
    Type.SCHEMA_NEW_COLUMN,
    "Column missing in environment",
    `New column ${serializePath(view.path)} found in data but not in the environment ${environment} in the schema.`,
  );
}

/** Fewer examples have the feature than the schema asks for, by count or by share. */
export function detectPresence({ feature, view, report }: FeatureCheck): void {
  if (feature.presenceConstraints.case !== "presence") return;
  const presence = feature.presenceConstraints.value;
  const hasMinCount = isFieldSet(presence, FeaturePresenceSchema.field.minCount);
  if (hasMinCount && view.numPresent < Number(presence.minCount)) {
    const minCount = presence.minCount;
    presence.minCount = BigInt(Math.trunc(view.numPresent));
    report(
      Type.FEATURE_TYPE_LOW_NUMBER_PRESENT,
      "Column dropped",
      `The feature was present in fewer examples than expected: minimum count = ${minCount}, actual = ${presence.minCount}`,
    );
  }
  const { fractionPresent } = view;
  if (!isFieldSet(presence, FeaturePresenceSchema.field.minFraction)) return;
  if (fractionPresent === undefined) return;
  if (fractionPresent < presence.minFraction) {
    // TFDV keeps what it prints of the old fraction in 32 bits.
    const minFraction = Math.fround(presence.minFraction);
    presence.minFraction = fractionPresent;
    report(
      Type.FEATURE_TYPE_LOW_FRACTION_PRESENT,
      "Column dropped",
      `The feature was present in fewer examples than expected: minimum fraction = ${sixDecimals(minFraction)}, actual = ${sixDecimals(fractionPresent)}`,
    );
  }
  if (presence.minFraction === 1 && view.numMissing !== 0) {
    presence.minFraction = ALMOST_EVERYWHERE;
    report(
      Type.FEATURE_TYPE_LOW_FRACTION_PRESENT,
      "Column dropped",
      `The feature was expected everywhere, but was missing in ${sixDigits(view.numMissing)} examples.`,
    );
  }
}
