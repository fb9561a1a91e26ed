import { clearField, isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  BoolDomainSchema,
  type Feature,
  FeaturePresenceSchema,
  FeatureSchema,
  FeatureType,
  FeatureTypeSchema,
  type ValueCount,
  ValueCountSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { deprecate } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { enumName } from "../format.ts";

const ANY_TYPE: readonly FeatureType[] = [
  FeatureType.INT,
  FeatureType.FLOAT,
  FeatureType.BYTES,
  FeatureType.STRUCT,
];

type DomainCase = Exclude<Feature["domainInfo"]["case"], undefined>;

/** What each kind of domain may describe, and how it is called where it carries no value mass. */
const DOMAINS: Readonly<
  Record<DomainCase, { readonly types: readonly FeatureType[]; readonly massless?: string }>
> = {
  domain: { types: [FeatureType.BYTES] },
  stringDomain: { types: [FeatureType.BYTES] },
  boolDomain: {
    types: [FeatureType.INT, FeatureType.BYTES, FeatureType.FLOAT],
    massless: "not supported for bool domains.",
  },
  intDomain: {
    types: [FeatureType.INT, FeatureType.BYTES],
    massless: "not supported for int domains.",
  },
  floatDomain: {
    types: [FeatureType.FLOAT, FeatureType.BYTES],
    massless: "not supported for float domains.",
  },
  structDomain: { types: [FeatureType.STRUCT], massless: "not supported for struct domains." },
  naturalLanguageDomain: {
    types: [FeatureType.BYTES, FeatureType.INT],
    massless: "not supported for semantic domains.",
  },
  imageDomain: { types: [FeatureType.BYTES], massless: "not supported for semantic domains." },
  midDomain: { types: [FeatureType.BYTES], massless: "not supported for semantic domains." },
  urlDomain: { types: [FeatureType.BYTES], massless: "not supported for semantic domains." },
  timeDomain: {
    types: [FeatureType.INT, FeatureType.BYTES],
    massless: "not supported for semantic domains.",
  },
  // TFDV knows no rule for it and says so, see checkDomain.
  timeOfDayDomain: { types: ANY_TYPE },
};

/** All that a specification is checked with: no data is looked at. */
export type SpecificationCheck = Pick<FeatureCheck, "feature" | "draft" | "report">;

/**
 * Whether what the schema says of a feature makes sense in itself, before any data is looked at. Fixes
 * what is malformed; what has no name, or no type to be told, is deprecated.
 */
export function checkSpecification(check: SpecificationCheck): void {
  const { feature, report } = check;
  if (!isFieldSet(feature, FeatureSchema.field.name)) {
    report(
      Type.FEATURE_MISSING_NAME,
      "unspecified name (maybe meant to be the empty string): find name rather than deprecating.",
    );
    deprecate(feature);
    return;
  }
  if (!isFieldSet(feature, FeatureSchema.field.type)) {
    if (feature.domainInfo.case !== "domain" && feature.domainInfo.case !== "stringDomain") {
      report(
        Type.FEATURE_MISSING_TYPE,
        "unspecified type: determine the type and set it, rather than deprecating.",
      );
      deprecate(feature);
      return;
    }
    report(
      Type.FEATURE_MISSING_TYPE,
      "unspecified type: inferring the type to be BYTES, given the domain specified.",
    );
    feature.type = FeatureType.BYTES;
  }
  checkPresence(check);
  checkValueCounts(check);
  checkShape(check);
  checkDomainType(check);
  checkDomain(check);
}

function checkPresence({ feature, report }: SpecificationCheck): void {
  if (feature.presenceConstraints.case !== "presence") return;
  const presence = feature.presenceConstraints.value;
  if (presence.minFraction < 0) {
    clearField(presence, FeaturePresenceSchema.field.minFraction);
    report(
      Type.INVALID_SCHEMA_SPECIFICATION,
      "min_fraction should not be negative: clear is equal to zero",
    );
  }
  if (presence.minFraction > 1) {
    presence.minFraction = 1;
    report(Type.INVALID_SCHEMA_SPECIFICATION, "min_fraction should not greater than 1");
  }
}

function checkValueCounts({ feature, report }: SpecificationCheck): void {
  const { shapeType } = feature;
  if (shapeType.case === "valueCount") {
    if (clearNegativeMin(shapeType.value)) {
      report(Type.INVALID_SCHEMA_SPECIFICATION, "ValueCount.min should not be negative");
    }
    if (raiseMaxToMin(shapeType.value)) {
      report(Type.INVALID_SCHEMA_SPECIFICATION, "ValueCount.max should not be less than min");
    }
  }
  if (shapeType.case !== "valueCounts") return;
  for (const [level, valueCount] of shapeType.value.valueCount.entries()) {
    if (clearNegativeMin(valueCount)) {
      report(
        Type.INVALID_SCHEMA_SPECIFICATION,
        "ValueCounts.min should not be negative",
        `ValueCounts.min at level ${level} should not be negative.`,
      );
    }
    if (raiseMaxToMin(valueCount)) {
      report(
        Type.INVALID_SCHEMA_SPECIFICATION,
        "ValueCounts.max should not be less than min",
        `ValueCounts.max at level ${level} should not be less than min.`,
      );
    }
  }
}

function clearNegativeMin(valueCount: ValueCount): boolean {
  if (valueCount.min >= 0n) return false;
  clearField(valueCount, ValueCountSchema.field.min);
  return true;
}

function raiseMaxToMin(valueCount: ValueCount): boolean {
  if (!isFieldSet(valueCount, ValueCountSchema.field.max)) return false;
  if (valueCount.max >= valueCount.min) return false;
  valueCount.max = valueCount.min;
  return true;
}

function checkShape({ feature, report }: SpecificationCheck): void {
  if (feature.shapeType.case !== "shape") return;
  if (feature.shapeType.value.dim.every((dim) => dim.size > 0n)) return;
  feature.shapeType = { case: undefined };
  report(Type.INVALID_SCHEMA_SPECIFICATION, "Shape.dim.size must be a positive integer");
}

function checkDomainType({ feature, report }: SpecificationCheck): void {
  const kind = feature.domainInfo.case;
  const allowed = kind === undefined ? ANY_TYPE : DOMAINS[kind].types;
  if (allowed.includes(feature.type)) return;
  report(
    Type.DOMAIN_INVALID_FOR_TYPE,
    "The domain does not match the type",
    `The domain "${domainFieldName(kind)}" does not match the type: ${enumName(FeatureTypeSchema, feature.type)}`,
  );
  feature.domainInfo = { case: undefined };
}

function checkDomain({ feature, draft, report }: SpecificationCheck): void {
  const { domainInfo } = feature;
  switch (domainInfo.case) {
    case "domain":
      if (draft.stringDomain(domainInfo.value) !== undefined) return;
      feature.domainInfo = { case: undefined };
      // TFDV clears the name before it prints it.
      report(Type.INVALID_DOMAIN_SPECIFICATION, "missing domain: ");
      return;
    case "stringDomain":
      // Values that repeat are dropped without a word, as TFDV does.
      domainInfo.value.value = [...new Set(domainInfo.value.value)];
      return;
    case "timeOfDayDomain":
      report(Type.INVALID_DOMAIN_SPECIFICATION, "internal issue: unknown domain_info type");
      feature.domainInfo = { case: undefined };
      return;
    case "boolDomain": {
      const bool = domainInfo.value;
      const hasBoth =
        isFieldSet(bool, BoolDomainSchema.field.trueValue) &&
        isFieldSet(bool, BoolDomainSchema.field.falseValue);
      checkMass(feature, report);
      if (hasBoth && bool.trueValue === bool.falseValue) {
        clearField(bool, BoolDomainSchema.field.falseValue);
      }
      return;
    }
    default:
      checkMass(feature, report);
  }
}

/** A least share of values inside the domain needs a domain of texts. */
function checkMass(feature: Feature, report: FeatureCheck["report"]): void {
  if (feature.distributionConstraints === undefined) return;
  const kind = feature.domainInfo.case;
  const why = kind === undefined ? "require domain or string domain." : DOMAINS[kind].massless;
  clearField(feature, FeatureSchema.field.distributionConstraints);
  report(Type.INVALID_SCHEMA_SPECIFICATION, `distribution constraints ${why}`);
}

function domainFieldName(kind: Feature["domainInfo"]["case"]): string {
  const field = FeatureSchema.fields.find(({ localName }) => localName === kind);
  return field?.name ?? "UNSET";
}
