import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import {
  type Artifact,
  type Context,
  type Execution,
  PropertyType,
  type Value,
  ValueSchema,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import type { PlainValue, Properties, PropertyValue } from "./record.ts";

/** The key under which a struct holds a list, since a struct is an object; TFX has it so. */
const LIST_KEY = "__value__";

/**
 * A property value as the message that stores it.
 * @param declared what the node's type declares; a number becomes int_value where that is INT, and a
 *   bigint double_value where that is DOUBLE
 * @throws `invalid_argument` for a number in a struct that JSON cannot hold
 */
export function toValue(value: PropertyValue, declared?: PropertyType): Value {
  const message = create(ValueSchema);
  switch (typeof value) {
    case "string":
      message.value = { case: "stringValue", value };
      break;
    case "boolean":
      message.value = { case: "boolValue", value };
      break;
    case "bigint":
      message.value =
        declared === PropertyType.DOUBLE
          ? { case: "doubleValue", value: Number(value) }
          : { case: "intValue", value };
      break;
    case "number":
      message.value =
        declared === PropertyType.INT && Number.isSafeInteger(value)
          ? { case: "intValue", value: BigInt(value) }
          : { case: "doubleValue", value };
      break;
    default: {
      const json = toJson(value);
      message.value = {
        case: "structValue",
        // Neither a string nor a number comes from an object or a list.
        value: Array.isArray(json) ? { [LIST_KEY]: json } : (json as JsonObject),
      };
    }
  }
  return message;
}

/** The property type that a value declares where the type does not have the property yet. */
export function propertyTypeFor(value: PropertyValue): PropertyType {
  switch (typeof value) {
    case "string":
      return PropertyType.STRING;
    case "boolean":
      return PropertyType.BOOLEAN;
    case "bigint":
      return PropertyType.INT;
    case "number":
      return PropertyType.DOUBLE;
    default:
      return PropertyType.STRUCT;
  }
}

/** A map of property values as messages. */
export function toValues(
  properties: Properties,
  declared: { readonly [name: string]: PropertyType } = {},
): { [name: string]: Value } {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, toValue(value, declared[name])]),
  );
}

/** The plain value in a property message: a list comes back as a list, a proto value as it is. */
export function plainValue(value: Value): PlainValue {
  if (value.value.case !== "structValue") return value.value.value;
  const struct = value.value.value;
  const list = struct[LIST_KEY];
  // A list is a JSON value like a struct; the type of struct values does not name it.
  return Array.isArray(list) && Object.keys(struct).length === 1
    ? (list as unknown as PlainValue)
    : struct;
}

/** All properties of a node by name, plain; a declared one stands before a custom one of its name. */
export function propertiesOf(
  node: Pick<Artifact | Execution | Context, "properties" | "customProperties">,
): Record<string, PlainValue> {
  const plain: Record<string, PlainValue> = {};
  for (const [name, value] of Object.entries(node.customProperties))
    plain[name] = plainValue(value);
  for (const [name, value] of Object.entries(node.properties)) plain[name] = plainValue(value);
  return plain;
}

function toJson(value: PropertyValue | null): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "bigint") {
    // Numbers of a struct are floating point; a larger integer keeps its digits as text.
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) {
      throw new WaybillError("invalid_argument", `A struct property cannot hold ${value}.`);
    }
    return value;
  }
  if (isList(value)) return value.map(toJson);
  const members: [string, JsonValue][] = [];
  for (const [name, member] of Object.entries(value)) members.push([name, toJson(member)]);
  return Object.fromEntries(members);
}

function isList(value: object): value is readonly PropertyValue[] {
  return Array.isArray(value);
}
