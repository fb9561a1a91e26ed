import { create, isFieldSet } from "@bufbuild/protobuf";
import {
  type BoolDomain,
  BoolDomainSchema,
  type Feature,
  FeatureSchema,
  FeatureType,
  IntDomainSchema,
  type Schema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type CustomStatistic,
  FeatureNameStatistics_Type,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { parseMessageText } from "../statistics/index.ts";
import type { SchemaDraft } from "./draft.ts";
import { type FeatureReference, getFeature, pathOf } from "./features.ts";
import { serializePath } from "./path.ts";
import type { FeatureView } from "./statistics-view.ts";

/** What a feature may hold: one of the members of the schema's `domain_info`. */
export type DomainInfo = Feature["domainInfo"];

/** Any domain message; a shared string domain comes as itself. */
export type Domain = Exclude<DomainInfo["value"], string | undefined>;

/** Texts that stand for true and for false when a column has at most one of each. */
const TRUE_TEXTS: ReadonlySet<string> = new Set(["TRUE", "true", "SET", "set", "1", ""]);
const FALSE_TEXTS: ReadonlySet<string> = new Set(["FALSE", "false", "CLEAR", "clear", "0"]);

/** The custom statistic in which a generator names the domain it recognised. */
const DOMAIN_STATISTIC = "domain_info";

/**
 * The domain of a feature; changing it changes the schema.
 * @throws WaybillError `not_found` when the feature has no domain, or names a string domain that is not
 *   in the schema, or is itself unknown
 */
export function getDomain(schema: Schema, reference: FeatureReference): Domain {
  const { domainInfo } = getFeature(schema, reference);
  const name = serializePath(pathOf(reference));
  if (domainInfo.case === undefined) {
    throw new WaybillError("not_found", `The feature "${name}" has no domain.`);
  }
  if (domainInfo.case !== "domain") return domainInfo.value;
  const shared = schema.stringDomain.find((domain) => domain.name === domainInfo.value);
  if (shared !== undefined) return shared;
  throw new WaybillError(
    "not_found",
    `The feature "${name}" names the string domain "${domainInfo.value}", which the schema lacks.`,
  );
}

/**
 * Gives a feature a domain in place of the one it has: the name of a shared string domain, or a message
 * with the member of `domain_info` it is.
 * @throws WaybillError `not_found` for an unknown feature or string domain, `invalid_argument` for a
 *   struct, whose domain is its members
 */
export function setDomain(
  schema: Schema,
  reference: FeatureReference,
  domain: string | Exclude<DomainInfo, { case: "domain" | "structDomain" | undefined }>,
): void {
  const feature = getFeature(schema, reference);
  if (feature.type === FeatureType.STRUCT) {
    const name = serializePath(pathOf(reference));
    throw new WaybillError("invalid_argument", `"${name}" is a STRUCT: it has members, no domain.`);
  }
  if (typeof domain !== "string") {
    feature.domainInfo = domain;
    return;
  }
  if (!schema.stringDomain.some(({ name }) => name === domain)) {
    const names = schema.stringDomain.map(({ name }) => name).join(", ");
    throw new WaybillError("not_found", `The schema has no string domain "${domain}".`, {
      hint: names === "" ? "It has none." : `It has ${names}`,
    });
  }
  feature.domainInfo = { case: "domain", value: domain };
}

/**
 * Gives a new feature the domain its statistics suggest, the first that fits: one that a generator
 * recognised, bool, integers written as text, a closed set of texts. Amounts get none.
 * Source: measured with TFDV 1.16.1.
 */
export function inferDomain(
  draft: SchemaDraft,
  feature: Feature,
  view: FeatureView,
  maxStringDomainSize: number,
): void {
  if (adoptRecognisedDomain(feature, view.statistics.customStats)) return;
  if (view.hasInvalidUtf8 || view.type === FeatureNameStatistics_Type.BYTES) return;
  const bool = boolDomainOf(view);
  if (bool !== undefined) {
    feature.domainInfo = { case: "boolDomain", value: bool };
  } else if (holdsIntegersAsText(view)) {
    feature.domainInfo = { case: "intDomain", value: create(IntDomainSchema) };
  } else if (view.labelCounts.size > 0 && view.labelCounts.size <= maxStringDomainSize) {
    const domain = draft.addStringDomain(serializePath(view.path));
    domain.value.push(...view.labelCounts.keys());
    feature.domainInfo = { case: "domain", value: domain.name };
  }
}

/**
 * Takes over the domain that a statistics generator recognised, if the feature has none yet and the
 * statistic names exactly one. Returns whether it did.
 */
export function adoptRecognisedDomain(
  feature: Feature,
  statistics: readonly CustomStatistic[],
): boolean {
  const texts = statistics
    .filter(({ name }) => name === DOMAIN_STATISTIC)
    .map(({ val }) => (val.case === "str" ? val.value : ""));
  const [text] = texts;
  if (texts.length !== 1 || text === undefined || text === "") return false;
  if (feature.domainInfo.case !== undefined) return false;
  const domainInfo = parseDomainInfo(text);
  if (domainInfo === undefined) return false;
  feature.domainInfo = domainInfo;
  return true;
}

/** Reads `image_domain {}` and the like; undefined unless it is one member of `domain_info`. */
function parseDomainInfo(text: string): DomainInfo | undefined {
  let parsed: Feature;
  try {
    parsed = parseMessageText(FeatureSchema, text);
  } catch {
    return undefined;
  }
  const fieldsSet = FeatureSchema.fields.filter((field) => isFieldSet(parsed, field));
  return fieldsSet.length === 1 && fieldsSet[0]?.oneof?.name === "domain_info"
    ? parsed.domainInfo
    : undefined;
}

function boolDomainOf(view: FeatureView): BoolDomain | undefined {
  const { stats } = view.statistics;
  if (view.type === FeatureNameStatistics_Type.INT) {
    // A categorical integer has no extremes here, so its maximum reads as 0: no bool, as in TFDV.
    if (stats.case !== "numStats" || stats.value.min < 0 || stats.value.max !== 1) return undefined;
    return create(BoolDomainSchema);
  }
  if (view.type !== FeatureNameStatistics_Type.STRING) return undefined;
  const labels = [...view.labelCounts.keys()];
  if (labels.length === 0 || labels.length > 2) return undefined;
  const trueTexts = labels.filter((label) => TRUE_TEXTS.has(label));
  const falseTexts = labels.filter((label) => FALSE_TEXTS.has(label));
  if (trueTexts.length > 1 || falseTexts.length > 1) return undefined;
  if (trueTexts.length + falseTexts.length < labels.length) return undefined;
  const domain = create(BoolDomainSchema);
  if (trueTexts[0] !== undefined) domain.trueValue = trueTexts[0];
  if (falseTexts[0] !== undefined) domain.falseValue = falseTexts[0];
  return domain;
}

function holdsIntegersAsText(view: FeatureView): boolean {
  if (view.type !== FeatureNameStatistics_Type.STRING || view.labelCounts.size === 0) return false;
  for (const label of view.labelCounts.keys()) {
    if (parseInt64(label) === undefined) return false;
  }
  return true;
}

/** A text as a 64-bit integer: ASCII spaces around, one sign, decimal digits, nothing else. */
export function parseInt64(text: string): bigint | undefined {
  const digits = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)[ \t\n\v\f\r]*$/.exec(text);
  if (digits === null) return undefined;
  const value = BigInt(digits[2] ?? "0") * (digits[1] === "-" ? -1n : 1n);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
