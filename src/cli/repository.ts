import { relative, sep } from "node:path";
import type { Repo } from "../versioning/index.ts";

/** The dvc repository that the working folder lies in. */
export async function openRepository(): Promise<Repo> {
  const { openRepo } = await import("../versioning/index.ts");
  return openRepo(process.cwd());
}

/** What of the repository a command is about, in dvc's words. */
export const TARGETS = {
  targets: {
    summary: "Only these .dvc files or what they track",
    count: "any",
    value: "TARGET",
  },
} as const;

/** Which commits count besides the workspace, in dvc's words. */
export const SCOPE_OPTIONS = {
  allBranches: { type: "boolean", short: "a", summary: "What any branch tracks, too" },
  allTags: { type: "boolean", short: "T", summary: "What any tag tracks, too" },
  allCommits: { type: "boolean", short: "A", summary: "What any commit tracks, too" },
} as const;

/** Which remote, in dvc's words. */
export const REMOTE_OPTION = {
  remote: {
    type: "string",
    short: "r",
    value: "NAME",
    summary: "The remote (default: the repository's)",
  },
} as const;

interface TransferWords {
  readonly remote: string | undefined;
  readonly allBranches: boolean;
  readonly allTags: boolean;
  readonly allCommits: boolean;
}

/** The options of a transfer as versioning takes them. */
export function transferOptions(targets: readonly string[], words: TransferWords) {
  const { remote, allBranches, allTags, allCommits } = words;
  return {
    targets,
    cwd: process.cwd(),
    allBranches,
    allTags,
    allCommits,
    ...(remote === undefined ? {} : { remote }),
  };
}

/** Paths with a mark of what became of each, as dvc prints a checkout. */
export function changedPaths(changes: {
  readonly added: readonly string[];
  readonly modified: readonly string[];
  readonly deleted: readonly string[];
}): string {
  return [
    ...changes.added.map((path) => `A\t${path}`),
    ...changes.modified.map((path) => `M\t${path}`),
    ...changes.deleted.map((path) => `D\t${path}`),
  ].join("\n");
}

/** Which of dvc's configuration files is edited. */
export const LEVEL_OPTIONS = {
  local: { type: "boolean", summary: "In .dvc/config.local, which git ignores: for secrets" },
  global: { type: "boolean", summary: "For this user" },
  system: { type: "boolean", summary: "For this machine" },
} as const;

/** The level that dvc's words name, if they do. */
export function configLevel(words: {
  readonly local: boolean;
  readonly global: boolean;
  readonly system: boolean;
}): { readonly level?: "local" | "global" | "system" } {
  if (words.local) return { level: "local" };
  if (words.global) return { level: "global" };
  return words.system ? { level: "system" } : {};
}

/** A path as the repository names it: relative to its root, with `/`. */
export function pathInRepository(repo: Repo, path: string): string {
  return relative(repo.root, path).split(sep).join("/");
}
