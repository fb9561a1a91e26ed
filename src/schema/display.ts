import { isFieldSet } from "@bufbuild/protobuf";
import {
  type Feature,
  FeatureSchema,
  FeatureType,
  FeatureTypeSchema,
  FloatDomainSchema,
  IntDomainSchema,
  LifecycleStageSchema,
  type Schema,
  type ValueCount,
  ValueCountSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { allFeatures } from "./features.ts";
import { serializePath } from "./path.ts";

/** A feature as a table of a schema shows it; the columns are those of TFDV's display_schema. */
export interface FeatureRow {
  /** Serialized path. */
  readonly feature: string;
  /** The schema's type, STRING for bytes with a set of texts. */
  readonly type: string;
  /** `required`, `optional`, or nothing where the schema does not speak of it. */
  readonly presence: string;
  /** `single`, `[min,max]`, `[2x3]` for a shape, or nothing. */
  readonly valency: string;
  /** The name of a set of texts, a range, a kind; `-` for none. */
  readonly domain: string;
  /** `not in SERVING`, and a stage in which it is not checked. */
  readonly notes: string;
}

/** A set of texts as a table shows it. */
export interface DomainRow {
  readonly domain: string;
  readonly values: readonly string[];
}

/** A schema as two tables: its features, members of structs too, and its sets of texts. */
export function displaySchema(schema: Schema): {
  readonly features: readonly FeatureRow[];
  readonly domains: readonly DomainRow[];
} {
  const features: FeatureRow[] = [];
  const domains = schema.stringDomain.map(
    ({ name, value }): DomainRow => ({
      domain: name,
      values: value,
    }),
  );
  for (const { path, feature } of allFeatures(schema)) {
    const name = serializePath(path);
    features.push({
      feature: name,
      type: typeText(feature),
      presence: presenceText(feature),
      valency: valencyText(feature),
      domain: domainText(feature, name),
      notes: notesText(feature),
    });
    if (feature.domainInfo.case === "stringDomain") {
      domains.push({ domain: domainText(feature, name), values: feature.domainInfo.value.value });
    }
  }
  return { features, domains };
}

function typeText({ type, domainInfo }: Feature): string {
  const isText = domainInfo.case === "domain" || domainInfo.case === "stringDomain";
  if (type === FeatureType.BYTES && isText) return "STRING";
  return FeatureTypeSchema.value[type]?.name ?? String(type);
}

function presenceText({ presenceConstraints }: Feature): string {
  if (presenceConstraints.case !== "presence") return "";
  return presenceConstraints.value.minFraction === 1 ? "required" : "optional";
}

function valencyText({ shapeType }: Feature): string {
  switch (shapeType.case) {
    case "shape": {
      const sizes = shapeType.value.dim.map(({ size }) => size);
      return sizes.every((size) => size === 1n) ? "single" : `[${sizes.join("x")}]`;
    }
    case "valueCount":
      return countText(shapeType.value);
    case "valueCounts":
      return shapeType.value.valueCount.map(countText).join(" of ");
    case undefined:
      return "";
    default:
      return shapeType satisfies never;
  }
}

function countText(count: ValueCount): string {
  const { min, max } = ValueCountSchema.field;
  if (count.min === 1n && count.max === 1n) return "single";
  const low = isFieldSet(count, min) ? count.min : 0n;
  return isFieldSet(count, max) ? `[${low},${count.max}]` : `[${low},inf)`;
}

function domainText({ domainInfo }: Feature, feature: string): string {
  switch (domainInfo.case) {
    case undefined:
    case "structDomain":
      return "-";
    case "domain":
      return domainInfo.value;
    case "stringDomain":
      return domainInfo.value.name || `${feature}_domain`;
    case "intDomain": {
      const { min, max } = IntDomainSchema.field;
      const domain = domainInfo.value;
      return rangeText(
        isFieldSet(domain, min) ? String(domain.min) : undefined,
        isFieldSet(domain, max) ? String(domain.max) : undefined,
      );
    }
    case "floatDomain": {
      const { min, max } = FloatDomainSchema.field;
      const domain = domainInfo.value;
      return rangeText(
        isFieldSet(domain, min) ? String(domain.min) : domain.disallowInf ? undefined : "-inf",
        isFieldSet(domain, max) ? String(domain.max) : domain.disallowInf ? undefined : "inf",
      );
    }
    default:
      return (
        FeatureSchema.fields.find(({ localName }) => localName === domainInfo.case)?.name ?? "-"
      );
  }
}

function rangeText(min: string | undefined, max: string | undefined): string {
  const parts = [
    ...(min === undefined ? [] : [`min: ${min}`]),
    ...(max === undefined ? [] : [`max: ${max}`]),
  ];
  return parts.length === 0 ? "-" : parts.join("; ");
}

function notesText({ inEnvironment, notInEnvironment, lifecycleStage, deprecated }: Feature) {
  const stage = LifecycleStageSchema.value[lifecycleStage]?.name ?? "";
  return [
    ...(inEnvironment.length === 0 ? [] : [`in ${inEnvironment.join(", ")}`]),
    ...(notInEnvironment.length === 0 ? [] : [`not in ${notInEnvironment.join(", ")}`]),
    ...(lifecycleStage === 0 ? [] : [stage.toLowerCase()]),
    ...(deprecated ? ["deprecated"] : []),
  ].join("; ");
}
