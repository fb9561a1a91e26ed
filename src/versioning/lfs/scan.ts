import { spawnSync } from "node:child_process";
import { WaybillError } from "../../foundation/index.ts";
import type { PathFilter } from "./path-filter.ts";
import { POINTER_BYTES_LIMIT, type Pointer, parsePointer } from "./pointer.ts";
import { folderOf, type LfsRepository, streamGit, tryGit } from "./repository.ts";

/** A pointer that git stores, and a path that it has. */
export interface FoundPointer {
  readonly path: string;
  /** The name of git's own object that holds the pointer. */
  readonly blob: string;
  readonly pointer: Pointer;
}

interface Entry {
  readonly blob: string;
  readonly path: string;
}

const ENTRIES_AT_ONCE = 20_000;
const OUTPUT_BYTES_MAX = 256 << 20;
const EVERYTHING: PathFilter = () => true;

/** The pointers in a commit's or a tree's files. */
export async function* pointersInTree(
  repository: LfsRepository,
  treeish: string,
  filter: PathFilter = EVERYTHING,
): AsyncGenerator<FoundPointer> {
  const args = ["ls-tree", "-r", "-z", "-l", "--full-tree", treeish];
  async function* entries(): AsyncGenerator<Entry> {
    for await (const line of split(streamGit(folderOf(repository), args), 0)) {
      const [, type, blob = "", size, path = ""] =
        /^\d+ (\w+) ([0-9a-f]+) +(\S+)\t(.*)$/su.exec(line) ?? [];
      const isSmall = type === "blob" && Number(size) < POINTER_BYTES_LIMIT;
      if (isSmall && filter(path)) yield { blob, path };
    }
  }
  yield* readPointers(repository, entries());
}

/** The pointers in the index, those of files that are removed from the work tree included. */
export async function* pointersInIndex(
  repository: LfsRepository,
  filter: PathFilter = EVERYTHING,
): AsyncGenerator<FoundPointer> {
  const args = ["ls-files", "-s", "-z", "--full-name", ":/"];
  async function* entries(): AsyncGenerator<Entry> {
    for await (const line of split(streamGit(folderOf(repository), args), 0)) {
      const [, mode, blob = "", path = ""] = /^(\d+) ([0-9a-f]+) \d\t(.*)$/su.exec(line) ?? [];
      if (mode?.startsWith("100") && filter(path)) yield { blob, path };
    }
  }
  yield* readPointers(repository, onlySmall(repository, entries()));
}

/**
 * The pointers in all files of a range of commits, each once.
 * @param revisions trusted arguments of `git rev-list`: ids of commits, `--not`, `--remotes=NAME`, `--all`.
 *   Names that a user gave go through {@link commitOf} first
 */
export async function* pointersInHistory(
  repository: LfsRepository,
  revisions: readonly string[],
  filter: PathFilter = EVERYTHING,
): AsyncGenerator<FoundPointer> {
  const args = ["rev-list", "--objects", ...revisions, "--"];
  async function* entries(): AsyncGenerator<Entry> {
    for await (const line of split(streamGit(folderOf(repository), args), 10)) {
      const space = line.indexOf(" ");
      // Commits and the trees at the top have no path.
      if (space < 0 || space === line.length - 1) continue;
      const path = line.slice(space + 1);
      if (filter(path)) yield { blob: line.slice(0, space), path };
    }
  }
  yield* readPointers(repository, onlySmall(repository, entries()));
}

/**
 * The id of the commit that a name stands for.
 * @throws WaybillError `not_found`
 */
export function commitOf(repository: LfsRepository, name: string): string {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  const { exitCode, stdout } = tryGit(folderOf(repository), args);
  // Before git 2.30 the option itself is printed.
  const id = stdout.trim().split("\n").at(-1) ?? "";
  if (exitCode === 0 && /^[0-9a-f]{40,64}$/u.test(id)) return id;
  throw new WaybillError("not_found", `There is no commit "${name}".`, {
    hint: "Name a branch, a tag, or a commit's id.",
  });
}

/** Whether the repository has a commit yet. */
export function hasCommit(repository: LfsRepository): boolean {
  return tryGit(folderOf(repository), ["rev-parse", "--verify", "-q", "HEAD"]).exitCode === 0;
}

/** Those entries that are blobs small enough to be pointers. */
async function* onlySmall(
  repository: LfsRepository,
  entries: AsyncIterable<Entry>,
): AsyncGenerator<Entry> {
  for await (const group of grouped(entries)) {
    const lines = catFile(repository, "--batch-check", group).toString().split("\n");
    for (const [index, entry] of group.entries()) {
      const [, type, size] = lines[index]?.split(" ") ?? [];
      if (type === "blob" && Number(size) < POINTER_BYTES_LIMIT) yield entry;
    }
  }
}

async function* readPointers(
  repository: LfsRepository,
  entries: AsyncIterable<Entry>,
): AsyncGenerator<FoundPointer> {
  for await (const group of grouped(entries)) {
    const output = catFile(repository, "--batch", group);
    let at = 0;
    for (const { blob, path } of group) {
      const newline = output.indexOf(10, at);
      const [, , size] = output.toString("latin1", at, newline).split(" ");
      at = newline + 1;
      // "missing" in a partial clone: then it has no content here.
      if (size === undefined) continue;
      const content = output.subarray(at, at + Number(size));
      at += Number(size) + 1;
      const pointer = parsePointer(content);
      if (pointer !== undefined) yield { path, blob, pointer };
    }
  }
}

function catFile(repository: LfsRepository, mode: string, entries: readonly Entry[]): Buffer {
  const result = spawnSync("git", ["cat-file", mode, "--buffer"], {
    cwd: folderOf(repository),
    input: entries.map(({ blob }) => `${blob}\n`).join(""),
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  if (result.status === 0) return result.stdout;
  const said = result.stderr?.toString().trim() ?? "";
  throw new WaybillError("failed_precondition", `git cat-file failed: ${said}`, {
    cause: result.error,
  });
}

async function* grouped(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  let group: Entry[] = [];
  for await (const entry of entries) {
    group.push(entry);
    if (group.length < ENTRIES_AT_ONCE) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Cuts a stream at a byte; the pieces are text. */
export async function* split(
  stream: AsyncIterable<Buffer>,
  separator: number,
): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(separator); end >= 0; end = chunk.indexOf(separator, start)) {
      const piece = chunk.subarray(start, end);
      yield (rest.length === 0 ? piece : Buffer.concat([rest, piece])).toString();
      rest = Buffer.alloc(0);
      start = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(start)]);
  }
  if (rest.length > 0) yield rest.toString();
}
