import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { digestOf, writeFileAtomically } from "../foundation/index.ts";
import type { Properties, RefMove, Step } from "../metadata/index.ts";
import { encodeMessage } from "../statistics/index.ts";
import { type InferOptions, inferSchema } from "./infer.ts";

/** Where a schema goes, and what it becomes there. */
export interface PublishOptions {
  /** The file, `.pbtxt` or `.pb`. */
  readonly path: string;
  /** What the record says of where it is; by default the path. TFX records the folder of the file. */
  readonly uri?: string;
  /** Unique among schemas when given. */
  readonly name?: string;
  /** Makes it the next version of a named schema, if the head still is what the caller saw. */
  readonly ref?: RefMove;
  /** Further facts to record on the artifact. */
  readonly facts?: Properties;
}

/** A schema and the artifact that records it. */
export interface PublishedSchema {
  readonly schema: Schema;
  readonly artifact: Artifact;
}

/**
 * Writes a schema, atomically, and declares it as the step's output `schema`, an artifact of type
 * Schema with the digest of its bytes.
 * @throws WaybillError `invalid_argument` when the path does not tell how to encode a schema
 */
export async function publishSchema(
  step: Step,
  schema: Schema,
  options: PublishOptions,
): Promise<PublishedSchema> {
  const bytes = encodeMessage(SchemaSchema, schema, options.path);
  await writeFileAtomically(options.path, bytes);
  const artifact = step.output("schema", "Schema", {
    uri: options.uri ?? options.path,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.ref === undefined ? {} : { ref: options.ref }),
    customProperties: {
      ...options.facts,
      sha256: digestOf("sha256", bytes),
      feature_count: BigInt(schema.feature.length),
    },
  });
  step.log.log("info", `schema ${options.path}: ${schema.feature.length} features`);
  return { schema, artifact };
}

/**
 * Infers a schema from statistics and publishes it: the verb behind SchemaGen.
 * @throws as {@link inferSchema} and {@link publishSchema}
 */
export async function generateSchema(
  step: Step,
  statistics: DatasetFeatureStatisticsList,
  options: InferOptions & PublishOptions,
): Promise<PublishedSchema> {
  return publishSchema(step, inferSchema(statistics, options), options);
}
