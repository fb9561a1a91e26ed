import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "../foundation/index.ts";
import type { Repo } from "./repo.ts";

/** What the file system says of a file: when all of it is as before, so is the content. */
export interface FileStat {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

/** The digests of one tracked file or folder, as of the last time that its files were read. */
export interface KnownDigests {
  /** The output's own digest when every file is as it is known here, and nothing was left out. */
  readonly md5: string | undefined;
  readonly files: ReadonlyMap<string, KnownFile>;
}

export interface KnownFile extends FileStat {
  readonly md5: string;
}

const HEADER = "waybill-stat 1";
/**
 * File times tick slowly (4 ms and more): a file written this shortly before it was read may be written
 * again without a visible trace, so it is read again the next time.
 */
const RACE_MS = 100;
const NOTHING_KNOWN: KnownDigests = { md5: undefined, files: new Map() };

/**
 * What is known of an output, from `.dvc/tmp/waybill/stat`. A file that is missing or damaged is as good as
 * an empty one: everything is read anew.
 */
export function readKnownDigests(repo: Repo, path: string, hashName: string): KnownDigests {
  let text: string;
  try {
    text = readFileSync(fileOf(repo, path, hashName), "utf8");
  } catch {
    return NOTHING_KNOWN;
  }
  const lines = text.split("\n");
  const [header, md5, count] = (lines[0] ?? "").split("\t");
  if (header !== HEADER || lines.length !== Number(count) + 2) return NOTHING_KNOWN;
  const files = new Map<string, KnownFile>();
  for (let i = 1; i < lines.length - 1; i++) {
    const [fileMd5, size, mtimeMs, ctimeMs, ino, name] = (lines[i] ?? "").split("\t");
    if (fileMd5 === undefined || name === undefined) return NOTHING_KNOWN;
    files.set(name.includes("\\") ? unescapeName(name) : name, {
      md5: fileMd5,
      size: Number(size),
      mtimeMs: Number(mtimeMs),
      ctimeMs: Number(ctimeMs),
      ino: Number(ino),
    });
  }
  return { md5: md5 === "" ? undefined : md5, files };
}

/**
 * Remembers digests. Files whose times are too fresh to be trusted are left out. A lost write costs time
 * only, so nothing here waits for the disk.
 */
export function writeKnownDigests(
  repo: Repo,
  path: string,
  hashName: string,
  known: KnownDigests,
): void {
  const trustedBeforeMs = Date.now() - RACE_MS;
  const lines: string[] = [];
  for (const [name, file] of known.files) {
    if (file.mtimeMs > trustedBeforeMs || file.ctimeMs > trustedBeforeMs) continue;
    const escaped = /[\\\t\n]/u.test(name) ? escapeName(name) : name;
    lines.push(
      `${file.md5}\t${file.size}\t${file.mtimeMs}\t${file.ctimeMs}\t${file.ino}\t${escaped}\n`,
    );
  }
  const header = `${HEADER}\t${known.md5 ?? ""}\t${lines.length}\n`;
  const target = fileOf(repo, path, hashName);
  try {
    mkdirSync(join(repo.dvcFolder, "tmp", "waybill", "stat"), { recursive: true });
    const temporary = `${target}.${process.pid}.tmp`;
    writeFileSync(temporary, header + lines.join(""));
    renameSync(temporary, target);
  } catch {
    // A repository that may not be written to can still be looked at.
  }
}

/** Whether a file is as it was when its digest was taken. */
export function isUnchanged(known: FileStat, now: FileStat): boolean {
  return (
    known.size === now.size &&
    known.mtimeMs === now.mtimeMs &&
    known.ctimeMs === now.ctimeMs &&
    known.ino === now.ino
  );
}

function fileOf(repo: Repo, path: string, hashName: string): string {
  return join(repo.dvcFolder, "tmp", "waybill", "stat", digestOf("md5", `${hashName}\0${path}`));
}

function escapeName(name: string): string {
  return name.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}

function unescapeName(name: string): string {
  return name.replace(/\\(.)/gu, (_, letter) =>
    letter === "t" ? "\t" : letter === "n" ? "\n" : letter,
  );
}
