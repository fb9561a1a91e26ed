import { packageVersion } from "../foundation/index.ts";

/**
 * The command line: runs one command and sets `process.exitCode`. Only what `--version` needs is loaded
 * before the words are looked at.
 */
export async function main(argv: readonly string[]): Promise<void> {
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    process.stdout.write(`${packageVersion()}\n`);
    return;
  }
  const { runCommandLine } = await import("./run.ts");
  process.exitCode = await runCommandLine(argv);
}

if (import.meta.main) void main(process.argv.slice(2));
