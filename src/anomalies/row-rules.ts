import { isFieldSet } from "@bufbuild/protobuf";
import {
  BoolDomainSchema,
  DistributionConstraintsSchema,
  type Feature,
  FeatureType,
  FloatDomainSchema,
  IntDomainSchema,
  type Schema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { Column, Dialect } from "../engine/index.ts";
import { indexSchema, isInEnvironment, isUnchecked, type SchemaIndex } from "../schema/index.ts";

/** A condition on one column that a bad row meets. */
export interface RowRule {
  readonly feature: string;
  /** The part of the schema that is broken. */
  readonly text: string;
  /** True or false, never NULL, of an expression for the value. */
  readonly isBroken: (x: string) => string;
}

/**
 * What a schema says of single values, as conditions for the columns that a relation has. Lists and
 * structs have no conditions here, nor have rules that some values may break.
 */
export function rowRules(
  schema: Schema,
  columns: readonly Column[],
  dialect: Dialect,
  environment: string | undefined,
): RowRule[] {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const index = indexSchema(schema);
  return schema.feature.flatMap((feature) => {
    const type = types.get(feature.name);
    if (type === undefined || isUnchecked(feature)) return [];
    if (!isInEnvironment(schema, feature, environment)) return [];
    const presence = presenceRule(feature);
    if (dialect.typeFamily(type) === "nested") return presence;
    return [...presence, ...valueRules(index, feature, dialect)];
  });
}

function presenceRule(feature: Feature): RowRule[] {
  const { presenceConstraints, shapeType } = feature;
  const isEverywhere =
    presenceConstraints.case === "presence" && presenceConstraints.value.minFraction >= 1;
  if (!isEverywhere && shapeType.case !== "shape") return [];
  const text = isEverywhere ? "presence.min_fraction 1" : "shape";
  return [{ feature: feature.name, text, isBroken: (x) => `(${x} IS NULL)` }];
}

function valueRules(index: SchemaIndex, feature: Feature, dialect: Dialect): RowRule[] {
  const { domainInfo, type } = feature;
  const isNumber = type === FeatureType.INT || type === FeatureType.FLOAT;
  const number = isNumber ? [notANumber(feature, dialect)] : [];
  switch (domainInfo.case) {
    case "intDomain": {
      const { min, max } = IntDomainSchema.field;
      const domain = domainInfo.value;
      return [
        ...(isNumber ? number : [notANumber(feature, dialect)]),
        ...(isFieldSet(domain, min) ? [below(feature, dialect, "int_domain", domain.min)] : []),
        ...(isFieldSet(domain, max) ? [above(feature, dialect, "int_domain", domain.max)] : []),
      ];
    }
    case "floatDomain": {
      const { min, max } = FloatDomainSchema.field;
      const domain = domainInfo.value;
      return [
        ...(isNumber ? number : [notANumber(feature, dialect)]),
        ...(isFieldSet(domain, min) ? [below(feature, dialect, "float_domain", domain.min)] : []),
        ...(isFieldSet(domain, max) ? [above(feature, dialect, "float_domain", domain.max)] : []),
        ...(domain.disallowNan ? [nan(feature, dialect)] : []),
        ...(domain.disallowInf ? [infinite(feature, dialect)] : []),
      ];
    }
    case "boolDomain":
      return isNumber
        ? [...number, notBool(feature, dialect)]
        : outside(feature, dialect, "bool_domain", boolTexts(feature));
    case "domain": {
      const shared = index.stringDomains.get(domainInfo.value);
      return shared === undefined
        ? []
        : outside(feature, dialect, `domain ${shared.name}`, shared.value);
    }
    case "stringDomain":
      return outside(feature, dialect, "string_domain", domainInfo.value.value);
    default:
      return number;
  }
}

function rule(feature: Feature, text: string, condition: (x: string) => string): RowRule {
  return {
    feature: feature.name,
    text,
    isBroken: (x) => `(${x} IS NOT NULL AND ${condition(x)})`,
  };
}

/** Where the column is text, a number may fail to be one. */
function notANumber(feature: Feature, dialect: Dialect): RowRule {
  return rule(feature, "type", (x) => `${dialect.tryDouble(x)} IS NULL`);
}

function below(feature: Feature, dialect: Dialect, domain: string, min: number | bigint): RowRule {
  return compared(feature, dialect, `${domain}.min ${min}`, "<", min);
}

function above(feature: Feature, dialect: Dialect, domain: string, max: number | bigint): RowRule {
  return compared(feature, dialect, `${domain}.max ${max}`, ">", max);
}

/** NaN is neither below nor above: engines may sort it as the greatest, validation does not. */
function compared(
  feature: Feature,
  dialect: Dialect,
  text: string,
  operator: "<" | ">",
  bound: number | bigint,
): RowRule {
  return rule(feature, text, (x) => {
    const value = dialect.tryDouble(x);
    const isKnown = `${value} IS NOT NULL AND NOT ${dialect.isNan(value)}`;
    return `(${isKnown} AND ${value} ${operator} ${dialect.double(Number(bound))})`;
  });
}

function nan(feature: Feature, dialect: Dialect): RowRule {
  return rule(feature, "float_domain.disallow_nan", (x) => {
    const value = dialect.tryDouble(x);
    return `(${value} IS NOT NULL AND ${dialect.isNan(value)})`;
  });
}

function infinite(feature: Feature, dialect: Dialect): RowRule {
  return rule(feature, "float_domain.disallow_inf", (x) => {
    const value = dialect.tryDouble(x);
    const isOdd = `NOT ${dialect.isFinite(value)} AND NOT ${dialect.isNan(value)}`;
    return `(${value} IS NOT NULL AND ${isOdd})`;
  });
}

function notBool(feature: Feature, dialect: Dialect): RowRule {
  return rule(feature, "bool_domain", (x) => {
    const value = dialect.tryDouble(x);
    return `(${value} IS NOT NULL AND ${value} NOT IN (${dialect.double(0)}, ${dialect.double(1)}))`;
  });
}

/** A set that some share of values may lie outside of makes no row bad. */
function outside(
  feature: Feature,
  dialect: Dialect,
  text: string,
  values: readonly string[],
): RowRule[] {
  const { distributionConstraints: constraints } = feature;
  const { minDomainMass } = DistributionConstraintsSchema.field;
  const isTolerant =
    constraints !== undefined &&
    isFieldSet(constraints, minDomainMass) &&
    constraints.minDomainMass < 1;
  if (isTolerant) return [];
  // A schema's texts are not data: they are few, and they are quoted.
  const list = values.map((value) => dialect.text(value)).join(", ");
  const textType = dialect.typeName("string");
  return [
    rule(feature, text, (x) =>
      values.length === 0 ? "(1 = 1)" : `CAST(${x} AS ${textType}) NOT IN (${list})`,
    ),
  ];
}

function boolTexts({ domainInfo }: Feature): string[] {
  if (domainInfo.case !== "boolDomain") return [];
  const { trueValue, falseValue } = BoolDomainSchema.field;
  return [
    ...(isFieldSet(domainInfo.value, trueValue) ? [domainInfo.value.trueValue] : []),
    ...(isFieldSet(domainInfo.value, falseValue) ? [domainInfo.value.falseValue] : []),
  ];
}
