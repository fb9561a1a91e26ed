import type { Feature, Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { type FeatureReference, getFeature, isUnchecked } from "./features.ts";

/**
 * Whether a feature belongs to an environment: named in `in_environment`, else not if named in
 * `not_in_environment`, else if the schema has the environment by default. Without an environment every
 * feature belongs. Note that `in_environment` adds: it does not take a feature out of the defaults.
 * Source: measured with TFDV 1.16.1.
 */
export function isInEnvironment(
  schema: Schema,
  feature: Feature,
  environment: string | undefined,
): boolean {
  if (environment === undefined) return true;
  if (feature.inEnvironment.includes(environment)) return true;
  if (feature.notInEnvironment.includes(environment)) return false;
  return schema.defaultEnvironment.includes(environment);
}

/** Whether data must have the feature: it is in use, in the environment, and asks for presence. */
export function isRequired(
  schema: Schema,
  feature: Feature,
  environment: string | undefined,
): boolean {
  if (isUnchecked(feature) || feature.presenceConstraints.case !== "presence") return false;
  const { minCount, minFraction } = feature.presenceConstraints.value;
  if (minCount <= 0n && minFraction <= 0) return false;
  return isInEnvironment(schema, feature, environment);
}

/**
 * Refuses an environment that the schema does not have.
 * @throws WaybillError `invalid_argument`
 */
export function checkEnvironment(schema: Schema, environment: string | undefined): void {
  if (environment === undefined || schema.defaultEnvironment.includes(environment)) return;
  const known = schema.defaultEnvironment.join(", ");
  throw new WaybillError("invalid_argument", `Environment "${environment}" is not in the schema.`, {
    hint:
      known === ""
        ? `The schema has no environments: add default_environment: "${environment}" to it.`
        : `The schema has ${known}`,
  });
}

/** Adds environments that features belong to unless they say otherwise; those there stay. */
export function addEnvironments(schema: Schema, ...environments: readonly string[]): void {
  for (const environment of environments) {
    if (!schema.defaultEnvironment.includes(environment)) {
      schema.defaultEnvironment.push(environment);
    }
  }
}

/**
 * Takes a feature out of an environment: a label out of SERVING.
 * @throws WaybillError `not_found` when the schema lacks the feature
 */
export function excludeFromEnvironment(
  schema: Schema,
  reference: FeatureReference,
  environment: string,
): void {
  const feature = getFeature(schema, reference);
  feature.inEnvironment = feature.inEnvironment.filter((name) => name !== environment);
  if (!feature.notInEnvironment.includes(environment)) feature.notInEnvironment.push(environment);
}

/**
 * Puts a feature into an environment, whatever the schema's defaults say.
 * @throws WaybillError `not_found` when the schema lacks the feature
 */
export function includeInEnvironment(
  schema: Schema,
  reference: FeatureReference,
  environment: string,
): void {
  const feature = getFeature(schema, reference);
  feature.notInEnvironment = feature.notInEnvironment.filter((name) => name !== environment);
  if (!feature.inEnvironment.includes(environment)) feature.inEnvironment.push(environment);
}
