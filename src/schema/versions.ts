import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { digestOf, WaybillError } from "../foundation/index.ts";
import { type MetadataStore, propertiesOf, type Recorder, type Step } from "../metadata/index.ts";
import { encodeMessage } from "../statistics/index.ts";
import { type Compatibility, compatibilityOf, describeChange } from "./diff/change.ts";
import { diffSchemas, type SchemaDiff } from "./diff/index.ts";
import { readSchema } from "./file.ts";
import { publishSchema } from "./generate.ts";

/** Versions that a history walks back through at most, unless told otherwise. */
const HISTORY_LENGTH_MAX = 1000;

/** One version of a named schema. The artifact is its record; the file never changes. */
export interface SchemaVersion {
  readonly name: string;
  /** 1 for the first. */
  readonly number: number;
  readonly artifact: Artifact;
  readonly path: string;
  readonly sha256: string;
  readonly createdMs: number;
  /** What its author says of it. */
  readonly message: string;
  /** Against the version before; undefined for the first. */
  readonly compatibility: Compatibility | undefined;
  /** Every change against the version before, one line each. */
  readonly changes: readonly string[];
  /** The artifact of the version before. */
  readonly parentId: bigint | undefined;
}

/** What goes into the next version. */
export interface PublishVersionOptions {
  readonly name: string;
  /** The folder that holds a named schema's versions. */
  readonly folder: string;
  /** The version this one follows, as the caller saw it; undefined for the first. */
  readonly head: SchemaVersion | undefined;
  readonly message?: string;
  /** Refuses a schema that is less compatible with the one before. */
  readonly require?: Exclude<Compatibility, "breaking"> | undefined;
  /** The proposal that is approved by this. */
  readonly proposal?: Artifact | undefined;
}

/** The version that was made, and what it changes; for the first, everything is new. */
export interface PublishedVersion {
  readonly schema: Schema;
  readonly version: Omit<SchemaVersion, "createdMs">;
  readonly diff: SchemaDiff;
}

/** The version that a named schema stands at, or undefined. */
export async function headVersion(
  recorder: Recorder,
  name: string,
): Promise<SchemaVersion | undefined> {
  const artifact = await recorder.ref(refOf(name));
  return artifact === undefined ? undefined : versionOf(artifact);
}

/**
 * The versions of a named schema, the newest first.
 * @throws WaybillError `not_found` when there is none
 */
export async function schemaHistory(
  store: MetadataStore,
  recorder: Recorder,
  name: string,
  options: { readonly limit?: number } = {},
): Promise<SchemaVersion[]> {
  const head = await headVersion(recorder, name);
  if (head === undefined) {
    throw new WaybillError("not_found", `There is no schema "${name}".`, {
      hint: "Publish its first version, or check the name.",
    });
  }
  const versions = [head];
  const { limit = HISTORY_LENGTH_MAX } = options;
  for (let parentId = head.parentId; parentId !== undefined && versions.length < limit; ) {
    const { artifacts } = await store.getArtifactsByID({ artifactIds: [parentId] });
    const [artifact] = artifacts;
    if (artifact === undefined) break;
    const version = versionOf(artifact);
    versions.push(version);
    parentId = version.parentId;
  }
  return versions;
}

/**
 * Publishes the next version of a named schema: a file of its own, the changes against the version
 * before on the artifact, and the head moved if nobody else moved it. The version before is an input.
 * @throws WaybillError `failed_precondition` when nothing changes, or when the change is not as
 *   compatible as required; `invalid_argument` for a name that is no file name; `aborted` at the close
 *   of the step when the head has moved; `data_loss` when the version before is not as it was recorded
 */
export async function publishVersion(
  step: Step,
  schema: Schema,
  options: PublishVersionOptions,
): Promise<PublishedVersion> {
  const { name, head } = options;
  checkName(name);
  const diff =
    head === undefined
      ? { changes: [], compatibility: "full" as const }
      : await diffTo(head, schema);
  if (head !== undefined) checkChange(head, schema, diff, options.require);
  const number = (head?.number ?? 0) + 1;
  const text = encodeMessage(SchemaSchema, schema, "schema.pbtxt");
  const sha256 = digestOf("sha256", text);
  // The digest in the name keeps two who race for one number from writing over each other.
  const path = join(options.folder, name, `${number}-${sha256.slice(0, 12)}.pbtxt`);
  if (head !== undefined) step.input("base_schema", head.artifact);
  if (options.proposal !== undefined) step.input("proposal", options.proposal);
  const changes = diff.changes.map(describeChange);
  const message = options.message ?? "";
  const { artifact } = await publishSchema(step, schema, {
    path,
    ref: { name: refOf(name), expect: head?.artifact.id },
    facts: {
      schema_name: name,
      schema_version: BigInt(number),
      message,
      changes,
      ...(head === undefined
        ? {}
        : { compatibility: diff.compatibility, parent_id: head.artifact.id }),
    },
  });
  return {
    schema,
    diff,
    version: {
      name,
      number,
      artifact,
      path,
      sha256,
      message,
      changes,
      compatibility: head === undefined ? undefined : diff.compatibility,
      parentId: head?.artifact.id,
    },
  };
}

/**
 * Goes back to an earlier version by publishing what it said as the next one: history is never
 * rewritten. The version that is restored is an input beside the one before.
 * @throws WaybillError as {@link publishVersion}, and `data_loss` when the file of the version to
 *   restore is not as it was recorded
 */
export async function rollbackSchema(
  step: Step,
  target: SchemaVersion,
  options: Omit<PublishVersionOptions, "name" | "message" | "proposal">,
): Promise<PublishedVersion> {
  const schema = await readVersion(target);
  step.input("restored_schema", target.artifact);
  return publishVersion(step, schema, {
    ...options,
    name: target.name,
    message: `Back to version ${target.number}.`,
  });
}

/**
 * The schema of a version.
 * @throws WaybillError `not_found` or `data_loss` when its file is gone or not as it was recorded
 */
export async function readVersion(version: SchemaVersion): Promise<Schema> {
  const { path, name, number, sha256 } = version;
  const bytes = await readFile(path).catch((caught: unknown) => {
    const error = WaybillError.from(caught);
    throw new WaybillError(
      error.code,
      `Cannot read version ${number} of "${name}": ${error.message}`,
      {
        hint: error.hint,
        cause: caught,
      },
    );
  });
  if (digestOf("sha256", bytes) !== sha256) {
    throw new WaybillError(
      "data_loss",
      `The file of version ${number} of the schema "${name}" is not the one that was recorded: "${path}".`,
      {
        hint: "Versions never change. Restore the file from a backup, or publish it as a new version.",
      },
    );
  }
  return readSchema(path);
}

async function diffTo(head: SchemaVersion, schema: Schema): Promise<SchemaDiff> {
  return diffSchemas(await readVersion(head), schema);
}

function checkChange(
  head: SchemaVersion,
  schema: Schema,
  diff: SchemaDiff,
  required: PublishVersionOptions["require"],
): void {
  const text = encodeMessage(SchemaSchema, schema, "schema.pbtxt");
  if (diff.changes.length === 0 && digestOf("sha256", text) === head.sha256) {
    throw new WaybillError(
      "failed_precondition",
      `Version ${head.number} of the schema "${head.name}" already says this.`,
      { hint: "There is nothing to publish." },
    );
  }
  if (required === undefined || isAtLeast(diff.compatibility, required)) return;
  const opposing = diff.changes
    .filter((change) => !isAtLeast(compatibilityOf([change]), required))
    .slice(0, 5)
    .map(describeChange);
  throw new WaybillError(
    "failed_precondition",
    `The change of the schema "${head.name}" is ${diff.compatibility}, and ${required} is required.`,
    { hint: `These stand in the way: ${opposing.join("; ")}` },
  );
}

function isAtLeast(actual: Compatibility, required: Compatibility): boolean {
  return actual === "full" || actual === required;
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/.test(name)) return;
  throw new WaybillError("invalid_argument", `"${name}" cannot name a schema.`, {
    hint: "Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
  });
}

function refOf(name: string): string {
  return `schema/${name}`;
}

/** The facts that publishing put on the artifact, read back. */
function versionOf(artifact: Artifact): SchemaVersion {
  const facts = propertiesOf(artifact);
  const name = facts["schema_name"];
  const number = facts["schema_version"];
  if (typeof name !== "string" || typeof number !== "bigint") {
    throw new WaybillError(
      "failed_precondition",
      `Artifact ${artifact.id} is a schema, but no version of a named one.`,
    );
  }
  const { changes, compatibility, message, parent_id: parentId, sha256 } = facts;
  return {
    name,
    number: Number(number),
    artifact,
    path: artifact.uri,
    sha256: String(sha256),
    createdMs: Number(artifact.createTimeSinceEpoch),
    message: typeof message === "string" ? message : "",
    compatibility: isCompatibility(compatibility) ? compatibility : undefined,
    changes: Array.isArray(changes) ? changes.map(String) : [],
    parentId: typeof parentId === "bigint" ? parentId : undefined,
  };
}

function isCompatibility(value: unknown): value is Compatibility {
  return value === "full" || value === "backward" || value === "forward" || value === "breaking";
}
