import { createReadStream } from "node:fs";
import { type Progress, WaybillError } from "../../foundation/index.ts";
import { EXAMPLES_PER_BATCH, type Example, type ExampleSource } from "../examples/example.ts";
import { exampleOf, FloatNumber } from "../examples/values.ts";
import { type InputFile, readError } from "../input.ts";

/** A longer line is not a record. */
const MAX_LINE_BYTES = 1 << 28;

/**
 * The objects of newline-delimited JSON files. Lists are values of one feature, lists in lists nest,
 * objects are structs, null is missing, true and false are 1 and 0. Blank lines are skipped.
 * @throws WaybillError `data_loss` with the line that is not an object
 */
export async function* readJsonLines(
  files: readonly InputFile[],
  options: { readonly signal?: AbortSignal | undefined; readonly progress?: Progress | undefined },
): ExampleSource {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBefore = 0;
  for (const file of files) {
    let line = 0;
    let batch: Example[] = [];
    for await (const { lines, done } of linesOf(file, options.signal)) {
      for (const text of lines) {
        line++;
        const example = parseLine(line === 1 ? text.replace(/^\uFEFF/, "") : text, file.path, line);
        if (example !== undefined) batch.push(example);
        if (batch.length < EXAMPLES_PER_BATCH) continue;
        yield batch;
        batch = [];
      }
      options.progress?.report("statistics", doneBefore + done, total, "bytes");
    }
    if (batch.length > 0) yield batch;
    doneBefore += file.sizeBytes;
  }
}

function parseLine(text: string, path: string, line: number): Example | undefined {
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = WHOLE_FLOAT.test(text) ? JSON.parse(text, keepFloats) : JSON.parse(text);
  } catch (caught) {
    throw notAnObject(
      path,
      line,
      caught instanceof Error ? caught.message : String(caught),
      caught,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw notAnObject(path, line, "it is a bare value");
  }
  return exampleOf(Object.entries(value));
}

/** A whole number with a fraction or an exponent, maybe inside a text. */
const WHOLE_FLOAT = /\d\.0+(?!\d)|\d[eE]/;

/** Tells 1.0 from 1: both are the same number in JavaScript, and FLOAT and INT here. */
function keepFloats(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && /[.eE]/.test(context?.source ?? "")
    ? new FloatNumber(value)
    : value;
}

function notAnObject(path: string, line: number, why: string, cause?: unknown): WaybillError {
  return new WaybillError(
    "data_loss",
    `"${path}" line ${line.toLocaleString("en")} is not a JSON object: ${why}.`,
    {
      hint: "Each line holds one object. The file may be cut short, or be one JSON document.",
      cause,
    },
  );
}

/** The lines that end in each chunk of the file, decoded together. */
async function* linesOf(
  file: InputFile,
  signal: AbortSignal | undefined,
): AsyncIterable<{ lines: string[]; done: number }> {
  const stream = createReadStream(file.path, {
    highWaterMark: 1 << 20,
    ...(signal === undefined ? {} : { signal }),
  });
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let pending = "";
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
      pending = lines.pop() ?? "";
      if (pending.length > MAX_LINE_BYTES) throw notAnObject(file.path, 0, "a line never ends");
      yield { lines, done: stream.bytesRead };
    }
    pending += decoder.decode();
    if (pending !== "") yield { lines: [pending], done: stream.bytesRead };
  } catch (caught) {
    if (caught instanceof WaybillError) throw caught;
    if (caught instanceof TypeError) {
      throw new WaybillError("data_loss", `"${file.path}" is not UTF-8.`, {
        hint: "JSON is UTF-8: convert the file first.",
        cause: caught,
      });
    }
    throw readError(file.path, caught);
  }
}
