import { execFileSync } from "node:child_process";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { createRecorder, openMetadataStore, type Step } from "../metadata/index.ts";
import { type AddedVersion, add } from "./add.ts";
import { init } from "./init.ts";
import type { Repo } from "./repo.ts";

/** A fresh repository in a temporary folder, with a recorder over a store in memory. */
export interface RepoFixture extends AsyncDisposable {
  readonly folder: string;
  readonly repo: Repo;
  /** Runs a verb in a step of its own. */
  step<T>(body: (step: Step) => Promise<T>): Promise<T>;
  add(...paths: readonly string[]): Promise<readonly AddedVersion[]>;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  git(...args: readonly string[]): string;
}

/** Opens a fixture; with `git` it is a git repository too. */
export async function openRepoFixture(
  options: { readonly git?: boolean } = {},
): Promise<RepoFixture> {
  const temporary = await mkdtempDisposable(join(tmpdir(), "versioning-"));
  const folder = temporary.path;
  const metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata);
  const git = (...args: readonly string[]) => runGitIn(folder, args);
  if (options.git === true) git("init", "-q", "-b", "main");
  const repo = await init(folder, { noScm: options.git !== true });
  const step = async <T>(body: (step: Step) => Promise<T>) =>
    (await recorder.step("Version", {}, body)).value;
  return {
    folder,
    repo,
    step,
    add: (...paths) => step((open) => add(open, repo, paths)),
    write: (files) => writeFiles(folder, files),
    git,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]();
      await temporary.remove();
    },
  };
}

/** Writes files below a folder, making the folders they need. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Runs git as nobody in particular, and gives what it prints. */
export function runGitIn(folder: string, args: readonly string[]): string {
  return execFileSync("git", args, {
    cwd: folder,
    encoding: "utf8",
    env: {
      ...process.env,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_AUTHOR_NAME: "a",
      GIT_AUTHOR_EMAIL: "a@example.com",
      GIT_COMMITTER_NAME: "a",
      GIT_COMMITTER_EMAIL: "a@example.com",
    },
  });
}

/** Says whether an error is ours with this code, for `assert.rejects`. */
export function hasCode(wanted: string): (error: unknown) => boolean {
  return (error) => error instanceof WaybillError && error.code === wanted;
}
