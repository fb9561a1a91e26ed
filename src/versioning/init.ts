import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import { stringifyConfig } from "./config.ts";
import { ignoredByGit, isInGit, runGit } from "./git.ts";
import { openRepo, type Repo } from "./repo.ts";

export interface InitOptions {
  /** Makes a repository that lives without git. */
  readonly noScm?: boolean;
}

const GITIGNORE = "/config.local\n/tmp\n/cache\n";
const DVCIGNORE = `# Add patterns of files dvc should ignore, which could improve
# the performance. Learn more at
# https://dvc.org/doc/user-guide/dvcignore
`;

/**
 * Makes a folder a dvc repository, as `dvc init` does: `.dvc/config`, `.dvc/.gitignore`, `.dvcignore`, and
 * with git these files staged.
 * @throws WaybillError `already_exists` when it is one, `failed_precondition` when git is not there or
 *   ignores `.dvc`
 */
export async function init(folder: string, options: InitOptions = {}): Promise<Repo> {
  const { noScm = false } = options;
  const root = resolve(folder);
  const dvcFolder = join(root, ".dvc");
  if (!existsSync(root)) {
    throw new WaybillError("not_found", `There is no folder "${root}".`);
  }
  if (!noScm && !(existsSync(join(root, ".git")) && (await isInGit(root)))) {
    throw new WaybillError(
      "failed_precondition",
      `"${root}" is not the root of a git repository.`,
      { hint: 'Run "git init" first, or version data without git: "waybill init --no-scm".' },
    );
  }
  if (!noScm && (await ignoredByGit(root, [".dvc/config"])).size > 0) {
    throw new WaybillError("failed_precondition", `git ignores "${dvcFolder}".`, {
      hint: 'Add a line "!.dvc" to .gitignore.',
    });
  }
  // The configuration is written last: a folder without one is what a killed init left, to be finished.
  if (existsSync(join(dvcFolder, "config"))) {
    throw new WaybillError("already_exists", `"${root}" is a dvc repository already.`, {
      hint: 'Look at it with "waybill status".',
    });
  }
  mkdirSync(join(dvcFolder, "tmp"), { recursive: true });
  const config = noScm ? new Map([["core", new Map([["no_scm", "True"]])]]) : new Map();
  if (!noScm) await writeFileAtomically(join(dvcFolder, ".gitignore"), GITIGNORE);
  if (!existsSync(join(root, ".dvcignore"))) {
    await writeFileAtomically(join(root, ".dvcignore"), DVCIGNORE);
  }
  await writeFileAtomically(join(dvcFolder, "config"), stringifyConfig(config));
  if (!noScm) await runGit(root, ["add", "--", ".dvc/config", ".dvc/.gitignore", ".dvcignore"]);
  return openRepo(root);
}
