import { existsSync, readFileSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { WaybillError, writeFileAtomically } from "../../foundation/index.ts";
import { folderOf, git, type LfsRepository, tryGit } from "./repository.ts";

const ATTRIBUTES = "filter=lfs diff=lfs merge=lfs -text";

/** A pattern whose files go through Git LFS. */
export interface TrackedPattern {
  readonly pattern: string;
  /** The attributes file that says so, relative to the work tree. */
  readonly source: string;
  readonly isLockable: boolean;
}

/** What `track` did to one pattern. */
export interface TrackResult {
  /** As it stands in `.gitattributes`. */
  readonly pattern: string;
  readonly change: "added" | "changed" | "none";
}

/** How patterns are tracked. */
export interface TrackOptions {
  /** The patterns are names of files: signs that have a meaning in patterns are escaped. */
  readonly filename?: boolean;
  /** Whether files are locked before they are changed; undefined leaves it as it is. */
  readonly lockable?: boolean;
  readonly dryRun?: boolean;
}

/**
 * Lets files that match go through Git LFS, by lines in the folder's `.gitattributes`, byte-equal to
 * those that git-lfs writes. Files that git has already are marked as changed, so that the next
 * commit stores them as pointers.
 * @param folder the folder that the patterns are relative to
 */
export async function track(
  repository: LfsRepository,
  folder: string,
  patterns: readonly string[],
  options: TrackOptions = {},
): Promise<readonly TrackResult[]> {
  const path = attributesPath(repository, folder);
  const lines = readLines(path);
  const results: TrackResult[] = [];
  for (const given of patterns) {
    const pattern = given.replace(/^\.\//u, "");
    const written = writtenPattern(pattern, options.filename ?? false);
    const at = lines.findIndex((line) => patternIn(line) === written && isLfsLine(line));
    const wasLockable = at >= 0 && isLockableLine(lines[at] ?? "");
    const isLockable = options.lockable ?? wasLockable;
    if (at >= 0 && isLockable === wasLockable) {
      results.push({ pattern: written, change: "none" });
      continue;
    }
    const line = `${written} ${ATTRIBUTES}${isLockable ? " lockable" : ""}`;
    if (at >= 0) lines[at] = line;
    else lines.push(line);
    results.push({ pattern: written, change: at >= 0 ? "changed" : "added" });
  }
  const changed = results.filter(({ change }) => change !== "none");
  if (changed.length > 0 && options.dryRun !== true) {
    await writeFileAtomically(path, `${lines.join("\n")}\n`);
    touchTracked(
      folder,
      changed.map(({ pattern }) => pattern),
    );
  }
  return results;
}

/**
 * Takes patterns out of the folder's `.gitattributes`; files keep their content.
 * @returns the patterns that were there
 */
export async function untrack(
  repository: LfsRepository,
  folder: string,
  patterns: readonly string[],
): Promise<readonly string[]> {
  const path = attributesPath(repository, folder);
  if (!existsSync(path)) return [];
  const lines = readLines(path);
  const wanted = new Set(patterns.map((each) => writtenPattern(each.replace(/^\.\//u, ""), false)));
  const removed: string[] = [];
  const left = lines.filter((line) => {
    const pattern = patternIn(line);
    if (!isLfsLine(line) || !wanted.has(pattern)) return true;
    removed.push(pattern);
    return false;
  });
  if (removed.length > 0) {
    await writeFileAtomically(path, left.length === 0 ? "" : `${left.join("\n")}\n`);
  }
  return removed;
}

/** Every pattern of the repository's attributes files whose files go through Git LFS. */
export function trackedPatterns(repository: LfsRepository): readonly TrackedPattern[] {
  const root = folderOf(repository);
  const listed = git(root, [
    "ls-files",
    "-z",
    "-c",
    "-o",
    "--exclude-standard",
    "--",
    ":(glob)**/.gitattributes",
  ]);
  const sources = [...new Set(listed.split("\0").filter((path) => path !== ""))].sort();
  const files = sources.map((source) => ({ source, path: join(root, source) }));
  files.push({
    source: ".git/info/attributes",
    path: join(repository.commonDir, "info", "attributes"),
  });
  return files.flatMap(({ source, path }) =>
    readLines(path)
      .filter(isLfsLine)
      .map((line) => ({
        pattern: prefixed(source, patternIn(line)),
        source,
        isLockable: isLockableLine(line),
      })),
  );
}

/** Of these paths (relative to the work tree), those whose files are lockable. */
export function lockablePaths(
  repository: LfsRepository,
  paths: readonly string[],
): ReadonlySet<string> {
  const input = paths.map((path) => `${path}\0`).join("");
  const args = ["check-attr", "-z", "--stdin", "lockable"];
  const fields = git(folderOf(repository), args, { input }).split("\0");
  const lockable = new Set<string>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    if (fields[at + 2] === "set" || fields[at + 2] === "true") lockable.add(fields[at] ?? "");
  }
  return lockable;
}

function attributesPath(repository: LfsRepository, folder: string): string {
  if (repository.workTree === undefined) {
    throw new WaybillError("failed_precondition", "A bare repository has no files to track.");
  }
  return join(folder, ".gitattributes");
}

/** A pattern as git-lfs writes it: spaces end a pattern there, and # begins a comment. */
function writtenPattern(pattern: string, isFilename: boolean): string {
  const escaped = isFilename ? pattern.replaceAll(/[\\*?[\]]/gu, "\\$&") : pattern;
  return escaped.replaceAll(" ", "[[:space:]]").replaceAll("#", "\\#");
}

function patternIn(line: string): string {
  return line.trimStart().split(/[ \t]/u)[0] ?? "";
}

function isLfsLine(line: string): boolean {
  return !line.trimStart().startsWith("#") && /\sfilter=lfs(\s|$)/u.test(line);
}

function isLockableLine(line: string): boolean {
  return /\slockable(=true)?(\s|$)/u.test(line);
}

function readLines(path: string): string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split(/\r?\n/u);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Makes git look again at files that it has: their content is as before, but not how it is to be stored. */
function touchTracked(folder: string, patterns: readonly string[]): void {
  const globs = patterns.map(
    (pattern) => `:(glob)${pattern.includes("/") ? "" : "**/"}${pattern.replace(/^\//u, "")}`,
  );
  const listed = tryGit(folder, ["ls-files", "-z", "--", ...globs]);
  const now = new Date();
  for (const name of listed.stdout.split("\0")) {
    if (name === "" || !existsSync(join(folder, name))) continue;
    utimesSync(join(folder, name), now, now);
  }
}

function prefixed(source: string, pattern: string): string {
  const folder = dirname(source);
  const plain = pattern.replace(/^\//u, "");
  if (folder === "." || source.startsWith(".git/")) return plain;
  return `${folder}/${plain}`;
}
