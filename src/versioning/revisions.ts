import { posix } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { parseDvcFile } from "./formats/dvc-file.ts";
import { runGit } from "./git.ts";
import { trackedInLock } from "./pipeline/history.ts";
import type { Repo } from "./repo.ts";
import type { TrackedFile } from "./tracked.ts";

/** Which commits a verb is about, besides the workspace. */
export interface RevisionScope {
  readonly allBranches?: boolean;
  readonly allTags?: boolean;
  readonly allCommits?: boolean;
}

/**
 * What one commit tracks: its `.dvc` files, and the stages of its `dvc.lock` files.
 * @throws WaybillError `not_found` for a revision that git does not know
 */
export async function trackedAt(repo: Repo, revision: string): Promise<TrackedFile[]> {
  const prefix = await prefixInGit(repo);
  const commit = await resolveRevision(repo, revision);
  const blobs = await blobsOf(repo, commit, prefix, isRecord);
  const texts = await readBlobs(repo, [...blobs.values()]);
  const textAt = (path: string) => texts.get(blobs.get(path) ?? "");
  const files: TrackedFile[] = [];
  for (const path of blobs.keys()) {
    const text = textAt(path) ?? "";
    if (path.endsWith(".dvc")) {
      files.push({ path, text, content: await parseDvcFile(text, `${revision}:${path}`) });
    } else if (posix.basename(path) === "dvc.lock") {
      const pipeline = textAt(posix.join(posix.dirname(path), "dvc.yaml"));
      files.push(...(await trackedInLock(path, text, pipeline)));
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/**
 * What every commit in scope tracks; each content of a file once. Files that are damaged in some old commit are
 * passed by: nothing can be done for them. Outputs of stages are all taken as cached, since it is not told here
 * which are not.
 */
export async function trackedInRevisions(repo: Repo, scope: RevisionScope): Promise<TrackedFile[]> {
  const { allBranches = false, allTags = false, allCommits = false } = scope;
  if (repo.noScm || !(allBranches || allTags || allCommits)) return [];
  const prefix = await prefixInGit(repo);
  const blobs = new Map<string, string>();
  if (allCommits) {
    const objects = await mustRun(repo, ["rev-list", "--objects", "--all", "HEAD"]);
    for (const line of objects.toString().split("\n")) {
      const match = /^([0-9a-f]+) (.+)$/u.exec(line);
      const path = match?.[2];
      if (path?.startsWith(prefix) && isDigestRecord(path)) {
        blobs.set(match?.[1] ?? "", path.slice(prefix.length));
      }
    }
  } else {
    const patterns = [
      ...(allBranches ? ["refs/heads", "refs/remotes"] : []),
      ...(allTags ? ["refs/tags"] : []),
    ];
    const refs = await mustRun(repo, ["for-each-ref", "--format=%(objectname)", ...patterns]);
    for (const ref of new Set(
      refs
        .toString()
        .split("\n")
        .filter((line) => line !== ""),
    )) {
      for (const [path, blob] of await blobsOf(repo, ref, prefix, isDigestRecord)) {
        blobs.set(blob, path);
      }
    }
  }
  const texts = await readBlobs(repo, [...blobs.keys()]);
  const files: TrackedFile[] = [];
  for (const [blob, path] of blobs) {
    const text = texts.get(blob) ?? "";
    try {
      if (path.endsWith(".dvc")) {
        files.push({ path, text, content: await parseDvcFile(text, path) });
      } else {
        files.push(...(await trackedInLock(path, text, undefined)));
      }
    } catch (error) {
      if (WaybillError.from(error).code !== "invalid_argument") throw error;
    }
  }
  return files;
}

/** The id of the commit that a revision means. */
export async function resolveRevision(repo: Repo, revision: string): Promise<string> {
  const result = await runGit(repo.root, [
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${revision}^{commit}`,
  ]);
  if (result?.exitCode === 0) return result.stdout.toString().trim();
  throw new WaybillError("not_found", `git knows no revision "${revision}".`, {
    hint: "Name a commit, a branch or a tag; fetch it first if it is on a remote only.",
  });
}

/** Every file of a commit that lies in the repository: its path there, and its blob. */
export async function filesInGit(
  repo: Repo,
  commit: string,
): Promise<readonly { path: string; blob: string; isExecutable: boolean }[]> {
  const prefix = await prefixInGit(repo);
  const listing = await mustRun(repo, ["ls-tree", "-r", "-z", "--full-tree", commit]);
  return listing
    .toString()
    .split("\0")
    .flatMap((line) => {
      const match = /^(\d+) blob ([0-9a-f]+)\t(.*)$/su.exec(line);
      const [, mode, blob = "", path = ""] = match ?? [];
      // Links and what lies outside the repository's folder are no files of it.
      if (mode === undefined || mode === "120000" || !path.startsWith(prefix)) return [];
      const inRepo = path.slice(prefix.length);
      return inRepo.startsWith(".dvc/")
        ? []
        : [{ path: inRepo, blob, isExecutable: mode === "100755" }];
    });
}

/** Whether anything was committed yet. */
export async function hasCommits(repo: Repo): Promise<boolean> {
  const result = await runGit(repo.root, ["rev-parse", "--verify", "--quiet", "HEAD"]);
  return result?.exitCode === 0;
}

/** Whether a file of a commit says what its data is, or helps to say it. */
function isRecord(path: string): boolean {
  return isDigestRecord(path) || posix.basename(path) === "dvc.yaml";
}

function isDigestRecord(path: string): boolean {
  const name = posix.basename(path);
  return name === "dvc.lock" || (name.endsWith(".dvc") && name !== ".dvc");
}

/** The files of a tree that are wanted: their paths in the repository, with their blobs. */
async function blobsOf(
  repo: Repo,
  tree: string,
  prefix: string,
  isWanted: (path: string) => boolean,
): Promise<Map<string, string>> {
  const listing = await mustRun(repo, ["ls-tree", "-r", "-z", "--full-tree", tree]);
  const blobs = new Map<string, string>();
  for (const line of listing.toString().split("\0")) {
    const match = /^\d+ blob ([0-9a-f]+)\t(.*)$/su.exec(line);
    const path = match?.[2];
    if (path?.startsWith(prefix) && isWanted(path)) {
      blobs.set(path.slice(prefix.length), match?.[1] ?? "");
    }
  }
  return blobs;
}

/** The repository's folder below the root of git's work tree, "" or ending in `/`. */
async function prefixInGit(repo: Repo): Promise<string> {
  return (await mustRun(repo, ["rev-parse", "--show-prefix"])).toString().replace(/\n$/u, "");
}

/** Reads many blobs by one process. */
async function readBlobs(repo: Repo, ids: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  if (ids.length === 0) return texts;
  const bytes = await mustRun(repo, ["cat-file", "--batch"], ids.map((id) => `${id}\n`).join(""));
  let position = 0;
  while (position < bytes.length) {
    const end = bytes.indexOf(10, position);
    const match = /^([0-9a-f]+) blob (\d+)$/u.exec(bytes.toString("utf8", position, end));
    position = end + 1;
    if (match === null) continue;
    const size = Number(match[2]);
    texts.set(match[1] ?? "", bytes.toString("utf8", position, position + size));
    position += size + 1;
  }
  return texts;
}

async function mustRun(repo: Repo, args: readonly string[], input?: string): Promise<Buffer> {
  const result = await runGit(repo.root, args, input === undefined ? {} : { input });
  if (result === undefined) {
    throw new WaybillError("failed_precondition", "git is not installed on this machine.");
  }
  if (result.exitCode !== 0) {
    throw new WaybillError(
      "failed_precondition",
      `git ${args[0]} failed: ${result.stderr.trim() || `exit code ${result.exitCode}`}`,
    );
  }
  return result.stdout;
}
