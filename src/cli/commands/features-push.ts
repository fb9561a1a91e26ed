import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { addAbortSignal } from "node:stream";
import { WaybillError } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { formatQuantity } from "../format.ts";
import { isObject } from "../json-file.ts";
import { openProject } from "../project.ts";
import { completeViews, requireRegistry } from "../registry.ts";

const BATCH_ROWS = 1000;

/** `waybill features push VIEW FILE`: rows go straight to the online store. */
export const command = defineCommand({
  name: "features push",
  summary: "Write rows straight to the online store",
  description:
    "Rows are lines of JSON with the view's keys, features and timestamp. One that is older than what is\n" +
    "stored changes nothing.",
  arguments: {
    view: { summary: "The feature view" },
    file: { summary: "Lines of JSON; - is standard input" },
  },
  examples: [
    { line: "features push airport_daily today.jsonl", does: "a file" },
    { line: "features push airport_daily -", does: "as they come, from a pipe" },
  ],
  complete: completeViews,
  run: async ({ arguments: { view, file }, session }) => {
    const { pushFeatures } = await import("../../features/index.ts");
    const project = await openProject(session);
    const registry = await requireRegistry(project);
    const store = await project.onlineStore();
    const { signal } = session;
    const { value } = await project.recorder.step(
      "Push",
      { parameters: { view }, signal },
      (step) => pushFeatures(step, store, { registry, view, batches: readBatches(file, signal) }),
    );
    const { artifact, ...counts } = value;
    return {
      json: { view, ...counts, artifactId: artifact?.id ?? null },
      note: `${view}: ${formatQuantity(counts.rowCount, "row")} pushed, ${counts.written} written.`,
    };
  },
});

/** Lines of JSON as columns, a batch at a time. */
async function* readBatches(
  file: string,
  signal: AbortSignal,
): AsyncIterable<Record<string, unknown[]>> {
  const input = addAbortSignal(signal, file === "-" ? process.stdin : createReadStream(file));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let rows: Readonly<Record<string, unknown>>[] = [];
  let lineNumber = 0;
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === "") continue;
    rows.push(parseRow(line, file, lineNumber));
    if (rows.length < BATCH_ROWS) continue;
    yield columnsOf(rows);
    rows = [];
  }
  signal.throwIfAborted();
  if (rows.length > 0) yield columnsOf(rows);
}

function parseRow(line: string, file: string, lineNumber: number) {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (cause) {
    throw notAnObject(file, lineNumber, cause);
  }
  if (!isObject(row)) throw notAnObject(file, lineNumber);
  return row;
}

function notAnObject(file: string, lineNumber: number, cause?: unknown): WaybillError {
  return new WaybillError("invalid_argument", `"${file}" line ${lineNumber} is no JSON object.`, {
    hint: 'Write a row a line: {"airport": "ATL", "event_timestamp": "2026-11-24T00:00:00Z", ...}.',
    cause,
  });
}

function columnsOf(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown[]> {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  return Object.fromEntries([...names].map((name) => [name, rows.map((row) => row[name] ?? null)]));
}
