import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { canonicalJson, digestOf } from "../foundation/index.ts";
import { propertiesOf } from "./properties.ts";
import type { Properties } from "./record.ts";

/** Custom properties that hold a digest of an artifact's bytes, the best first. */
export const DIGEST_PROPERTIES = ["sha256", "md5"] as const;

/** The inputs of a step by key, in order. */
export type StepInputs = ReadonlyMap<string, readonly Artifact[]>;

/**
 * The name of a step's `execution_cache` context: equal for steps of one type that would read equal
 * bytes with equal parameters, done by one version of the program. An artifact without a digest counts
 * as itself.
 */
export function cacheKey(
  type: string,
  inputs: StepInputs,
  parameters: Properties,
  version: string | undefined,
): string {
  const byKey = Object.fromEntries(
    [...inputs].map(([key, artifacts]) => [key, artifacts.map(identityOf)]),
  );
  return digestOf("sha256", canonicalJson({ type, inputs: byKey, parameters, version }));
}

/** The digest of an artifact's bytes as `algorithm:hex`, or undefined when it records none. */
export function contentDigest(artifact: Artifact): string | undefined {
  const properties = propertiesOf(artifact);
  for (const name of DIGEST_PROPERTIES) {
    const digest = properties[name];
    if (typeof digest === "string" && digest !== "") return `${name}:${digest}`;
  }
  return undefined;
}

function identityOf(artifact: Artifact): string {
  return contentDigest(artifact) ?? `artifact:${artifact.id}`;
}
