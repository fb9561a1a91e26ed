import { basename } from "node:path";
import type { UnknownField } from "@bufbuild/protobuf";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { readMessage, writeMessage } from "../statistics/index.ts";

/** Fields that statistics and anomalies have at the top, and a schema never had. */
const FOREIGN_FIELDS: ReadonlySet<number> = new Set([2, 3, 7]);

/** As {@link FOREIGN_FIELDS} for a feature: what a dataset has, or a schema inside anomalies. */
const FOREIGN_FEATURE_FIELDS: ReadonlySet<number> = new Set([3, 4, 8, 12]);

/**
 * Reads a schema: text (`.pbtxt`) or binary (`.pb`), as TFDV and TFX write it.
 * @throws WaybillError `not_found`; `invalid_argument` for text that does not parse, with line and
 *   column; `data_loss` for damaged bytes, and for a message of another kind
 */
export async function readSchema(path: string): Promise<Schema> {
  const schema = await readMessage(SchemaSchema, path);
  if (isOfAnotherKind(schema)) {
    throw new WaybillError(
      "data_loss",
      `"${path}" holds no schema but a message of another kind.`,
      {
        hint: `Are these statistics or anomalies? Check which file "${basename(path)}" is.`,
      },
    );
  }
  return schema;
}

/** Writes a schema, atomically, in the encoding that the name's ending tells. */
export async function writeSchema(schema: Schema, path: string): Promise<void> {
  await writeMessage(SchemaSchema, schema, path);
}

/** Binary statistics parse as a schema, since both begin with a list of named things. */
function isOfAnotherKind(schema: Schema): boolean {
  return (
    hasAny(schema.$unknown, FOREIGN_FIELDS) ||
    schema.feature.some(({ $unknown }) => hasAny($unknown, FOREIGN_FEATURE_FIELDS))
  );
}

function hasAny(fields: readonly UnknownField[] | undefined, wanted: ReadonlySet<number>): boolean {
  return fields?.some(({ no }) => wanted.has(no)) ?? false;
}
