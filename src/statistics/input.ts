import { glob, stat } from "node:fs/promises";
import { extname } from "node:path";
import { WaybillError } from "../foundation/index.ts";

/** Where the data is. Paths may be globs; files are read in the order of their names. */
export type StatisticsInput = FileInput | RelationInput;

/** The formats of files, by the names that the command line takes. */
export const FILE_FORMATS = ["csv", "parquet", "jsonl", "tfrecord"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

/** Files of one format. */
export interface FileInput {
  readonly format: FileFormat;
  readonly paths: readonly string[];
  /** CSV: one byte; a comma when left out. */
  readonly delimiter?: string;
  /** CSV: the names of the columns, for files without a header. */
  readonly columnNames?: readonly string[];
}

/** What an engine holds: a table's name, a table function or a subquery in brackets, in its SQL. */
export interface RelationInput {
  readonly relation: string;
}

const FORMAT_OF_ENDING: Readonly<Record<string, FileFormat>> = {
  ".csv": "csv",
  ".tsv": "csv",
  ".parquet": "parquet",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".tfrecord": "tfrecord",
  ".tfrecords": "tfrecord",
};

/**
 * The format that a name (`csv`) or the ending of a path (`data/day.csv`) says.
 * @throws WaybillError `invalid_argument` when it says none
 */
export function formatOf(nameOrPath: string): FileFormat {
  const named = FILE_FORMATS.find((format) => format === nameOrPath);
  const format = named ?? FORMAT_OF_ENDING[extname(nameOrPath.replace(/\.gz$/, "")).toLowerCase()];
  if (format !== undefined) return format;
  throw new WaybillError("invalid_argument", `"${nameOrPath}" does not say a format.`, {
    hint: `Formats are: ${FILE_FORMATS.join(", ")}.`,
  });
}

/** A file to read and its size. */
export interface InputFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * The files that paths and globs name, each once, sorted by name within a glob.
 * @throws `not_found` when a path or glob names nothing, `invalid_argument` for a folder, `data_loss`
 * for an empty file
 */
export async function expandPaths(paths: readonly string[]): Promise<InputFile[]> {
  if (paths.length === 0) {
    throw new WaybillError("invalid_argument", "No input files are named.");
  }
  const files = new Map<string, InputFile>();
  for (const path of paths) {
    const exact = await statOrUndefined(path);
    const matches = exact === undefined ? await matchesOf(path) : [path];
    for (const match of matches) {
      const status = await stat(match).catch((caught: unknown) => {
        throw readError(match, caught);
      });
      if (status.isDirectory()) {
        throw new WaybillError("invalid_argument", `"${match}" is a folder; files are needed.`, {
          hint: `Name the files in it, for example "${match.replace(/\/$/, "")}/*.csv".`,
        });
      }
      if (status.size === 0 && status.isFile()) {
        throw new WaybillError("data_loss", `"${match}" is empty.`, {
          hint: "Was its download or export cut short? Leave it out if it should be empty.",
        });
      }
      files.set(match, { path: match, sizeBytes: status.size });
    }
  }
  return [...files.values()];
}

/** An error of the file system, with the file's name and a hint. */
export function readError(path: string, caught: unknown): WaybillError {
  const error = WaybillError.from(caught);
  if (error.code === "cancelled") return error;
  return new WaybillError(error.code, `Cannot read "${path}": ${error.message}`, {
    hint: error.hint,
    cause: caught,
  });
}

async function statOrUndefined(path: string) {
  return stat(path).catch(() => undefined);
}

async function matchesOf(pattern: string): Promise<string[]> {
  const matches: string[] = [];
  if (/[*?[\]{}]/.test(pattern)) {
    for await (const match of glob(pattern)) {
      if ((await statOrUndefined(match))?.isDirectory() !== true) matches.push(match);
    }
  }
  if (matches.length > 0) return matches.sort();
  throw new WaybillError("not_found", `No file is named "${pattern}".`, {
    hint: "Check the path; is it relative to another folder?",
  });
}
