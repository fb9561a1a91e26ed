import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { type Count, type Kind, type Shape, shapesOf } from "./shape.ts";

/** A JSON Schema as a plain object, ready for `JSON.stringify`. */
export type JsonSchema = { readonly [keyword: string]: JsonSchemaValue };
type JsonSchemaValue =
  | string
  | number
  | boolean
  | readonly JsonSchemaValue[]
  | { readonly [keyword: string]: JsonSchemaValue };

/**
 * A JSON Schema (draft 2020-12) of one example. A name that the schema does not know is refused, as
 * validation does. Bytes are base64 text. Bounds beyond 2^53 are as near as a double comes.
 */
export function generateJsonSchema(
  schema: Schema,
  options: { readonly title?: string; readonly environment?: string | undefined } = {},
): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...(options.title === undefined ? {} : { title: options.title }),
    ...objectOf(shapesOf(schema, options)),
  };
}

function objectOf(shapes: readonly Shape[]): JsonSchema {
  const required = shapes.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    type: "object",
    properties: Object.fromEntries(shapes.map((shape) => [shape.name, propertyOf(shape)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function propertyOf({ kind, counts, notes }: Shape): JsonSchema {
  const schema = [...counts].reverse().reduce(listOf, kindOf(kind));
  return notes.length === 0 ? schema : { description: notes.join(" "), ...schema };
}

function listOf(items: JsonSchema, { isList, min, max }: Count): JsonSchema {
  if (!isList) return items;
  return {
    type: "array",
    items,
    ...(min === 0 ? {} : { minItems: min }),
    ...(max === undefined ? {} : { maxItems: max }),
  };
}

function kindOf(kind: Kind): JsonSchema {
  switch (kind.kind) {
    case "integer":
    case "number":
      return {
        type: kind.kind,
        ...(isBound(kind.min) ? { minimum: Number(kind.min) } : {}),
        ...(isBound(kind.max) ? { maximum: Number(kind.max) } : {}),
      };
    case "bytes":
      return { type: "string", contentEncoding: "base64" };
    case "text":
      return { type: "string", ...(kind.values === undefined ? {} : { enum: kind.values }) };
    case "struct":
      return objectOf(kind.members);
    default:
      return kind satisfies never;
  }
}

/** JSON has no infinities; a bound at infinity bounds nothing. */
function isBound(bound: number | bigint | undefined): bound is number | bigint {
  return typeof bound === "bigint" || (bound !== undefined && Number.isFinite(bound));
}
