import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { publishFile, WaybillError } from "../../foundation/index.ts";
import { git, type LfsRepository, tryGit } from "./repository.ts";

/** Whose settings are changed. */
export type ConfigScope = "global" | "local" | "system" | "worktree";

/** How the filter is set up. */
export interface InstallOptions {
  /** Default `global`: the user's own, for all repositories. */
  readonly scope?: ConfigScope;
  /** The command that git calls, as a shell reads it. Default `waybill lfs`. */
  readonly program?: string;
  /** Replaces a filter and a hook that are there with other commands. */
  readonly force?: boolean;
  /** Clones keep pointers until they are pulled. */
  readonly skipSmudge?: boolean;
  /** Does not touch the repository's hooks. */
  readonly skipRepository?: boolean;
}

const PROGRAM = "waybill lfs";
const SECTION = "filter.lfs";
const HOOK = "pre-push";

/**
 * Makes git use this client: settings `filter.lfs.*` and, within a repository, the pre-push hook.
 * @param repository undefined outside of one
 * @returns what was written
 * @throws WaybillError `already_exists` when other commands are set and `force` is not
 */
export async function install(
  folder: string,
  repository: LfsRepository | undefined,
  options: InstallOptions = {},
): Promise<{ readonly scope: ConfigScope; readonly hook: string | undefined }> {
  const { scope = "global", program = PROGRAM, force = false } = options;
  const skip = options.skipSmudge ? " --skip" : "";
  const wanted: readonly (readonly [string, string])[] = [
    ["clean", `${program} clean -- %f`],
    ["smudge", `${program} smudge${skip} -- %f`],
    ["process", `${program} filter-process${skip}`],
    ["required", "true"],
  ];
  for (const [name, value] of wanted) {
    const key = `${SECTION}.${name}`;
    const present = tryGit(folder, ["config", `--${scope}`, "--get", key]).stdout.trim();
    if (present === "" || present === value || force) continue;
    throw new WaybillError("already_exists", `The setting ${key} is "${present}".`, {
      hint: "Use --force to replace it.",
    });
  }
  for (const [name, value] of wanted) {
    git(folder, ["config", `--${scope}`, "--replace-all", `${SECTION}.${name}`, value]);
  }
  if (repository === undefined || options.skipRepository) return { scope, hook: undefined };
  return { scope, hook: await installHook(folder, program, force) };
}

/** Takes back what {@link install} set, if it is what it set; returns whether there was a hook of ours. */
export function uninstall(
  folder: string,
  repository: LfsRepository | undefined,
  options: Pick<InstallOptions, "scope" | "program" | "skipRepository"> = {},
): { readonly hook: string | undefined } {
  const { scope = "global", program = PROGRAM } = options;
  tryGit(folder, ["config", `--${scope}`, "--remove-section", SECTION]);
  if (repository === undefined || options.skipRepository) return { hook: undefined };
  const path = hookPath(folder);
  if (!existsSync(path) || readFileSync(path, "utf8") !== hookText(program)) {
    return { hook: undefined };
  }
  rmSync(path, { force: true });
  return { hook: path };
}

async function installHook(folder: string, program: string, force: boolean): Promise<string> {
  const path = hookPath(folder);
  const text = hookText(program);
  if (existsSync(path)) {
    const present = readFileSync(path, "utf8");
    if (present === text) return path;
    // A hook of git-lfs does the same job with another program; any other is the user's work.
    const isOfLfs = /^(#!.*\n)?(command -v git-lfs .*\n)?git[ -]lfs pre-push "\$@"\s*$/u.test(
      present,
    );
    if (!isOfLfs && !force) {
      throw new WaybillError("already_exists", `There is a ${HOOK} hook already: "${path}".`, {
        hint: `Add the line  ${program} pre-push "$@"  to it, or use --force to replace it.`,
      });
    }
  }
  mkdirSync(join(path, ".."), { recursive: true });
  await publishFile(path, async (file) => {
    await file.writeFile(text);
    await file.chmod(0o755);
  });
  return path;
}

function hookPath(folder: string): string {
  // Honours core.hooksPath, and work trees that share their hooks.
  return join(resolve(folder, git(folder, ["rev-parse", "--git-path", "hooks"]).trim()), HOOK);
}

function hookText(program: string): string {
  return `#!/bin/sh\n${program} pre-push "$@"\n`;
}
