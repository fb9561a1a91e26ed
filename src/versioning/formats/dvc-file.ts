import type { Document, YAMLMap } from "yaml";
import { WaybillError } from "../../foundation/index.ts";
import { MD5 } from "./dir-object.ts";
import { stageDigest } from "./import-file.ts";
import { stringifyYaml, type YamlValue } from "./yaml.ts";
import { isYamlMap, parseYamlValues } from "./yaml-values.ts";

/** An output or a dependency as a `.dvc` file or `dvc.lock` records it. */
export interface TrackedData {
  /** As spelled in the file: relative to the file's folder (and its `wdir`). */
  readonly path: string;
  /** Hex, with `.dir` behind it for a folder; undefined when nothing is recorded yet. */
  readonly md5: string | undefined;
  /** `md5-dos2unix` is dvc 2's: text is hashed with its CRLF as LF, and the cache has another layout. */
  readonly hashName: "md5" | "md5-dos2unix";
  readonly sizeBytes: number | undefined;
  readonly fileCount: number | undefined;
  readonly isExecutable: boolean;
  readonly isCached: boolean;
  /** Whether `dvc push` sends it. */
  readonly isPushed: boolean;
  /** The remote it belongs to when not the default one. */
  readonly remote: string | undefined;
  /** Everything else that the file says of it: `desc`, `meta`, `repo`, `cloud`, ... */
  readonly other: Readonly<Record<string, unknown>>;
}

/** A parsed `.dvc` file. */
export interface DvcFile {
  readonly outs: readonly TrackedData[];
  readonly deps: readonly TrackedData[];
  readonly wdir: string;
  readonly isFrozen: boolean;
  /** Members of the file beside these: `md5`, `desc`, `meta`, `cmd`, ... */
  readonly other: Readonly<Record<string, unknown>>;
}

/** What adding data changes in its entry. */
export interface NewData {
  readonly md5: string;
  readonly sizeBytes: number;
  readonly fileCount?: number | undefined;
  readonly isExecutable?: boolean;
}

/** A new `.dvc` file for one output, byte for byte as dvc writes it. */
export function newDvcFile(path: string, data: NewData): string {
  return stringifyYaml({ outs: [entryOf(path, data)] });
}

/**
 * Parses a `.dvc` file.
 * @param name the file's path, for messages
 * @throws WaybillError `invalid_argument` when it is not YAML or not a `.dvc` file
 */
export async function parseDvcFile(text: string, name: string): Promise<DvcFile> {
  const parsed = parseCanonical(text) ?? (await parseYaml(text, name)) ?? {};
  const members = recordOf(parsed);
  if (members === undefined) throw invalid(name, "it is not a mapping");
  const { outs, deps, wdir, frozen, ...other } = members;
  return {
    outs: listOf(outs, "outs", name).map((item) => parseTrackedData(item, name)),
    deps: listOf(deps, "deps", name).map((item) => parseTrackedData(item, name)),
    wdir: typeof wdir === "string" ? wdir : ".",
    isFrozen: frozen === true,
    other,
  };
}

/**
 * A `.dvc` file with the entry of one output brought up to date, everything else (comments, `desc`, `meta`,
 * the order of keys) left as its author wrote it.
 */
export async function updateDvcFile(
  text: string,
  path: string,
  data: NewData,
  name: string,
): Promise<string> {
  const { document, entry } = await openEntry(text, path, name);
  const values = entryOf(path, data);
  for (const key of REPLACED_KEYS) if (!(key in values)) entry.delete(key);
  for (const [key, value] of Object.entries(values)) entry.set(key, value);
  await renewDigest(document, name);
  return printDocument(text, document);
}

/** A `.dvc` file with another path for one of its outputs, everything else as it was. */
export async function renameInDvcFile(
  text: string,
  path: string,
  newPath: string,
  name: string,
): Promise<string> {
  const { document, entry } = await openEntry(text, path, name);
  entry.set("path", newPath);
  await renewDigest(document, name);
  return printDocument(text, document);
}

/**
 * Parses an entry of `outs` or `deps`.
 * @throws WaybillError `invalid_argument`
 */
export function parseTrackedData(item: unknown, name: string): TrackedData {
  const members = recordOf(item);
  if (members === undefined) throw invalid(name, "an entry is not a mapping");
  const { path, md5, hash, size, nfiles, isexec, cache, push, remote, ...other } = members;
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw invalid(name, "an entry has no path");
  }
  if (md5 !== undefined && (typeof md5 !== "string" || !MD5.test(md5.replace(/\.dir$/u, "")))) {
    throw invalid(name, `the md5 of "${path}" is not one`);
  }
  return {
    path,
    md5,
    hashName: hash === "md5" || md5 === undefined ? "md5" : "md5-dos2unix",
    sizeBytes: typeof size === "number" ? size : undefined,
    fileCount: typeof nfiles === "number" ? nfiles : undefined,
    isExecutable: isexec === true,
    isCached: cache !== false,
    isPushed: push !== false,
    remote: typeof remote === "string" ? remote : undefined,
    other,
  };
}

/** Parses YAML as dvc reads it: version 1.2, core schema. */
export async function parseYaml(text: string, name: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { uniqueKeys: true });
  const error = document.errors[0];
  if (error !== undefined) {
    throw new WaybillError("invalid_argument", `"${name}" is not YAML: ${error.message.trim()}`, {
      hint: "Mend the file by hand, or take it from git.",
      cause: error,
    });
  }
  try {
    // The library bounds how often an alias may be expanded, so that a small file stays small.
    return document.toJS();
  } catch (cause) {
    throw invalid(name, "it expands without end", cause);
  }
}

/** A `.dvc` file as a document that keeps its comments, and its entry for one output. */
async function openEntry(
  text: string,
  path: string,
  name: string,
): Promise<{ document: Document.Parsed; entry: YAMLMap }> {
  const { parseDocument, isMap, isSeq } = await import("yaml");
  await parseDvcFile(text, name);
  const document = parseDocument(text, { uniqueKeys: true });
  const outs = document.get("outs");
  const entry = isSeq(outs)
    ? outs.items.find((item) => isMap(item) && String(item.get("path")) === path)
    : undefined;
  if (!isMap(entry)) throw invalid(name, `it has no output "${path}"`);
  return { document, entry };
}

/** Takes the digest of a file with dependencies anew; one without them has none. */
async function renewDigest(document: Document.Parsed, name: string): Promise<void> {
  if (!document.has("md5")) return;
  const content = await parseYamlValues(document.toString(), name);
  if (isYamlMap(content)) document.set("md5", stageDigest(content));
}

/** Prints a document: as dvc would where nothing but values is in it, else with what its author wrote. */
function printDocument(text: string, document: Document.Parsed): string {
  const isPlain = !/#|\bmeta\b|[|>&*]/u.test(text);
  if (isPlain) return stringifyYaml(document.toJS({ mapAsMap: true }) as YamlValue);
  return document.toString({
    indentSeq: false,
    lineWidth: 0,
    nullStr: "",
    singleQuote: true,
    flowCollectionPadding: false,
  });
}

const REPLACED_KEYS = [
  "md5",
  "size",
  "nfiles",
  "isexec",
  "etag",
  "checksum",
  "version_id",
  "cloud",
  "files",
];

function entryOf(path: string, data: NewData): { [key: string]: YamlValue } {
  return {
    md5: data.md5,
    size: data.sizeBytes,
    ...(data.fileCount === undefined ? {} : { nfiles: data.fileCount }),
    ...(data.isExecutable === true ? { isexec: true } : {}),
    hash: "md5",
    path,
  };
}

/**
 * Reads the form that almost every `.dvc` file has without loading a YAML parser, which would cost more
 * than all the rest of a `status`. Anything else is left to the parser.
 */
function parseCanonical(text: string): unknown {
  if (!text.startsWith("outs:\n- ") || !text.endsWith("\n")) return undefined;
  const outs: Record<string, unknown>[] = [];
  for (const line of text.slice("outs:\n".length, -1).split("\n")) {
    const match =
      /^([- ]) (md5|size|nfiles|isexec|hash|path): (?:'([^']+)'|([a-zA-Z][\w./-]*|[0-9a-f]{32}(?:\.dir)?|\d{1,15}))$/u.exec(
        line,
      );
    const [, lead, key, quoted, plain] = match ?? [];
    if (key === undefined) return undefined;
    if (lead === "-") outs.push({});
    const entry = outs.at(-1);
    if (entry === undefined || key in entry) return undefined;
    const value = quoted ?? plain ?? "";
    if (quoted === undefined) {
      const isNumber = /^\d{1,15}$/u.test(value);
      if (isNumber !== (key === "size" || key === "nfiles")) return undefined;
      // "12e45..." is a float to YAML, and "true" a boolean.
      if (/^\d+e\d+$|^(?:true|false|null|y|n)$/iu.test(value) && key !== "isexec") return undefined;
    }
    entry[key] =
      key === "size" || key === "nfiles"
        ? Number(value)
        : key === "isexec"
          ? value === "true"
          : value;
  }
  return { outs };
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as Record<string, unknown>;
}

function listOf(value: unknown, member: string, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(name, `"${member}" is not a list`);
  return value;
}

function invalid(name: string, why: string, cause?: unknown): WaybillError {
  return new WaybillError("invalid_argument", `"${name}" is not a valid .dvc file: ${why}.`, {
    hint: "Mend the file by hand, or take it from git.",
    cause,
  });
}
