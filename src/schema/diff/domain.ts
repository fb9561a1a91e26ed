import { isFieldSet } from "@bufbuild/protobuf";
import {
  BoolDomainSchema,
  type Feature,
  FeatureSchema,
  FeatureType,
  type FloatDomain,
  FloatDomainSchema,
  type IntDomain,
  IntDomainSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { printMessageText } from "../../statistics/index.ts";
import type { SchemaIndex } from "../draft.ts";
import { compareMax, compareMin, compareSets, compareTexts, type SchemaChange } from "./change.ts";

/** A feature with the schema that its shared domain is found in. */
export interface Side {
  readonly index: SchemaIndex;
  readonly feature: Feature;
}

/** What the domain of a feature lets pass, before and now. */
export function compareDomains(subject: string, before: Side, after: Side): SchemaChange[] {
  const old = meaningOf(before);
  const now = meaningOf(after);
  if (old.kind === "any") {
    return now.kind === "any"
      ? []
      : compareTexts(subject, now.field, undefined, now.text, "narrows");
  }
  if (now.kind === "any") return compareTexts(subject, old.field, old.text, undefined, "widens");
  if (old.kind === "texts" && now.kind === "texts") {
    const renamed = compareTexts(subject, "domain", old.shared, now.shared, "keeps");
    // A set that both name is compared once, where it stands.
    if (old.shared !== undefined && old.shared === now.shared) return [];
    return [...renamed, ...compareSets(subject, "domain.value", old.values, now.values)];
  }
  if (old.kind === "range" && now.kind === "range" && old.isInteger === now.isInteger) {
    return [
      ...compareMin(subject, `${now.field}.min`, old.min, now.min),
      ...compareMax(subject, `${now.field}.max`, old.max, now.max),
      ...compareMin(subject, `${now.field}.disallow_nan`, old.noNan, now.noNan),
      ...compareMin(subject, `${now.field}.disallow_inf`, old.noInf, now.noInf),
    ];
  }
  if (old.field === now.field && old.kind === "other") {
    return compareTexts(subject, now.field, old.text, now.text, "breaks");
  }
  return [{ subject, field: "domain_info", before: old.field, after: now.field, effect: "breaks" }];
}

/** A domain reduced to what can be ordered: everything, a set of texts, a range, or its wording. */
type Meaning =
  | { readonly kind: "any" }
  | {
      readonly kind: "texts";
      readonly field: string;
      readonly text: string;
      readonly values: readonly string[];
      readonly shared: string | undefined;
    }
  | {
      readonly kind: "range";
      readonly field: string;
      readonly text: string;
      readonly isInteger: boolean;
      readonly min: number | bigint | undefined;
      readonly max: number | bigint | undefined;
      readonly noNan: number | undefined;
      readonly noInf: number | undefined;
    }
  | { readonly kind: "other"; readonly field: string; readonly text: string };

function meaningOf({ index, feature }: Side): Meaning {
  const { domainInfo } = feature;
  switch (domainInfo.case) {
    // Members of a struct are features of their own.
    case undefined:
    case "structDomain":
      return { kind: "any" };
    case "domain": {
      const shared = index.stringDomains.get(domainInfo.value);
      return textsOf("domain", shared?.value ?? [], domainInfo.value);
    }
    case "stringDomain":
      return textsOf("string_domain", domainInfo.value.value, undefined);
    case "boolDomain": {
      const domain = domainInfo.value;
      if (feature.type !== FeatureType.BYTES) return integersOf("bool_domain", 0n, 1n);
      const values: string[] = [];
      if (isFieldSet(domain, BoolDomainSchema.field.trueValue)) values.push(domain.trueValue);
      if (isFieldSet(domain, BoolDomainSchema.field.falseValue)) values.push(domain.falseValue);
      return textsOf("bool_domain", values, undefined);
    }
    case "intDomain":
      return ofIntegers(feature, domainInfo.value);
    case "floatDomain":
      return ofFloats(feature, domainInfo.value);
    default:
      return { kind: "other", field: fieldOf(feature), text: wordingOf(feature) };
  }
}

function textsOf(field: string, values: readonly string[], shared: string | undefined): Meaning {
  const text = shared ?? `{${values.map((value) => JSON.stringify(value)).join(", ")}}`;
  return { kind: "texts", field, text, values, shared };
}

function integersOf(field: string, min: bigint | undefined, max: bigint | undefined): Meaning {
  const text = `[${min ?? ""}, ${max ?? ""}]`;
  return {
    kind: "range",
    field,
    text,
    isInteger: true,
    min,
    max,
    noNan: undefined,
    noInf: undefined,
  };
}

/** On integers an int_domain without bounds says nothing; on texts, that they are integers. */
function ofIntegers(feature: Feature, domain: IntDomain): Meaning {
  const min = isFieldSet(domain, IntDomainSchema.field.min) ? domain.min : undefined;
  const max = isFieldSet(domain, IntDomainSchema.field.max) ? domain.max : undefined;
  const isVoid = min === undefined && max === undefined && feature.type === FeatureType.INT;
  return isVoid ? { kind: "any" } : integersOf("int_domain", min, max);
}

function ofFloats(feature: Feature, domain: FloatDomain): Meaning {
  const { disallowNan, disallowInf } = domain;
  const min = isFieldSet(domain, FloatDomainSchema.field.min) ? domain.min : undefined;
  const max = isFieldSet(domain, FloatDomainSchema.field.max) ? domain.max : undefined;
  const isVoid = min === undefined && max === undefined && !disallowNan && !disallowInf;
  if (isVoid && feature.type === FeatureType.FLOAT) return { kind: "any" };
  return {
    kind: "range",
    field: "float_domain",
    text: `[${min ?? ""}, ${max ?? ""}]`,
    isInteger: false,
    min,
    max,
    noNan: disallowNan ? 1 : undefined,
    noInf: disallowInf ? 1 : undefined,
  };
}

function fieldOf({ domainInfo }: Feature): string {
  return (
    FeatureSchema.fields.find(({ localName }) => localName === domainInfo.case)?.name ?? "domain"
  );
}

function wordingOf({ domainInfo }: Feature): string {
  const member = FeatureSchema.fields.find(({ localName }) => localName === domainInfo.case);
  if (member?.message === undefined || typeof domainInfo.value !== "object") return "";
  const text = printMessageText(member.message, domainInfo.value).trim();
  return `{${text.replaceAll(/\s+/g, " ")}}`;
}
