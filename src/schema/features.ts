import {
  type Feature,
  FeatureType,
  LifecycleStage,
  type Schema,
  type SparseFeature,
  type WeightedFeature,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { type FeaturePath, serializePath } from "./path.ts";

/** Stages in which a feature is not checked. */
const UNCHECKED_STAGES: ReadonlySet<LifecycleStage> = new Set([
  LifecycleStage.PLANNED,
  LifecycleStage.ALPHA,
  LifecycleStage.DEPRECATED,
  LifecycleStage.DEBUG_ONLY,
  LifecycleStage.DISABLED,
]);

/** A name, or the path of a member of a struct. */
export type FeatureReference = string | FeaturePath;

/**
 * The feature of a name or a path; changing it changes the schema.
 * @throws WaybillError `not_found` when the schema has none, `invalid_argument` when a step on the way
 *   is no struct
 */
export function getFeature(schema: Schema, reference: FeatureReference): Feature {
  const path = pathOf(reference);
  let features = schema.feature;
  for (const [depth, step] of path.entries()) {
    const feature = features.find(({ name }) => name === step);
    if (feature === undefined) throw unknownFeature(schema, path);
    if (depth === path.length - 1) return feature;
    if (feature.type !== FeatureType.STRUCT || feature.domainInfo.case !== "structDomain") {
      throw new WaybillError(
        "invalid_argument",
        `"${serializePath(path.slice(0, depth + 1))}" in "${serializePath(path)}" is no STRUCT.`,
      );
    }
    features = feature.domainInfo.value.feature;
  }
  throw unknownFeature(schema, path);
}

/** A feature with where it is. */
export interface LocatedFeature {
  readonly path: FeaturePath;
  readonly feature: Feature;
}

/** Every feature of a schema, a struct before its members, in the order of the schema. */
export function* allFeatures(
  schema: Schema,
  options: { readonly leavesOnly?: boolean } = {},
): Generator<LocatedFeature> {
  yield* walk(schema.feature, [], options.leavesOnly ?? false);
}

function* walk(
  features: readonly Feature[],
  parent: FeaturePath,
  leavesOnly: boolean,
): Generator<LocatedFeature> {
  for (const feature of features) {
    const path = [...parent, feature.name];
    const isStruct = feature.type === FeatureType.STRUCT;
    if (!leavesOnly || !isStruct) yield { path, feature };
    yield* walk(membersOf(feature), path, leavesOnly);
  }
}

/** Members of a struct; none for any other feature. */
export function membersOf(feature: Feature): readonly Feature[] {
  return feature.domainInfo.case === "structDomain" ? feature.domainInfo.value.feature : [];
}

/** Whether a feature is left out of checks: deprecated, or in a stage before or after its use. */
export function isUnchecked(feature: Feature | SparseFeature | WeightedFeature): boolean {
  if ("deprecated" in feature && feature.deprecated) return true;
  return UNCHECKED_STAGES.has(feature.lifecycleStage);
}

/** Takes a feature out of use: kept in the schema, no longer checked. */
export function deprecate(feature: Feature | SparseFeature | WeightedFeature): void {
  feature.lifecycleStage = LifecycleStage.DEPRECATED;
}

/** Whether values of the feature are names rather than amounts, by type and domain. */
export function isCategorical(feature: Feature): boolean {
  const { type, domainInfo } = feature;
  if (type === FeatureType.BYTES) return true;
  if (type === FeatureType.FLOAT) {
    return domainInfo.case === "floatDomain" && domainInfo.value.isCategorical;
  }
  if (type !== FeatureType.INT) return false;
  if (domainInfo.case === "intDomain") return domainInfo.value.isCategorical;
  return domainInfo.case === "boolDomain" || domainInfo.case === "naturalLanguageDomain";
}

export function pathOf(reference: FeatureReference): FeaturePath {
  return typeof reference === "string" ? [reference] : reference;
}

function unknownFeature(schema: Schema, path: FeaturePath): WaybillError {
  const names = schema.feature.slice(0, 10).map(({ name }) => name);
  const more = schema.feature.length > names.length ? ", ..." : "";
  return new WaybillError("not_found", `The schema has no feature "${serializePath(path)}".`, {
    hint: names.length === 0 ? "The schema is empty." : `It has ${names.join(", ")}${more}`,
  });
}
