import {
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { enumName, significantDigits } from "./format.ts";

/**
 * A message as C++ prints it for debugging, which TFDV puts into one of its messages: the text format
 * with no colon before a brace, numbers as C prints them, and every byte beyond ASCII as octal.
 */
export function debugText<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): string {
  return [...linesOf(reflect(schema, message))].map((line) => `${line}\n`).join("");
}

function* linesOf(message: ReflectMessage): Generator<string> {
  for (const field of [...message.desc.fields].sort((a, b) => a.number - b.number)) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "list") {
      for (const item of message.get(field)) yield* fieldLines(field, item);
    } else if (field.fieldKind !== "map") {
      yield* fieldLines(field, message.get(field));
    }
  }
}

/** Maps are found in no feature of a schema, for which alone this is made. */
function* fieldLines(field: DescField, value: unknown): Generator<string> {
  if (field.message === undefined) {
    yield `${field.name}: ${scalarText(field, value)}`;
    return;
  }
  yield `${field.name} {`;
  // The library gives a message field as a reflection of the message.
  for (const line of linesOf(value as ReflectMessage)) yield `  ${line}`;
  yield "}";
}

function scalarText(field: DescField, value: unknown): string {
  if (field.enum !== undefined) return enumName(field.enum, Number(value));
  if (typeof value === "string") return `"${escapeBytes(Buffer.from(value))}"`;
  if (value instanceof Uint8Array) return `"${escapeBytes(value)}"`;
  if (typeof value !== "number") return String(value);
  if (field.scalar === ScalarType.DOUBLE) return shortest(value, 15, 17, (text) => Number(text));
  if (field.scalar === ScalarType.FLOAT) {
    return shortest(Math.fround(value), 6, 9, (text) => Math.fround(Number(text)));
  }
  return String(value);
}

/** The fewer digits if they say the number, else as many as are sure to. */
function shortest(
  value: number,
  few: number,
  enough: number,
  read: (text: string) => number,
): string {
  const text = significantDigits(value, few);
  return Number.isFinite(value) && read(text) !== value ? significantDigits(value, enough) : text;
}

const ESCAPES: Readonly<Record<number, string>> = {
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  39: "\\'",
  92: "\\\\",
};

function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    const octal = `\\${byte.toString(8).padStart(3, "0")}`;
    text += ESCAPES[byte] ?? (isPrintable ? String.fromCharCode(byte) : octal);
  }
  return text;
}
