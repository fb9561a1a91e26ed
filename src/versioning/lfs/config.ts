import { existsSync } from "node:fs";
import { join } from "node:path";
import { tryGit } from "./repository.ts";

/** Git's settings, with those of the repository's `.lfsconfig` below them. */
export interface GitConfig {
  /** The last value of a key such as `lfs.url` or `remote.origin.url`, or undefined. */
  get(key: string): string | undefined;
  /** A setting that is yes or no, as git reads them. */
  flag(key: string, fallback: boolean): boolean;
  /** A setting that is a whole number of at least 0. */
  count(key: string, fallback: number): number;
  /** The values of every key of git's own settings, for keys with a part that is not known beforehand. */
  readonly all: ReadonlyMap<string, readonly string[]>;
}

/**
 * What a repository that was cloned may set by its `.lfsconfig`: nothing that runs a program or moves files.
 * Source: git-lfs, docs/man/git-lfs-config.adoc, "LFSCONFIG".
 */
const SAFE_KEY =
  /^(lfs\.(allowincompletepush|fetchexclude|fetchinclude|gitprotocol|locksverify|pushurl|skipdownloaderrors|url)|lfs\..*\.(access|locksverify)|remote\.lfsdefault|remote\.lfspushdefault|remote\..*\.(lfsurl|lfspushurl))$/u;

/** Reads the settings that hold in a folder. */
export function readConfig(folder: string, workTree: string | undefined): GitConfig {
  const all = new Map<string, string[]>();
  for (const [key, value] of settings(folder, [])) add(all, key, value);
  // Read when first needed: most keys that are asked for cannot be in it.
  let committed: Map<string, string[]> | undefined;
  function committedValue(key: string): string | undefined {
    if (!SAFE_KEY.test(key)) return undefined;
    if (committed === undefined) {
      committed = new Map();
      for (const [name, value] of committedSettings(folder, workTree)) add(committed, name, value);
    }
    return committed.get(key)?.at(-1);
  }
  const get = (key: string) => all.get(normalized(key))?.at(-1) ?? committedValue(normalized(key));
  return {
    all,
    get,
    flag(key, fallback) {
      const value = get(key)?.toLowerCase();
      if (value === undefined) return fallback;
      return !["false", "no", "off", "0", ""].includes(value);
    },
    count(key, fallback) {
      const value = get(key);
      return value !== undefined && /^\d{1,9}$/u.test(value) ? Number(value) : fallback;
    },
  };
}

function committedSettings(folder: string, workTree: string | undefined): [string, string][] {
  if (workTree !== undefined && existsSync(join(workTree, ".lfsconfig"))) {
    return settings(folder, ["--file", join(workTree, ".lfsconfig")]);
  }
  // A sparse or bare repository has it in the index or the last commit only.
  for (const blob of workTree === undefined ? ["HEAD:.lfsconfig"] : [":.lfsconfig"]) {
    if (tryGit(folder, ["cat-file", "-e", blob]).exitCode === 0) {
      return settings(folder, ["--blob", blob]);
    }
  }
  return [];
}

function settings(folder: string, source: readonly string[]): [string, string][] {
  const { exitCode, stdout } = tryGit(folder, ["config", ...source, "-z", "--list"]);
  if (exitCode !== 0) return [];
  return stdout
    .split("\0")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const newline = entry.indexOf("\n");
      // A key without a value means true.
      return newline < 0 ? [entry, "true"] : [entry.slice(0, newline), entry.slice(newline + 1)];
    });
}

function add(all: Map<string, string[]>, key: string, value: string): void {
  const values = all.get(normalized(key));
  if (values === undefined) all.set(normalized(key), [value]);
  else values.push(value);
}

/** Section and name without case, what is between them as it stands. */
function normalized(key: string): string {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  if (first < 0) return key.toLowerCase();
  return key.slice(0, first).toLowerCase() + key.slice(first, last) + key.slice(last).toLowerCase();
}
