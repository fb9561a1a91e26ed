import { spawn, spawnSync } from "node:child_process";
import { isAbsolute, join, resolve } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import { type GitConfig, readConfig } from "./config.ts";

const OUTPUT_BYTES_MAX = 1 << 30;

/** A git repository as Git LFS sees it. */
export interface LfsRepository {
  /** The work tree, or undefined in a bare repository. */
  readonly workTree: string | undefined;
  /** Where this work tree's index and HEAD are. */
  readonly gitDir: string;
  /** What all work trees share. */
  readonly commonDir: string;
  /** Where objects, unfinished downloads and temporary files lie: `.git/lfs`, or `lfs.storage`. */
  readonly storage: string;
  readonly config: GitConfig;
}

/**
 * Opens the repository that a folder lies in.
 * @throws WaybillError `failed_precondition` outside of a repository or without git
 */
export function openLfsRepository(folder: string): LfsRepository {
  const args = ["--git-dir", "--git-common-dir", "--is-bare-repository", "--show-toplevel"];
  const shown = tryGit(folder, ["rev-parse", ...args]);
  const [gitDir = "", commonDir = "", isBare = "", topLevel = ""] = shown.stdout.split("\n");
  // A bare repository has no top level: git says so after it has answered the rest.
  if (shown.exitCode !== 0 && isBare !== "true") throw gitFailed(["rev-parse"], shown.stderr);
  const absoluteCommonDir = resolve(folder, commonDir);
  const workTree = isBare === "true" ? undefined : resolve(folder, topLevel);
  const config = readConfig(folder, workTree);
  const configured = config.get("lfs.storage") ?? "";
  const storage =
    configured === ""
      ? join(absoluteCommonDir, "lfs")
      : isAbsolute(configured)
        ? configured
        : join(absoluteCommonDir, configured);
  return {
    workTree,
    gitDir: resolve(folder, gitDir),
    commonDir: absoluteCommonDir,
    storage,
    config,
  };
}

/** The folder in which git commands for the repository run. */
export function folderOf(repository: LfsRepository): string {
  return repository.workTree ?? repository.gitDir;
}

/**
 * Runs git and returns what it printed.
 * @throws WaybillError `failed_precondition` with git's words when it fails
 */
export function git(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  const result = tryGit(folder, args, options);
  if (result.exitCode === 0) return result.stdout;
  throw gitFailed(args, result.stderr);
}

/** Runs git and returns what came of it, for commands whose failing is an answer. */
export function tryGit(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly env?: NodeJS.ProcessEnv } = {},
): { readonly exitCode: number; readonly stdout: string; readonly stderr: string } {
  const result = spawnSync("git", args, {
    cwd: folder,
    maxBuffer: OUTPUT_BYTES_MAX,
    env: { ...process.env, ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (result.error !== undefined) {
    const isMissing = "code" in result.error && result.error.code === "ENOENT";
    if (!isMissing) throw WaybillError.from(result.error);
    throw new WaybillError("failed_precondition", "There is no git on this machine.", {
      hint: "Install git, and make sure that it is on the PATH.",
    });
  }
  return {
    exitCode: result.status ?? 1,
    stdout: result.stdout.toString(),
    stderr: result.stderr.toString(),
  };
}

/**
 * Streams what git prints. What is fed to it may be produced while its output is read.
 * @throws WaybillError `failed_precondition` when git fails, after all that it printed
 */
export async function* streamGit(
  folder: string,
  args: readonly string[],
  input?: AsyncIterable<string>,
): AsyncGenerator<Buffer> {
  const child = spawn("git", args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<number>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 1));
  });
  // Awaited below; a failure to start must not count as unhandled meanwhile.
  ended.catch(() => {});
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4096);
  });
  // git may end before it has read all: that shows in its exit code.
  child.stdin.on("error", () => {});
  const fed = feed(child.stdin, input);
  fed.catch(() => child.kill());
  try {
    yield* child.stdout;
    await fed;
    if ((await ended) !== 0) throw gitFailed(args, complaint);
  } finally {
    child.kill();
  }
}

async function feed(
  stdin: NodeJS.WritableStream,
  input: AsyncIterable<string> | undefined,
): Promise<void> {
  for await (const text of input ?? []) {
    if (!stdin.writable) return;
    if (!stdin.write(text)) {
      await new Promise<void>((go) => {
        stdin.once("drain", go);
        stdin.once("close", go);
      });
    }
  }
  stdin.end();
}

function gitFailed(args: readonly string[], complaint: string): WaybillError {
  const said = complaint.trim().split("\n").slice(-3).join(" ");
  const isOutside = /not a git repository/u.test(said);
  return new WaybillError("failed_precondition", `git ${args[0] ?? ""} failed: ${said}`, {
    hint: isOutside ? 'Go into a repository, or make one with "git init".' : undefined,
  });
}
