import { execFile } from "node:child_process";
import { WaybillError } from "../foundation/index.ts";

const OUTPUT_BYTES_MAX = 256 << 20;

/** What a run of git gave. */
export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs git in a folder, without a shell.
 * @returns undefined when there is no git on this machine
 */
export async function runGit(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly signal?: AbortSignal } = {},
): Promise<GitResult | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<GitResult | undefined>();
  const child = execFile(
    "git",
    args,
    {
      cwd: folder,
      encoding: "buffer",
      maxBuffer: OUTPUT_BYTES_MAX,
      // Reading never has a reason to write the index, and two readers would fight over its lock.
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C.UTF-8" },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
    (error, stdout, stderr) => {
      if (error === null) resolve({ exitCode: 0, stdout, stderr: stderr.toString() });
      else if (typeof error.code === "number") {
        resolve({ exitCode: error.code, stdout, stderr: stderr.toString() });
      } else if (String(error.code) === "ENOENT") resolve(undefined);
      else reject(WaybillError.from(error));
    },
  );
  // git may exit before it read its input; that is no failure of ours.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  return promise;
}

/** Whether a folder lies in a git work tree. */
export async function isInGit(folder: string): Promise<boolean> {
  const result = await runGit(folder, ["rev-parse", "--is-inside-work-tree"]);
  return result?.exitCode === 0 && result.stdout.toString().trim() === "true";
}

/** Of these paths (relative to the folder), those that git tracks, or that hold tracked files. */
export async function trackedByGit(
  folder: string,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const result = await runGit(folder, ["ls-files", "-z", "--", ...paths.map(literal)]);
  const files =
    result?.stdout
      .toString()
      .split("\0")
      .filter((file) => file !== "") ?? [];
  return new Set(
    paths.filter((path) => files.some((file) => file === path || file.startsWith(`${path}/`))),
  );
}

/** Of these paths (relative to the folder), those that git's ignore rules cover. */
export async function ignoredByGit(
  folder: string,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const input = paths.map((path) => `${path}\0`).join("");
  const result = await runGit(folder, ["check-ignore", "--no-index", "-z", "--stdin"], { input });
  return new Set(
    result?.stdout
      .toString()
      .split("\0")
      .filter((path) => path !== "") ?? [],
  );
}

/** A path that git does not take for a pattern. */
function literal(path: string): string {
  return `:(top,literal)${path}`;
}
