import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toText } from "@bufbuild/protobuf/txtpb";
import { type ErrorCode, WaybillError } from "../../foundation/index.ts";

const DESCRIPTION_LENGTH_MAX = 2_000;

/** A message on one line of protobuf text format, as ML Metadata quotes nodes in its errors. */
export function describe<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  const line = toText(schema, message)
    .split("\n")
    .map((part) => part.trim())
    .join(" ")
    .trimEnd();
  return line.length <= DESCRIPTION_LENGTH_MAX
    ? line
    : `${line.slice(0, DESCRIPTION_LENGTH_MAX)}...`;
}

/** Shorthand for the errors that clients of ML Metadata know by code and text. */
export function refuse(code: ErrorCode, message: string, cause?: unknown): WaybillError {
  return new WaybillError(code, message, { cause });
}

/**
 * Whether a field of a message was set. Fields of proto2 read as their default when they were not,
 * so this is the only way to tell.
 */
export function has(message: object, field: string): boolean {
  return Object.hasOwn(message, field) && Reflect.get(message, field) !== undefined;
}
