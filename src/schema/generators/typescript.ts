import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../../foundation/index.ts";
import { type Count, type Kind, type Shape, shapesOf } from "./shape.ts";

/** Texts that a union lists; a larger set is a string. */
const UNION_LENGTH_MAX = 100;

export interface TypeScriptOptions {
  /** The name of the interface, in capital camel case by custom. */
  readonly name: string;
  readonly environment?: string | undefined;
  /** What integers become. 64-bit integers beyond 2^53 need "bigint". Default "number". */
  readonly integers?: "number" | "bigint";
}

/**
 * A TypeScript interface of one example. What is present in every example is required; sets of texts
 * are unions of literals; ranges stand in comments.
 * @throws WaybillError `invalid_argument` for a name that is no identifier
 */
export function generateTypeScript(schema: Schema, options: TypeScriptOptions): string {
  const { name, integers = "number" } = options;
  if (!IDENTIFIER.test(name)) {
    throw new WaybillError("invalid_argument", `"${name}" cannot name a TypeScript interface.`);
  }
  const members = shapesOf(schema, options).map((shape) => memberText(shape, integers, "  "));
  const where = options.environment === undefined ? "" : ` in ${options.environment}`;
  return `/** One example${where}. Generated from its schema: change that, and generate again. */
export interface ${name} {
${members.join("")}}
`;
}

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

function memberText(shape: Shape, integers: "number" | "bigint", indent: string): string {
  const name = IDENTIFIER.test(shape.name) ? shape.name : JSON.stringify(shape.name);
  const notes = [...shape.notes, ...rangeNotes(shape.kind)].map((note) =>
    note.replaceAll("*/", "* /").replaceAll(/\s+/g, " "),
  );
  const comment = notes.length === 0 ? "" : `${indent}/** ${notes.join(" ")} */\n`;
  const type = listType(kindType(shape.kind, integers, indent), shape.counts);
  return `${comment}${indent}readonly ${name}${shape.isRequired ? "" : "?"}: ${type};\n`;
}

function kindType(kind: Kind, integers: "number" | "bigint", indent: string): string {
  switch (kind.kind) {
    case "integer":
      return integers;
    case "number":
      return "number";
    case "bytes":
      return "Uint8Array";
    case "text": {
      const { values } = kind;
      if (values === undefined || values.length === 0 || values.length > UNION_LENGTH_MAX) {
        return "string";
      }
      return values.map((value) => JSON.stringify(value)).join(" | ");
    }
    case "struct": {
      const members = kind.members.map((member) => memberText(member, integers, `${indent}  `));
      return `{\n${members.join("")}${indent}}`;
    }
    default:
      return kind satisfies never;
  }
}

/** Lists from the inside out; a short list of a fixed length is a tuple. */
function listType(type: string, counts: readonly Count[]): string {
  return [...counts].reverse().reduce((inner, { isList, min, max }) => {
    if (!isList) return inner;
    if (min === max && min <= 4) return `readonly [${new Array(min).fill(inner).join(", ")}]`;
    return `readonly ${inner.includes(" ") ? `(${inner})` : inner}[]`;
  }, type);
}

function rangeNotes(kind: Kind): string[] {
  if (kind.kind !== "integer" && kind.kind !== "number") return [];
  const { min, max } = kind;
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`At least ${min}.`];
  return [min === undefined ? `At most ${max}.` : `From ${min} to ${max}.`];
}
