import { type ErrorCode, WaybillError } from "../foundation/index.ts";

// Primary result codes of SQLite (sqlite3.h); the low byte of the extended code that Node reports.
const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT = 19;
const CONSTRAINT_PRIMARY_KEY = 1555;
const CONSTRAINT_UNIQUE = 2067;

const CODES: Readonly<Record<number, { code: ErrorCode; hint?: string }>> = {
  3: { code: "permission_denied" },
  [BUSY]: { code: "aborted", hint: "Another process is writing to it. Try again." },
  [LOCKED]: { code: "aborted", hint: "Another connection is writing to it. Try again." },
  8: {
    code: "failed_precondition",
    hint: "It is read only: check the file's permissions and the mode it was opened with.",
  },
  10: { code: "unavailable", hint: "The disk or network file system failed to read or write." },
  11: { code: "data_loss", hint: "Restore the file from a copy; nothing was written to it." },
  13: { code: "resource_exhausted", hint: "The disk is full. Free some space and try again." },
  14: { code: "not_found", hint: "Check the path, and the permissions of its folder." },
  18: { code: "invalid_argument" },
  23: { code: "permission_denied" },
  26: { code: "data_loss", hint: "The file is not an SQLite database, or it is encrypted." },
};

/** What SQLite threw, as a WaybillError that says which database; anything else comes back as it is. */
export function sqliteError(caught: unknown, location: string): unknown {
  const errcode = sqliteCode(caught);
  if (errcode === undefined || !(caught instanceof Error)) return caught;
  const known =
    errcode === CONSTRAINT_UNIQUE || errcode === CONSTRAINT_PRIMARY_KEY
      ? { code: "already_exists" as const, hint: undefined }
      : CODES[errcode & 0xff];
  return new WaybillError(
    known?.code ?? ((errcode & 0xff) === CONSTRAINT ? "invalid_argument" : "internal"),
    `Database "${location}": ${caught.message}.`,
    { hint: known?.hint, cause: caught },
  );
}

/** Whether the same statement may work a moment later. */
export function isBusy(caught: unknown): boolean {
  const primary = (sqliteCode(caught) ?? 0) & 0xff;
  return primary === BUSY || primary === LOCKED;
}

/** SQLite's extended result code, or undefined when the error is not SQLite's. */
export function sqliteCode(caught: unknown): number | undefined {
  return caught instanceof Error && "errcode" in caught && typeof caught.errcode === "number"
    ? caught.errcode
    : undefined;
}
