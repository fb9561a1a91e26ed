import { clone, isFieldSet } from "@bufbuild/protobuf";
import {
  BoolDomainSchema,
  type Feature,
  FeatureSchema,
  FeatureType,
  FloatDomainSchema,
  IntDomainSchema,
  type Schema,
  ValueCountSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  indexSchema,
  isInEnvironment,
  isRequired,
  isUnchecked,
  membersOf,
  parseInt64,
  SchemaDraft,
  type SchemaIndex,
} from "../../schema/index.ts";
import { checkSpecification } from "../detectors/specification.ts";
import { parseFloat32 } from "../format.ts";
import { type Example, type ExampleScalar, type ExampleValue, isStruct } from "./example.ts";

/** Whether a value surely has no anomaly. `false` means that it must be looked at closely. */
type Accept = (value: ExampleValue) => boolean;

/**
 * A test that is made from a schema once and run on many examples: true only for examples without any
 * anomaly. It knows the common rules; whatever it does not know it leaves to the detectors by `false`.
 */
export function compileAccept(
  schema: Schema,
  environment: string | undefined,
): (example: Example) => boolean {
  const names = [...schema.sparseFeature, ...schema.weightedFeature].map(({ name }) => name);
  return compileMembers(indexSchema(schema), schema.feature, new Set(names), environment);
}

interface Entry {
  readonly accept: Accept;
  readonly isRequired: boolean;
}

function compileMembers(
  index: SchemaIndex,
  features: readonly Feature[],
  reserved: ReadonlySet<string>,
  environment: string | undefined,
): (example: Example) => boolean {
  const entries = new Map<string, Entry>();
  for (const feature of features) {
    if (entries.has(feature.name)) continue;
    const isReserved = reserved.has(feature.name);
    entries.set(feature.name, {
      accept: isReserved ? never : compileFeature(index, feature, environment),
      isRequired: asksForPresence(index.schema, feature, environment),
    });
  }
  const requiredCount = [...entries.values()].filter((entry) => entry.isRequired).length;
  return (example) => {
    let requiredSeen = 0;
    for (const name in example) {
      const value = example[name];
      if (value === null || value === undefined) continue;
      const entry = entries.get(name);
      if (entry === undefined || !entry.accept(value)) return false;
      if (entry.isRequired) requiredSeen++;
    }
    return requiredSeen === requiredCount;
  };
}

const never: Accept = () => false;
const always: Accept = () => true;

/** A member may be required of a struct that is not, so either makes the struct required. */
function asksForPresence(
  schema: Schema,
  feature: Feature,
  environment: string | undefined,
): boolean {
  if (isUnchecked(feature)) return false;
  if (isRequired(schema, feature, environment)) return true;
  return membersOf(feature).some((member) => asksForPresence(schema, member, environment));
}

function compileFeature(
  index: SchemaIndex,
  feature: Feature,
  environment: string | undefined,
): Accept {
  if (isUnchecked(feature)) return always;
  if (!isInEnvironment(index.schema, feature, environment) || !isWellSpecified(index, feature)) {
    return never;
  }
  if (feature.uniqueConstraints !== undefined || feature.validationDerivedSource !== undefined) {
    return never;
  }
  if (feature.type === FeatureType.STRUCT) return compileStruct(index, feature, environment);
  const acceptCount = compileCount(feature);
  const acceptScalar = compileScalar(index, feature);
  if (acceptCount === undefined || acceptScalar === undefined) return never;
  return (value) => {
    if (!Array.isArray(value)) return acceptCount(1) && acceptScalar(value);
    // Statistics of no values have extremes of 0, which a range may not allow: TFDV says so.
    if (value.length === 0 || !acceptCount(value.length)) return false;
    for (const item of value) if (!acceptScalar(item)) return false;
    return true;
  };
}

function compileStruct(
  index: SchemaIndex,
  feature: Feature,
  environment: string | undefined,
): Accept {
  const acceptCount = compileCount(feature);
  if (acceptCount?.(1) !== true) return never;
  const acceptMembers = compileMembers(index, membersOf(feature), new Set(), environment);
  return (value) => isStruct(value) && acceptMembers(value);
}

/** A feature whose own specification is at fault has an anomaly with any data. */
function isWellSpecified(index: SchemaIndex, feature: Feature): boolean {
  const own = clone(FeatureSchema, feature);
  const draft = new SchemaDraft(index);
  let isWell = true;
  checkSpecification({
    feature: own,
    draft,
    report: () => {
      isWell = false;
    },
  });
  return isWell;
}

/** Which numbers of values pass; undefined where values nest. */
function compileCount({ shapeType }: Feature): ((count: number) => boolean) | undefined {
  switch (shapeType.case) {
    case undefined:
      return () => true;
    case "shape": {
      const size = shapeType.value.dim.reduce((product, dim) => product * Number(dim.size), 1);
      return (count) => count === size;
    }
    case "valueCount": {
      const { min, max } = ValueCountSchema.field;
      const counts = shapeType.value;
      const least = isFieldSet(counts, min) ? Number(counts.min) : 0;
      const most = isFieldSet(counts, max) ? Number(counts.max) : Number.POSITIVE_INFINITY;
      return (count) => count >= least && count <= most;
    }
    default:
      return undefined;
  }
}

/** Which values pass one by one; undefined for rules that need all of them. */
function compileScalar(index: SchemaIndex, feature: Feature): Accept | undefined {
  switch (feature.type) {
    case FeatureType.INT:
      return compileInteger(feature.domainInfo);
    case FeatureType.FLOAT:
      return compileFloat(feature);
    case FeatureType.BYTES:
      return compileText(index, feature);
    default:
      return undefined;
  }
}

function isInteger(value: ExampleValue): value is number | bigint | boolean {
  return typeof value === "bigint" || typeof value === "boolean" || Number.isInteger(value);
}

function compileInteger(domainInfo: Feature["domainInfo"]): Accept | undefined {
  switch (domainInfo.case) {
    case undefined:
      return isInteger;
    case "boolDomain":
      return (value) => isInteger(value) && (Number(value) === 0 || Number(value) === 1);
    case "intDomain": {
      const { min, max } = IntDomainSchema.field;
      const domain = domainInfo.value;
      // Doubles and bigints compare by value, so the bounds stay exact.
      const least = isFieldSet(domain, min) ? domain.min : -(2n ** 63n);
      const most = isFieldSet(domain, max) ? domain.max : 2n ** 63n - 1n;
      return (value) => {
        if (!isInteger(value)) return false;
        const number = typeof value === "boolean" ? Number(value) : value;
        return number >= least && number <= most;
      };
    }
    default:
      return undefined;
  }
}

function compileFloat({ domainInfo }: Feature): Accept | undefined {
  switch (domainInfo.case) {
    case undefined:
      return (value) => typeof value === "number";
    case "boolDomain":
      return (value) => value === 0 || value === 1;
    case "floatDomain": {
      const accept = acceptFloat(domainInfo.value);
      return (value) => typeof value === "number" && accept(Math.fround(value));
    }
    default:
      return undefined;
  }
}

function acceptFloat(domain: Extract<Feature["domainInfo"], { case: "floatDomain" }>["value"]) {
  const { min, max } = FloatDomainSchema.field;
  const least = isFieldSet(domain, min) ? Math.fround(domain.min) : Number.NEGATIVE_INFINITY;
  const most = isFieldSet(domain, max) ? Math.fround(domain.max) : Number.POSITIVE_INFINITY;
  // A range is of numbers: what NaN beside them does to it is left to the detectors.
  return (value: number): boolean =>
    value >= least && value <= most && (!domain.disallowInf || Number.isFinite(value));
}

function isText(value: ExampleValue): value is ExampleScalar {
  return typeof value === "string" || value instanceof Uint8Array;
}

function compileText(index: SchemaIndex, { domainInfo }: Feature): Accept | undefined {
  switch (domainInfo.case) {
    case undefined:
    case "midDomain":
    case "urlDomain":
    case "timeDomain":
      return isText;
    case "domain": {
      const shared = index.stringDomains.get(domainInfo.value);
      return shared === undefined ? undefined : acceptTexts(shared.value);
    }
    case "stringDomain":
      return acceptTexts(domainInfo.value.value);
    case "boolDomain": {
      const { trueValue, falseValue } = BoolDomainSchema.field;
      const domain = domainInfo.value;
      return acceptTexts([
        ...(isFieldSet(domain, trueValue) ? [domain.trueValue] : []),
        ...(isFieldSet(domain, falseValue) ? [domain.falseValue] : []),
      ]);
    }
    case "intDomain": {
      const accept = compileInteger(domainInfo);
      return (value) => typeof value === "string" && accept?.(parseInt64(value)) === true;
    }
    case "floatDomain": {
      const accept = acceptFloat(domainInfo.value);
      return (value) => typeof value === "string" && accept(parseFloat32(value) ?? Number.NaN);
    }
    default:
      return undefined;
  }
}

function acceptTexts(texts: readonly string[]): Accept {
  const valid = new Set(texts);
  return (value) => typeof value === "string" && valid.has(value);
}
