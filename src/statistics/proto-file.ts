import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import {
  createRegistry,
  type DescMessage,
  fromBinary,
  isFieldSet,
  type MessageShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { fromText, toText } from "@bufbuild/protobuf/txtpb";
import { file_tensorflow_metadata_proto_v0_statistics } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import { damaged, frameRecord, readRecords } from "./formats/tfrecord.ts";

type Encoding = "text" | "binary" | "tfrecord";

/** File endings and what TFDV and TFX write under them. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  ".pbtxt": "text",
  ".textproto": "text",
  ".txtpb": "text",
  ".txt": "text",
  ".pb": "binary",
  ".binpb": "binary",
  ".tfrecord": "tfrecord",
};

/**
 * Reads one message from a file: text (`.pbtxt`), binary (`.pb`), or a TFRecord file that holds one
 * record (`.tfrecord`), as TFDV writes statistics, schemas and anomalies.
 * @throws `invalid_argument` for an ending that says nothing, and for text that does not parse, with
 * line and column; `not_found`; `data_loss` for damaged bytes or a message of another kind
 */
export async function readMessage<Desc extends DescMessage>(
  schema: Desc,
  path: string,
): Promise<MessageShape<Desc>> {
  const encoding = encodingOf(path);
  const bytes = await readFile(path).catch((caught: unknown) => {
    const error = WaybillError.from(caught);
    throw new WaybillError(error.code, `Cannot read "${path}": ${error.message}`, {
      hint: error.hint,
      cause: caught,
    });
  });
  switch (encoding) {
    case "text":
      return parseMessageText(schema, decodeText(bytes, path), path);
    case "binary":
      return parseBinary(schema, bytes, path);
    case "tfrecord":
      return parseBinary(schema, onlyRecord(bytes, path), path);
    default:
      return encoding satisfies never;
  }
}

/**
 * Writes one message to a file, atomically, in the encoding that the ending names (see
 * {@link readMessage}). Equal messages give equal bytes.
 */
export async function writeMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  path: string,
): Promise<void> {
  await writeFileAtomically(path, encodeMessage(schema, message, path));
}

/** The bytes that {@link writeMessage} writes at `path`. */
export function encodeMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  path: string,
): Uint8Array {
  const encoding = encodingOf(path);
  switch (encoding) {
    case "text":
      return Buffer.from(printMessageText(schema, message));
    case "binary":
      return toBinary(schema, message);
    case "tfrecord":
      return frameRecord(toBinary(schema, message));
    default:
      return encoding satisfies never;
  }
}

/**
 * Parses the protobuf text format.
 * @param where the file's name, for messages
 * @throws `invalid_argument` with line and column of the first thing that does not fit
 */
export function parseMessageText<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  where = "text",
): MessageShape<Desc> {
  const registry = registryOf(schema);
  try {
    return fromText(schema, text, { registry });
  } catch (caught) {
    const reason = reasonOf(caught);
    const { line, column } = placeOf(schema, text, reason, registry);
    throw new WaybillError(
      "invalid_argument",
      `"${where}" is not a ${schema.name} in protobuf text: line ${line}, column ${column}: ${reason}.`,
      { hint: "Correct that line; a file that ends in .pb is read as binary.", cause: caught },
    );
  }
}

/** Prints the protobuf text format, as Python's text_format reads it. Ends in a newline. */
export function printMessageText<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): string {
  return toText(schema, message, { registry: registryOf(schema) });
}

function encodingOf(path: string): Encoding {
  const encoding = ENCODINGS[extname(path).toLowerCase()];
  if (encoding !== undefined) return encoding;
  throw new WaybillError(
    "invalid_argument",
    `The name of "${path}" does not say how the message in it is encoded.`,
    { hint: "Name it .pbtxt (text), .pb (binary) or .tfrecord." },
  );
}

/** `Any` fields name messages of the statistics, whatever message holds them. */
function registryOf(schema: DescMessage): Registry {
  return createRegistry(schema.file, file_tensorflow_metadata_proto_v0_statistics);
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (caught) {
    throw new WaybillError("data_loss", `"${path}" is not text: it is not valid UTF-8.`, {
      hint: "If it is a binary message, name it .pb.",
      cause: caught,
    });
  }
}

function onlyRecord(bytes: Uint8Array, path: string): Uint8Array {
  const { records, consumed } = readRecords(bytes, path);
  if (consumed !== bytes.length) throw damaged(path, consumed, "the file ends inside a record");
  const [record] = records;
  if (record === undefined || records.length !== 1) {
    throw new WaybillError(
      "invalid_argument",
      `"${path}" holds ${records.length} records where one message is expected.`,
      { hint: "Merge sharded statistics first." },
    );
  }
  return record;
}

function parseBinary<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  path: string,
): MessageShape<Desc> {
  let message: MessageShape<Desc>;
  try {
    message = fromBinary(schema, bytes);
  } catch (caught) {
    throw new WaybillError(
      "data_loss",
      `"${path}" is not a whole ${schema.name} message (${bytes.length} bytes): ${reasonOf(caught)}.`,
      {
        hint: "The file was cut short or is of another kind. A text message is named .pbtxt.",
        cause: caught,
      },
    );
  }
  const isStranger =
    message.$unknown !== undefined && !schema.fields.some((field) => isFieldSet(message, field));
  if (!isStranger) return message;
  throw new WaybillError(
    "data_loss",
    `"${path}" is a message of another kind: none of its fields is one of ${schema.name}.`,
    { hint: "Check that the statistics, schema and anomalies files are not mixed up." },
  );
}

function reasonOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}

/**
 * Where the text goes wrong. The parser does not say, so this is the end of the shortest beginning of
 * the text that fails in the same way: every longer one does too, so it is found by bisection.
 */
function placeOf(
  schema: DescMessage,
  text: string,
  reason: string,
  registry: Registry,
): { line: number; column: number } {
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsWith(schema, text.slice(0, middle), reason, registry)) high = middle;
    else low = middle + 1;
  }
  const before = text.slice(0, Math.max(0, high - 1));
  const line = before.split("\n").length;
  return { line, column: before.length - before.lastIndexOf("\n") };
}

function failsWith(schema: DescMessage, text: string, reason: string, registry: Registry): boolean {
  try {
    fromText(schema, text, { registry });
    return false;
  } catch (caught) {
    return reasonOf(caught) === reason && !/end of input/.test(reason);
  }
}
