import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Says which paths dvc passes by. Paths are relative to the repository's root, with `/`. */
export interface Ignore {
  /** Whether an entry is ignored, its folders being not. */
  isIgnored(path: string, isFolder: boolean): boolean;
  /** The rules that hold inside a folder: these and those of its own `.dvcignore`. */
  inside(folder: string): Ignore;
}

interface Rule {
  /** The folder that the rule counts from, "" or ending in "/". */
  readonly base: string;
  readonly pattern: RegExp;
  readonly isNegated: boolean;
  readonly isFolderOnly: boolean;
}

const BUILT_IN_RULES = [".hg/", ".git/", ".git", ".dvc/"];

/** The rules at the root of a repository: dvc's own and those of the root's `.dvcignore`. */
export function openIgnore(root: string): Ignore {
  const builtIn = BUILT_IN_RULES.flatMap((line) => parseRule(line, ""));
  return ignoreOf(root, builtIn).inside("");
}

/**
 * Parses the lines of a `.dvcignore`, which is written as a `.gitignore`; the last rule that fits wins.
 * @param base the folder of the file, relative to the root, "" or ending in "/"
 */
export function parseIgnoreRules(text: string, base: string): readonly Rule[] {
  return text.split(/\r?\n/u).flatMap((line) => parseRule(line.trim(), base));
}

function ignoreOf(root: string, rules: readonly Rule[]): Ignore {
  return {
    isIgnored(path, isFolder) {
      for (let i = rules.length - 1; i >= 0; i--) {
        const rule = rules[i];
        if (rule === undefined || (rule.isFolderOnly && !isFolder)) continue;
        if (!path.startsWith(rule.base)) continue;
        if (rule.pattern.test(path.slice(rule.base.length))) return !rule.isNegated;
      }
      return false;
    },
    inside(folder) {
      const base = folder === "" ? "" : `${folder}/`;
      const added: Rule[] = [];
      // A repository inside this one is none of our business.
      if (folder !== "" && existsSync(join(root, folder, ".dvc"))) {
        added.push({ base, pattern: /^/u, isNegated: false, isFolderOnly: false });
      }
      const text = readIfThere(join(root, folder, ".dvcignore"));
      if (text !== undefined) added.push(...parseIgnoreRules(text, base));
      return added.length === 0 ? this : ignoreOf(root, [...rules, ...added]);
    },
  };
}

function parseRule(line: string, base: string): readonly Rule[] {
  if (line === "" || line.startsWith("#")) return [];
  const isNegated = line.startsWith("!");
  const body = isNegated ? line.slice(1) : line;
  const isFolderOnly = body.endsWith("/");
  const glob = body.replace(/\/$/u, "");
  if (glob === "") return [];
  // A separator anywhere but at the end ties the pattern to the folder of its file.
  const isAnchored = glob.includes("/");
  const source = `${isAnchored ? "" : "(?:.*/)?"}${globSource(glob.replace(/^\//u, ""))}`;
  try {
    return [{ base, pattern: new RegExp(`^${source}$`, "su"), isNegated, isFolderOnly }];
  } catch {
    // A range that is no range ("[z-a]") fits nothing, as in git.
    return [];
  }
}

/** A glob of gitignore as the source of a regular expression. */
function globSource(glob: string): string {
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const rest = glob.slice(i);
    const character = glob.charAt(i);
    const atSegment = i === 0 || glob.charAt(i - 1) === "/";
    if (atSegment && rest.startsWith("**/")) {
      source += "(?:.*/)?";
      i += 2;
    } else if (atSegment && rest === "**") {
      source += ".+";
      i += 1;
    } else if (character === "*") {
      source += "[^/]*";
      while (glob.charAt(i + 1) === "*") i += 1;
    } else if (character === "?") {
      source += "[^/]";
    } else if (character === "[") {
      const set = /^\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]/u.exec(rest);
      if (set === null) {
        source += "\\[";
      } else {
        const members = (set[2] ?? "").replace(/\\(.)|([[\]^\\])/gu, (_, escaped, special) =>
          `\\${escaped ?? special}`.replace(/\\([\p{L}\p{N}_])/gu, "$1"),
        );
        source += `${set[1] === "" ? "(?!/)[" : "(?!/)[^"}${members}]`;
        i += (set[0] ?? "").length - 1;
      }
    } else {
      const literal = character === "\\" && i + 1 < glob.length ? glob.charAt(++i) : character;
      source += literal.replace(/[\\^$.*+?()[\]{}|/-]/u, "\\$&").replace("\\-", "-");
    }
  }
  return source;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
