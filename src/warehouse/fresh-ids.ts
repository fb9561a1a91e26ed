import {
  greatestFieldId,
  type TableField,
  type TableSchema,
  type TableType,
} from "./formats/table-schema.ts";

/** A schema with ids of its own, and what the given ids have become. */
export interface FreshSchema {
  readonly schema: TableSchema;
  readonly idOf: (given: number) => number | undefined;
}

/**
 * Gives the fields of a new table's schema ids from 1, level by level: nested ones after all those
 * around them. Clients choose ids as they like; a catalog's are its own.
 * Source: what the reference catalog does, since the specification leaves it open.
 */
export function withFreshIds(schema: TableSchema): FreshSchema {
  const ids = new Map<number, number>();
  const next = (given: number): number => {
    ids.set(given, ids.size + 1);
    return ids.size;
  };

  function freshFields(fields: readonly TableField[]): readonly TableField[] {
    const numbered = fields.map((field) => ({ ...field, id: next(field.id) }));
    return numbered.map((field) => ({ ...field, type: freshType(field.type) }));
  }

  function freshType(type: TableType): TableType {
    if (typeof type === "string") return type;
    switch (type.type) {
      case "struct":
        return { ...type, fields: freshFields(type.fields) };
      case "list": {
        const id = next(type["element-id"]);
        return { ...type, "element-id": id, element: freshType(type.element) };
      }
      case "map": {
        const keyId = next(type["key-id"]);
        const valueId = next(type["value-id"]);
        return {
          ...type,
          "key-id": keyId,
          "value-id": valueId,
          key: freshType(type.key),
          value: freshType(type.value),
        };
      }
      default:
        return type satisfies never;
    }
  }

  const fields = freshFields(schema.fields);
  const { "identifier-field-ids": identifiers, ...rest } = schema;
  const mapped = identifiers?.map((id) => ids.get(id) ?? greatestFieldId(schema) + 1);
  return {
    schema: {
      ...rest,
      "schema-id": 0,
      fields,
      ...(mapped === undefined ? {} : { "identifier-field-ids": mapped }),
    },
    idOf: (given) => ids.get(given),
  };
}
