import { matchesGlob } from "node:path";

/** Whether a path of the repository is wanted. */
export type PathFilter = (path: string) => boolean;

/**
 * Wants paths that a pattern of `include` covers (all, when there is none) and no pattern of `exclude`.
 * A pattern without a slash matches at any depth; one that matches a folder covers all below it.
 * Source: git-lfs, docs/man/git-lfs-fetch.adoc, "INCLUDE AND EXCLUDE".
 */
export function pathFilter(
  include: readonly string[] = [],
  exclude: readonly string[] = [],
): PathFilter {
  const included = include.map(matcher);
  const excluded = exclude.map(matcher);
  return (path) =>
    (included.length === 0 || included.some((matches) => matches(path))) &&
    !excluded.some((matches) => matches(path));
}

/** The patterns of a setting or an option, which are separated by commas. */
export function patternsOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== "");
}

function matcher(pattern: string): (path: string) => boolean {
  const isAnchored = pattern.replace(/\/$/u, "").includes("/");
  const plain = pattern.replace(/^\.?\//u, "").replace(/\/$/u, "");
  const glob = isAnchored ? plain : `**/${plain}`;
  return (path) => {
    // The path itself, or a folder above it.
    for (let part = path; part !== ""; part = part.slice(0, Math.max(part.lastIndexOf("/"), 0))) {
      if (matchesGlob(part, glob)) return true;
    }
    return false;
  };
}
