export type LogLevel = "debug" | "info" | "warn";

/** Where a part says what it does: verb, object, numbers with units. Never secrets. */
export interface Log {
  log(level: LogLevel, message: string): void;
}

export const silentLog: Log = { log: () => {} };
