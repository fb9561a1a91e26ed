import { WaybillError } from "../../foundation/index.ts";
import type { ExactJson } from "./exact-json.ts";

/**
 * The schema of an Iceberg table as its JSON has it. Columns are told apart by `id`: names may change.
 * Source: Apache Iceberg specification, "Schemas and Data Types", and appendix C.
 */
export interface TableSchema {
  readonly type: "struct";
  readonly "schema-id": number;
  readonly "identifier-field-ids"?: readonly number[];
  readonly fields: readonly TableField[];
}

/** A column, or a field of a struct. */
export interface TableField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: TableType;
  readonly doc?: string;
}

/** A primitive type by its name (`long`, `decimal(9,2)`), or a nested one. */
export type TableType = string | StructType | ListType | MapType;

/** A struct. */
export interface StructType {
  readonly type: "struct";
  readonly fields: readonly TableField[];
}

/** A list; its element has an id of its own. */
export interface ListType {
  readonly type: "list";
  readonly "element-id": number;
  readonly element: TableType;
  readonly "element-required": boolean;
}

/** A map; its key and value have ids of their own. */
export interface MapType {
  readonly type: "map";
  readonly "key-id": number;
  readonly key: TableType;
  readonly "value-id": number;
  readonly value: TableType;
  readonly "value-required": boolean;
}

/** Types nested deeper than this are taken for damage. */
const MAX_DEPTH = 64;
const PRIMITIVE =
  /^(boolean|int|long|float|double|date|time|timestamp|timestamptz|string|uuid|binary|fixed\[\d{1,9}\]|decimal\(\s*\d{1,2}\s*,\s*\d{1,2}\s*\))$/;
const OF_VERSION_3 = /^(timestamp_ns|timestamptz_ns|unknown|variant|geometry|geography)/;

/**
 * Parses a schema and checks that it is one: every field has an id, a name and a type, and ids are
 * unique through all levels.
 * @throws `code` (default `data_loss`) naming `where`; `unimplemented` for types of format version 3
 */
export function parseTableSchema(
  json: ExactJson | undefined,
  where: string,
  code: "data_loss" | "invalid_argument" = "data_loss",
): TableSchema {
  const fail = (why: string) => new WaybillError(code, `${where}: ${why}.`);
  const seen = new Set<number>();
  const claim = (id: number): number => {
    if (seen.has(id)) throw fail(`the field id ${id} is used twice`);
    seen.add(id);
    return id;
  };
  const schema = objectOf(json, () => fail("a schema is no object"));
  const id = schema["schema-id"] ?? 0;
  if (!isId(id)) throw fail("a schema has no proper schema-id");
  const identifiers = schema["identifier-field-ids"];
  return {
    type: "struct",
    "schema-id": id,
    ...(isIds(identifiers) && identifiers.length > 0
      ? { "identifier-field-ids": identifiers }
      : {}),
    fields: parseFields(schema["fields"], 0),
  };

  function parseFields(fields: ExactJson | undefined, depth: number): TableField[] {
    if (!isArray(fields)) throw fail("a struct has no fields");
    if (depth > MAX_DEPTH) throw fail("a type is nested too deep");
    const names = new Set<string>();
    return fields.map((json) => {
      const field = objectOf(json, () => fail("a field is no object"));
      const { id, name, required, doc, type } = field;
      if (typeof name !== "string" || name === "") throw fail("a field has no name");
      if (names.has(name)) throw fail(`the name "${name}" is used twice`);
      names.add(name);
      if (!isId(id)) throw fail(`the field "${name}" has no id`);
      return {
        id: claim(id),
        name,
        required: required === true,
        type: parseType(type, name, depth + 1),
        ...(typeof doc === "string" ? { doc } : {}),
      };
    });
  }

  function parseType(type: ExactJson | undefined, name: string, depth: number): TableType {
    if (typeof type === "string") {
      if (PRIMITIVE.test(type)) return type.replaceAll(" ", "");
      if (OF_VERSION_3.test(type)) {
        throw new WaybillError(
          "unimplemented",
          `${where}: the field "${name}" has the type ${type} of format version 3.`,
          { hint: "Waybill reads and writes Iceberg format version 2." },
        );
      }
      throw fail(`the field "${name}" has the unknown type ${JSON.stringify(type)}`);
    }
    const nested = objectOf(type, () => fail(`the field "${name}" has no type`));
    const idOf = (key: string): number => {
      const id = nested[key];
      if (!isId(id)) throw fail(`the field "${name}" has no ${key}`);
      return claim(id);
    };
    switch (nested["type"]) {
      case "struct":
        return { type: "struct", fields: parseFields(nested["fields"], depth) };
      case "list":
        return {
          type: "list",
          "element-id": idOf("element-id"),
          element: parseType(nested["element"], name, depth + 1),
          "element-required": nested["element-required"] === true,
        };
      case "map":
        return {
          type: "map",
          "key-id": idOf("key-id"),
          key: parseType(nested["key"], name, depth + 1),
          "value-id": idOf("value-id"),
          value: parseType(nested["value"], name, depth + 1),
          "value-required": nested["value-required"] === true,
        };
      default:
        throw fail(`the field "${name}" has an unknown nested type`);
    }
  }
}

/** All ids in a schema, nested ones included. */
export function fieldIdsOf(schema: TableSchema): ReadonlySet<number> {
  const ids = new Set<number>();
  const visit = (type: TableType): void => {
    if (typeof type === "string") return;
    if (type.type === "struct") visitFields(type.fields);
    else if (type.type === "list") {
      ids.add(type["element-id"]);
      visit(type.element);
    } else {
      ids.add(type["key-id"]).add(type["value-id"]);
      visit(type.key);
      visit(type.value);
    }
  };
  const visitFields = (fields: readonly TableField[]): void => {
    for (const field of fields) {
      ids.add(field.id);
      visit(field.type);
    }
  };
  visitFields(schema.fields);
  return ids;
}

/** The greatest id in a schema, nested ones included; 0 when it has no field. */
export function greatestFieldId(schema: TableSchema): number {
  return Math.max(0, ...fieldIdsOf(schema));
}

/** A member by member view of JSON that must be an object. */
export function objectOf(
  json: ExactJson | undefined,
  error: () => WaybillError,
): Readonly<Record<string, ExactJson>> {
  if (json === null || json === undefined || typeof json !== "object" || isArray(json)) {
    throw error();
  }
  // What is neither a primitive nor an array is an object of JSON.
  return json as Readonly<Record<string, ExactJson>>;
}

/** True for a JSON array. */
export function isArray(json: ExactJson | undefined): json is readonly ExactJson[] {
  return Array.isArray(json);
}

function isId(value: ExactJson | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

function isIds(value: ExactJson | undefined): value is readonly number[] {
  return isArray(value) && value.every(isId);
}
