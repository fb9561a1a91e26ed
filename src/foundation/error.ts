/** Every error code, a gRPC status name in snake case, with the exit code of the command line. */
const EXIT_CODES = {
  cancelled: 130,
  unknown: 1,
  invalid_argument: 2,
  deadline_exceeded: 8,
  not_found: 5,
  already_exists: 6,
  permission_denied: 4,
  resource_exhausted: 1,
  failed_precondition: 1,
  aborted: 6,
  out_of_range: 1,
  unimplemented: 1,
  internal: 1,
  unavailable: 8,
  data_loss: 7,
  unauthenticated: 4,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/**
 * The one error class. The message says what and where; the hint says how to fix it.
 * `code` is a gRPC status name, so that every protocol maps it in one place.
 */
export class WaybillError extends Error {
  override readonly name = "WaybillError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** Turns anything caught into a WaybillError; system errors get the code that fits them. */
  static from(caught: unknown): WaybillError {
    if (caught instanceof WaybillError) return caught;
    if (!(caught instanceof Error)) return new WaybillError("unknown", String(caught));
    if (caught.name === "AbortError") {
      return new WaybillError("cancelled", "Interrupted.", { cause: caught });
    }
    const systemCode = "code" in caught ? String(caught.code) : "";
    const known = SYSTEM_ERRORS[systemCode];
    if (known === undefined) {
      return new WaybillError("unknown", caught.message, { cause: caught });
    }
    return new WaybillError(known.code, caught.message, { hint: known.hint, cause: caught });
  }
}

/** Exit code of the command line for an error code. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

const SYSTEM_ERRORS: Readonly<Record<string, { code: ErrorCode; hint?: string }>> = {
  ENOENT: { code: "not_found", hint: "Check the path; is it relative to another folder?" },
  EACCES: { code: "permission_denied", hint: "Check the permissions of the file and its folder." },
  EPERM: { code: "permission_denied", hint: "Check the permissions of the file and its folder." },
  EEXIST: { code: "already_exists" },
  EISDIR: { code: "invalid_argument", hint: "A file is needed here, and this is a folder." },
  ENOTDIR: { code: "invalid_argument", hint: "A folder is needed here, and this is a file." },
  ENOSPC: { code: "resource_exhausted", hint: "The disk is full. Free some space and try again." },
  EDQUOT: { code: "resource_exhausted", hint: "The disk quota is used up." },
  EMFILE: { code: "resource_exhausted", hint: "Too many open files: raise the limit (ulimit -n)." },
  EROFS: { code: "failed_precondition", hint: "The file system is mounted read-only." },
  ECONNREFUSED: { code: "unavailable", hint: "Nothing answers there. Is the server running?" },
  ECONNRESET: { code: "unavailable" },
  ENOTFOUND: { code: "unavailable", hint: "The host name is not known." },
  ETIMEDOUT: { code: "deadline_exceeded" },
};
