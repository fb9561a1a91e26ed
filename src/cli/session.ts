import type { Log, LogLevel } from "../foundation/index.ts";
import type { TerminalProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What every command shares: how it was asked to talk, and what stops it. */
export interface Session {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** The project folder that was asked for by `--home` or WAYBILL_HOME, else undefined. */
  readonly home: string | undefined;
  /** Aborted by Ctrl-C, and when whoever reads stdout has gone. */
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
  readonly progress: TerminalProgress;
  readonly log: Log;
  /** What the command opened; the frame closes it after the answer was printed. */
  readonly resources: AsyncDisposableStack;
}

/** A log for people on stderr: one plain line each; without `verbose` warnings only. */
export function terminalLog(
  terminal: Terminal,
  { quiet, verbose }: { readonly quiet: boolean; readonly verbose: boolean },
): Log {
  const shown: Readonly<Record<LogLevel, boolean>> = {
    debug: verbose,
    info: verbose,
    warn: !quiet,
  };
  return {
    log: (level, message) => {
      if (!shown[level]) return;
      terminal.say(
        level === "warn" ? `${terminal.styleTalk("yellow", "warning:")} ${message}` : message,
      );
    },
  };
}
