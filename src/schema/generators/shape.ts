import { isFieldSet } from "@bufbuild/protobuf";
import {
  BoolDomainSchema,
  type Feature,
  FeatureType,
  FloatDomainSchema,
  IntDomainSchema,
  type Schema,
  type ValueCount,
  ValueCountSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { isInEnvironment } from "../environments.ts";
import { isUnchecked, membersOf } from "../features.ts";

/** What a feature may hold, reduced to what languages of types can say. */
export type Kind =
  | { readonly kind: "integer"; readonly min: bigint | undefined; readonly max: bigint | undefined }
  | { readonly kind: "number"; readonly min: number | undefined; readonly max: number | undefined }
  | { readonly kind: "text"; readonly values: readonly string[] | undefined }
  | { readonly kind: "bytes" }
  | { readonly kind: "struct"; readonly members: readonly Shape[] };

/** How many values a feature has in an example that has it. */
export interface Count {
  /** One value that is written bare, or a list of at least and at most so many. */
  readonly isList: boolean;
  readonly min: number;
  readonly max: number | undefined;
}

/** A feature as generators see it. */
export interface Shape {
  readonly name: string;
  readonly kind: Kind;
  /** One entry, or several for lists in lists, the outermost first. */
  readonly counts: readonly Count[];
  /** Present in every example. */
  readonly isRequired: boolean;
  /** Comments of its annotation, and what a generator's types cannot say. */
  readonly notes: readonly string[];
}

/** The features that are in use, in an environment where one is named. */
export function shapesOf(
  schema: Schema,
  options: { readonly environment?: string | undefined } = {},
): Shape[] {
  return shapes(schema, schema.feature, options.environment);
}

function shapes(
  schema: Schema,
  features: readonly Feature[],
  environment: string | undefined,
): Shape[] {
  return features
    .filter((feature) => !isUnchecked(feature) && isInEnvironment(schema, feature, environment))
    .map((feature) => ({
      name: feature.name,
      kind: kindOf(schema, feature, environment),
      counts: countsOf(feature),
      isRequired:
        feature.presenceConstraints.case === "presence" &&
        feature.presenceConstraints.value.minFraction >= 1,
      notes: feature.annotation?.comment ?? [],
    }));
}

function kindOf(schema: Schema, feature: Feature, environment: string | undefined): Kind {
  const { type, domainInfo } = feature;
  switch (type) {
    case FeatureType.INT:
      if (domainInfo.case === "boolDomain") return { kind: "integer", min: 0n, max: 1n };
      return { kind: "integer", ...integerRange(feature) };
    case FeatureType.FLOAT:
      return { kind: "number", ...numberRange(feature) };
    case FeatureType.STRUCT:
      return { kind: "struct", members: shapes(schema, membersOf(feature), environment) };
    default:
      if (domainInfo.case === "imageDomain") return { kind: "bytes" };
      return { kind: "text", values: textsOf(schema, feature) };
  }
}

function integerRange({ domainInfo }: Feature) {
  if (domainInfo.case !== "intDomain") return { min: undefined, max: undefined };
  const { min, max } = IntDomainSchema.field;
  const domain = domainInfo.value;
  return {
    min: isFieldSet(domain, min) ? domain.min : undefined,
    max: isFieldSet(domain, max) ? domain.max : undefined,
  };
}

function numberRange({ domainInfo }: Feature) {
  if (domainInfo.case !== "floatDomain") return { min: undefined, max: undefined };
  const { min, max } = FloatDomainSchema.field;
  const domain = domainInfo.value;
  return {
    min: isFieldSet(domain, min) ? domain.min : undefined,
    max: isFieldSet(domain, max) ? domain.max : undefined,
  };
}

/** A closed set of texts; none where some values may lie outside of it. */
function textsOf(schema: Schema, feature: Feature): readonly string[] | undefined {
  const { domainInfo, distributionConstraints } = feature;
  if (distributionConstraints !== undefined && distributionConstraints.minDomainMass < 1) {
    return undefined;
  }
  switch (domainInfo.case) {
    case "domain":
      return schema.stringDomain.find(({ name }) => name === domainInfo.value)?.value;
    case "stringDomain":
      return domainInfo.value.value;
    case "boolDomain": {
      const { trueValue, falseValue } = BoolDomainSchema.field;
      return [
        ...(isFieldSet(domainInfo.value, trueValue) ? [domainInfo.value.trueValue] : []),
        ...(isFieldSet(domainInfo.value, falseValue) ? [domainInfo.value.falseValue] : []),
      ];
    }
    default:
      return undefined;
  }
}

const ONE: Count = { isList: false, min: 1, max: 1 };
const ANY: Count = { isList: true, min: 0, max: undefined };

/** A feature whose number of values is not said may be of one or of many: it is taken for a list. */
function countsOf({ shapeType, type }: Feature): readonly Count[] {
  switch (shapeType.case) {
    case "shape": {
      const sizes = shapeType.value.dim.map(({ size }) => Number(size));
      if (sizes.every((size) => size === 1)) return [ONE];
      return sizes.map((size) => ({ isList: true, min: size, max: size }));
    }
    case "valueCount":
      return [countOf(shapeType.value)];
    case "valueCounts":
      return shapeType.value.valueCount.map((count) => ({ ...countOf(count), isList: true }));
    case undefined:
      return type === FeatureType.STRUCT ? [ONE] : [ANY];
    default:
      return shapeType satisfies never;
  }
}

function countOf(count: ValueCount): Count {
  const { max } = ValueCountSchema.field;
  const most = isFieldSet(count, max) ? Number(count.max) : undefined;
  return { isList: most !== 1 || count.min !== 1n, min: Number(count.min), max: most };
}
