import { spawnSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { digestFile, WaybillError } from "../../foundation/index.ts";
import { POINTER_BYTES_LIMIT, parsePointer } from "./pointer.ts";
import { folderOf, git, type LfsRepository, tryGit } from "./repository.ts";
import { hasCommit } from "./scan.ts";

/** One side of a change: how the content is kept, and its short id. */
export interface StatusSide {
  /** `LFS` behind a pointer, `Git` as a blob of git, `File` only in the work tree. */
  readonly kind: "LFS" | "Git" | "File";
  /** Seven hex digits of the content's SHA-256 (of git's id for `Git`), or `deleted`. */
  readonly id: string;
}

/** A file that differs. */
export interface StatusChange {
  readonly status: "A" | "M" | "D" | "R" | "C" | "T" | "U";
  readonly path: string;
  /** Where a renamed or copied file was. */
  readonly from: string | undefined;
  readonly before: StatusSide | undefined;
  readonly after: StatusSide;
}

/** How the files stand between the last commit, the index and the work tree. */
export interface LfsStatus {
  /** The branch, or undefined when HEAD is a commit. */
  readonly branch: string | undefined;
  readonly staged: readonly StatusChange[];
  readonly unstaged: readonly StatusChange[];
}

/**
 * Compares the last commit with the index, and the index with the work tree, and says of each changed file
 * whether its content is kept by Git LFS or by git itself.
 */
export async function lfsStatus(repository: LfsRepository): Promise<LfsStatus> {
  const folder = folderOf(repository);
  if (repository.workTree === undefined) {
    throw new WaybillError("failed_precondition", "A bare repository has no files to compare.");
  }
  tryGit(folder, ["update-index", "-q", "--refresh"]);
  const head = hasCommit(repository)
    ? "HEAD"
    : git(folder, ["hash-object", "-t", "tree", "/dev/null"]).trim();
  const common = ["-z", "-M", "--full-index"];
  const staged = git(folder, ["diff-index", "--cached", ...common, head]);
  const unstaged = git(folder, ["diff-files", ...common]);
  const branch = tryGit(folder, ["symbolic-ref", "--short", "-q", "HEAD"]).stdout.trim();
  return {
    branch: branch === "" ? undefined : branch,
    staged: await changesIn(repository, staged, false),
    unstaged: await changesIn(repository, unstaged, true),
  };
}

async function changesIn(
  repository: LfsRepository,
  diff: string,
  isOfWorkTree: boolean,
): Promise<readonly StatusChange[]> {
  const fields = diff.split("\0");
  const changes: StatusChange[] = [];
  for (let at = 0; at + 1 < fields.length; at++) {
    const header = fields[at] ?? "";
    const [, oldMode = "", newMode = "", oldBlob = "", newBlob = "", letter = ""] =
      /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) ([A-Z])/u.exec(header) ?? [];
    if (letter === "") continue;
    const first = fields[++at] ?? "";
    const isPair = letter === "R" || letter === "C";
    const path = isPair ? (fields[++at] ?? "") : first;
    // Links and submodules are git's alone.
    const isPlain = (mode: string) => mode.startsWith("100");
    if (!isPlain(oldMode) && !isPlain(newMode)) continue;
    changes.push({
      // The pattern lets only git's own letters through.
      status: letter as StatusChange["status"],
      path,
      from: isPair ? first : undefined,
      before: isPlain(oldMode) ? blobSide(repository, oldBlob) : undefined,
      after:
        letter === "D"
          ? { kind: "File", id: "deleted" }
          : isOfWorkTree
            ? await fileSide(repository, path)
            : blobSide(repository, newBlob),
    });
  }
  return changes;
}

function blobSide(repository: LfsRepository, blob: string): StatusSide {
  const folder = folderOf(repository);
  const size = Number(tryGit(folder, ["cat-file", "-s", blob]).stdout);
  if (size < POINTER_BYTES_LIMIT) {
    const { stdout } = spawnSync("git", ["cat-file", "blob", blob], { cwd: folder });
    const pointer = parsePointer(stdout);
    if (pointer !== undefined) return { kind: "LFS", id: pointer.oid.slice(0, 7) };
  }
  return { kind: "Git", id: blob.slice(0, 7) };
}

async function fileSide(repository: LfsRepository, path: string): Promise<StatusSide> {
  const absolute = join(folderOf(repository), path);
  const info = lstatSync(absolute, { throwIfNoEntry: false });
  if (info?.isFile() !== true) return { kind: "File", id: "deleted" };
  if (info.size < POINTER_BYTES_LIMIT) {
    const pointer = parsePointer(readFileSync(absolute));
    if (pointer !== undefined) return { kind: "LFS", id: pointer.oid.slice(0, 7) };
  }
  const { digest } = await digestFile("sha256", absolute);
  return { kind: "File", id: digest.slice(0, 7) };
}
