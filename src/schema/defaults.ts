import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";

/** What stands in for a value that is missing. */
export type DefaultValue = number | bigint | string;

/**
 * The default values that a schema gives, by column: those of its dense tensors, which is where
 * TensorFlow Metadata keeps them. A column that two tensors of a group give unlike defaults is refused.
 * @param options.group of tensor representations; the group without a name when left out, as TFX reads it
 * @throws WaybillError `invalid_argument` for defaults that contradict each other or are no UTF-8 text
 */
export function defaultsOf(
  schema: Schema,
  options: { readonly group?: string } = {},
): ReadonlyMap<string, DefaultValue> {
  const group = schema.tensorRepresentationGroup[options.group ?? ""];
  const defaults = new Map<string, DefaultValue>();
  for (const { kind } of Object.values(group?.tensorRepresentation ?? {})) {
    if (kind.case !== "denseTensor") continue;
    const { columnName, defaultValue } = kind.value;
    if (defaultValue === undefined || defaultValue.kind.case === undefined) continue;
    const value =
      defaultValue.kind.case === "bytesValue"
        ? textOf(columnName, defaultValue.kind.value)
        : defaultValue.kind.value;
    const known = defaults.get(columnName);
    if (known !== undefined && known !== value) {
      throw new WaybillError(
        "invalid_argument",
        `The schema gives the column "${columnName}" two defaults, ${known} and ${value}.`,
      );
    }
    defaults.set(columnName, value);
  }
  return defaults;
}

function textOf(column: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (caught) {
    throw new WaybillError(
      "invalid_argument",
      `The default of the column "${column}" is no UTF-8 text.`,
      { cause: caught },
    );
  }
}
