import { exitCodeOf, WaybillError } from "../foundation/index.ts";
import { printable, printableLines } from "./format.ts";
import type { Terminal } from "./terminal.ts";

/** The document that `--json` gives for a failure. */
export interface FailureDocument {
  readonly error: {
    readonly code: string;
    readonly exitCode: number;
    readonly message: string;
    readonly hint?: string;
  };
}

/** Whatever was thrown as the error that is shown: system errors say what and where in words. */
export function explain(caught: unknown): WaybillError {
  if (caught instanceof WaybillError) return caught;
  const blocked = blockedFolder(caught);
  if (blocked !== undefined) return blocked;
  const error = WaybillError.from(caught);
  const message = caught instanceof Error ? systemMessage(caught) : undefined;
  if (message !== undefined) {
    return new WaybillError(error.code, message, { hint: error.hint, cause: caught });
  }
  if (!isBug(caught)) return error;
  return new WaybillError("internal", `Unexpected: ${error.message}`, {
    hint: "This is a fault in waybill. Run it again with --verbose and report what it prints.",
    cause: caught,
  });
}

/** The document of a failure and the exit code that goes with it. */
export function documentOf(error: WaybillError): FailureDocument {
  const { code, message, hint } = error;
  return {
    error: { code, exitCode: exitCodeOf(code), message, ...(hint === undefined ? {} : { hint }) },
  };
}

/** Says on stderr what went wrong and what to do; with `verbose` where in the code as well. */
export function sayFailure(terminal: Terminal, error: WaybillError, verbose: boolean): void {
  const lines = [
    `${terminal.styleTalk(["bold", "red"], "error:")} ${printableLines(error.message)}`,
  ];
  if (error.hint !== undefined) {
    lines.push(`${terminal.styleTalk("cyan", "hint:")} ${printableLines(error.hint)}`);
  }
  if (verbose) lines.push(...stacksOf(error));
  terminal.say(lines.join("\n"));
}

function stacksOf(error: WaybillError): string[] {
  const stacks = [];
  let current: unknown = error;
  // A chain of causes can be a ring; ten links are more than anyone reads.
  for (let depth = 0; depth < 10 && current instanceof Error; depth++) {
    stacks.push(printableLines(`${depth === 0 ? "" : "caused by: "}${current.stack}`));
    current = current.cause;
  }
  return stacks;
}

/** A folder that cannot be made because a file has its name is a wrong path, not a conflict. */
function blockedFolder(caught: unknown): WaybillError | undefined {
  if (!(caught instanceof Error)) return undefined;
  const { code, syscall, path }: NodeJS.ErrnoException = caught;
  if (code !== "EEXIST" || syscall !== "mkdir") return undefined;
  return new WaybillError(
    "invalid_argument",
    `"${printable(path ?? "")}" is a file, and a folder is needed there.`,
    { hint: "Choose another path.", cause: caught },
  );
}

const SYSTEM_SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: "No such file or folder",
  EACCES: "No permission",
  EPERM: "Not permitted",
  EEXIST: "Exists already",
  EISDIR: "This is a folder, not a file",
  ENOTDIR: "This is a file, not a folder",
  ENOSPC: "No space left on the disk",
  EROFS: "The file system is read-only",
};

function systemMessage(error: Error): string | undefined {
  const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  const sentence = code === undefined ? undefined : SYSTEM_SENTENCES[code];
  if (sentence === undefined) return undefined;
  if (path === undefined) return `${sentence}.`;
  const to = dest === undefined ? "" : ` (to "${printable(dest)}")`;
  return `${sentence}: "${printable(path)}"${to}.`;
}

/** Errors that only a fault of ours raises. */
function isBug(caught: unknown): boolean {
  return (
    caught instanceof TypeError ||
    caught instanceof ReferenceError ||
    caught instanceof RangeError ||
    (caught instanceof Error && caught.name === "AssertionError")
  );
}
