import { existsSync } from "node:fs";
import { glob } from "node:fs/promises";
import { extname, resolve } from "node:path";
import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { wrongUse } from "./arguments.ts";

/** The formats that the engine reads as tables. */
export const TABLE_FORMATS = ["parquet", "csv", "jsonl"] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

const FORMATS_BY_ENDING: Readonly<Record<string, TableFormat>> = {
  ".parquet": "parquet",
  ".pq": "parquet",
  ".csv": "csv",
  ".tsv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
};

/**
 * Files and globs as one relation of the engine.
 * @throws `not_found` for a path that names nothing, `invalid_argument` for a format that is not known
 */
export async function fileRelation(
  commandName: string,
  engine: Engine,
  paths: readonly string[],
  format: string | undefined,
): Promise<string> {
  const files: string[] = [];
  for (const path of paths) {
    const matches = existsSync(path) ? [path] : (await Array.fromAsync(glob(path))).sort();
    if (matches.length === 0) {
      throw new WaybillError("not_found", `No file is named "${path}".`, {
        hint: "Check the path; is it relative to another folder?",
      });
    }
    files.push(...matches.map((match) => resolve(match)));
  }
  const { dialect } = engine;
  switch (formatOf(commandName, files, format)) {
    case "parquet":
      return dialect.parquet(files);
    case "csv": {
      const isTabbed = files.every((file) => extname(file).toLowerCase() === ".tsv");
      return dialect.csv(files, isTabbed ? { delimiter: "\t" } : {});
    }
    case "jsonl":
      return dialect.jsonLines(files);
    default:
      throw new WaybillError("internal", "A format has no relation.");
  }
}

/**
 * The one format of some files: the one that is named, else what their names end in.
 * @throws `invalid_argument` when that says nothing, or several things
 */
export function formatOf(
  commandName: string,
  files: readonly string[],
  format: string | undefined,
): TableFormat {
  const named = TABLE_FORMATS.find((known) => known === format);
  if (named !== undefined) return named;
  const formats = new Set(files.map((file) => FORMATS_BY_ENDING[extname(file).toLowerCase()]));
  const [only] = formats;
  if (formats.size === 1 && only !== undefined) return only;
  throw wrongUse(
    commandName,
    formats.size > 1
      ? "The files are of several formats."
      : `The name of "${files[0]}" does not say its format.`,
    `Say it: --format ${TABLE_FORMATS.join("|")}.`,
  );
}

/**
 * Runs what reads such a relation; the engine's long words on a CSV it cannot read become one sentence.
 * @throws `data_loss` naming the line where it is known
 */
export async function readingFiles<T>(
  files: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    const { code, message } = WaybillError.from(caught);
    if (code !== "data_loss" || !/\bCSV\b|sniffing file/.test(message)) throw caught;
    const names = files.map((file) => `"${file}"`).join(", ");
    const [, line] = /CSV Error on Line: (\d+)/.exec(message) ?? [];
    const [, expected, found] =
      /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message) ?? [];
    const what =
      expected === undefined
        ? "rows differ in their number of fields, or a quote is not closed"
        : `a row has ${found} fields where the header has ${expected}`;
    throw new WaybillError(
      "data_loss",
      `${names} cannot be read as CSV${line === undefined ? "" : `, line ${line}`}: ${what}.`,
      {
        hint: `Mend the file; "waybill statistics ${files[0]}" names the first line that is wrong.`,
        cause: caught,
      },
    );
  }
}
