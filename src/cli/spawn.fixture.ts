import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/** Types are stripped and modules compiled once for all the processes that tests start. */
const COMPILE_CACHE = join(tmpdir(), `waybill-test-compile-cache-${process.getuid?.() ?? 0}`);

/** What a run of the command line left behind. */
export interface Run {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends SIGINT when stderr or stdout first holds this text. */
  readonly interruptAt?: string | RegExp;
  /** What the command reads from standard input, which then stays open until it is interrupted. */
  readonly input?: string;
  /** Sends SIGINT when this settles. */
  readonly interruptWhen?: Promise<unknown>;
  /** Closes our end of stdout after this many bytes, as `head` does. */
  readonly closeStdoutAfterBytes?: number;
}

/** Runs the real command line from its source, as a process of its own. */
export async function waybill(words: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { WAYBILL_HOME: _home, FORCE_COLOR: _colour, ...environment } = process.env;
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: options.cwd ?? tmpdir(),
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...environment, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.write(options.input ?? "");
  void options.interruptWhen?.then(() => child.kill("SIGINT"));
  let stdout = "";
  let stderr = "";
  let interrupted = false;
  const look = () => {
    const { interruptAt } = options;
    if (interruptAt === undefined || interrupted) return;
    const seen = stdout + stderr;
    if (typeof interruptAt === "string" ? seen.includes(interruptAt) : interruptAt.test(seen)) {
      interrupted = true;
      child.kill("SIGINT");
    }
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (stdout.length >= (options.closeStdoutAfterBytes ?? Number.POSITIVE_INFINITY)) {
      child.stdout?.destroy();
    }
    look();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    look();
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { exitCode, stdout, stderr };
}

/** A folder of its own for a test, removed at the end of the scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "waybill-cli-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
