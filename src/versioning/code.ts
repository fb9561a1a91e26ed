import { createHash } from "node:crypto";
import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { digestFile } from "../foundation/index.ts";
import { runGit } from "./git.ts";

/** The state of the code in a folder; all undefined where there is no git. */
export interface CodeVersion {
  /** Hex id of the commit that is checked out. */
  readonly commit: string | undefined;
  /** Undefined on a detached head. */
  readonly branch: string | undefined;
  /** Where the code was cloned from, without credentials. */
  readonly repository: string | undefined;
  /** Whether files differ from the commit or are not in it (ignored ones do not count). */
  readonly isDirty: boolean;
  /** Sha256 over what differs: equal digests on one commit are equal code. */
  readonly dirtyDigest: string | undefined;
}

const NO_CODE_VERSION: CodeVersion = {
  commit: undefined,
  branch: undefined,
  repository: undefined,
  isDirty: false,
  dirtyDigest: undefined,
};
/** Untracked files above this size count by name and size only: they are data, not code. */
const UNTRACKED_BYTES_MAX = 16 << 20;
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/** What code a folder holds: one call of git where the folder is clean, two where it is not. */
export async function codeVersion(
  folder: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<CodeVersion> {
  const args = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"];
  const result = await runGit(folder, args, options);
  if (result === undefined || result.exitCode !== 0) return NO_CODE_VERSION;
  const lines = result.stdout
    .toString()
    .split("\0")
    .filter((line) => line !== "");
  const header = (name: string): string | undefined => {
    const prefix = `# ${name} `;
    return lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
  };
  const oid = header("branch.oid");
  const head = header("branch.head");
  const changes = lines.filter((line) => !line.startsWith("# "));
  const commit = oid === "(initial)" ? undefined : oid;
  return {
    commit,
    branch: head === "(detached)" ? undefined : head,
    repository: await repositoryUrl(folder),
    isDirty: changes.length > 0,
    dirtyDigest: changes.length > 0 ? await dirtyDigest(folder, commit, options.signal) : undefined,
  };
}

async function dirtyDigest(
  folder: string,
  commit: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const options = signal === undefined ? {} : { signal };
  const top = await runGit(folder, ["rev-parse", "--show-toplevel"], options);
  const root = top?.stdout.toString().trim() ?? folder;
  const hasher = createHash("sha256");
  const diff = await runGit(
    root,
    ["diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", commit ?? EMPTY_TREE],
    options,
  );
  hasher.update(diff?.stdout ?? "");
  const untracked = await runGit(
    root,
    ["ls-files", "--others", "--exclude-standard", "-z"],
    options,
  );
  const names =
    untracked?.stdout
      .toString()
      .split("\0")
      .filter((name) => name !== "") ?? [];
  for (const name of names.sort()) {
    hasher.update(`\0${name}\0${await contentDigest(join(root, name), signal)}`);
  }
  return hasher.digest("hex");
}

async function contentDigest(path: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const info = lstatSync(path);
    if (info.isSymbolicLink()) return `link ${readlinkSync(path)}`;
    if (!info.isFile() || info.size > UNTRACKED_BYTES_MAX) return `size ${info.size}`;
    return (await digestFile("sha256", path, signal === undefined ? {} : { signal })).digest;
  } catch {
    // The file went away, or may not be read: it is no part of what can be run.
    signal?.throwIfAborted();
    return "unreadable";
  }
}

async function repositoryUrl(folder: string): Promise<string | undefined> {
  const result = await runGit(folder, ["config", "--get", "remote.origin.url"]);
  const url = result?.stdout.toString().trim();
  if (url === undefined || url === "") return undefined;
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/iu, "$1");
}
