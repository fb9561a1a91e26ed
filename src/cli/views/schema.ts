import {
  type Feature,
  FeatureType,
  type Schema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { formatQuantity, formatShare } from "../format.ts";
import { formatTable, type TableColumn } from "../table.ts";

const COLUMNS: readonly TableColumn[] = [
  { title: "feature", widthMax: 32 },
  { title: "type" },
  { title: "presence" },
  { title: "values" },
  { title: "domain", widthMax: 60 },
];

const VALUES_SHOWN_MAX = 6;

/** A schema as people read it: a row for each feature, nested ones under their struct. */
export function schemaText(schema: Schema): string {
  const rows = schema.feature.flatMap((feature) => featureRows(schema, feature, ""));
  const environments =
    schema.defaultEnvironment.length === 0
      ? ""
      : `\nenvironments: ${schema.defaultEnvironment.join(", ")}`;
  return `${schemaSummary(schema)}${environments}\n${formatTable(COLUMNS, rows)}`;
}

/** How much there is: `18 features, 3 domains`. */
export function schemaSummary(schema: Schema): string {
  const domains = schema.stringDomain.length;
  return `${formatQuantity(schema.feature.length, "feature")}${domains === 0 ? "" : `, ${formatQuantity(domains, "domain")}`}`;
}

function featureRows(schema: Schema, feature: Feature, prefix: string): string[][] {
  const row = [
    prefix + feature.name,
    typeName(feature),
    presenceText(feature),
    valuesText(feature),
    [domainText(schema, feature), environmentText(feature)]
      .filter((text) => text !== "")
      .join("; "),
  ];
  const nested =
    feature.domainInfo.case === "structDomain"
      ? feature.domainInfo.value.feature.flatMap((inner) =>
          featureRows(schema, inner, `${prefix}${feature.name}.`),
        )
      : [];
  return [row, ...nested];
}

function typeName({ type }: Feature): string {
  return Object.entries(FeatureType).find(([, value]) => value === type)?.[0] ?? String(type);
}

function presenceText({ presenceConstraints }: Feature): string {
  if (presenceConstraints.case === "groupPresence") {
    return presenceConstraints.value.required ? "required in group" : "optional in group";
  }
  if (presenceConstraints.case === undefined) return "optional";
  const { minFraction, minCount } = presenceConstraints.value;
  if (minFraction >= 1) return "required";
  if (minFraction > 0) return `at least ${formatShare(minFraction)}`;
  return minCount > 0n ? "optional" : "";
}

function valuesText({ shapeType }: Feature): string {
  switch (shapeType.case) {
    case "shape":
      return shapeType.value.dim.length === 0
        ? "one"
        : `[${shapeType.value.dim.map(({ size }) => size).join(", ")}]`;
    case "valueCount":
      return rangeText(shapeType.value);
    case "valueCounts":
      return shapeType.value.valueCount.map(rangeText).join(" of ");
    default:
      return "";
  }
}

function rangeText({ min, max }: { readonly min: bigint; readonly max: bigint }): string {
  if (max === 0n) return min === 0n ? "any number" : `${min} or more`;
  return min === max ? String(min) : `${min} to ${max}`;
}

function domainText(schema: Schema, { domainInfo }: Feature): string {
  switch (domainInfo.case) {
    case "domain": {
      const found = schema.stringDomain.find(({ name }) => name === domainInfo.value);
      return found === undefined ? domainInfo.value : valuesList(found.value);
    }
    case "stringDomain":
      return valuesList(domainInfo.value.value);
    case "intDomain":
    case "floatDomain": {
      const { min, max, isCategorical } = domainInfo.value;
      const range =
        Object.hasOwn(domainInfo.value, "min") || Object.hasOwn(domainInfo.value, "max");
      return [range ? `${min} to ${max}` : "", isCategorical ? "categorical" : ""]
        .filter((text) => text !== "")
        .join(", ");
    }
    case "boolDomain":
      return `${domainInfo.value.trueValue || "true"} or ${domainInfo.value.falseValue || "false"}`;
    case "structDomain":
    case undefined:
      return "";
    default:
      return domainInfo.case.replace("Domain", "");
  }
}

function valuesList(values: readonly string[]): string {
  const shown = values.slice(0, VALUES_SHOWN_MAX).join(", ");
  const more = values.length - VALUES_SHOWN_MAX;
  return more > 0 ? `${values.length} values: ${shown}, ...` : shown;
}

function environmentText({ inEnvironment, notInEnvironment }: Feature): string {
  return [
    ...(inEnvironment.length > 0 ? [`in ${inEnvironment.join(", ")}`] : []),
    ...(notInEnvironment.length > 0 ? [`not in ${notInEnvironment.join(", ")}`] : []),
  ].join("; ");
}
