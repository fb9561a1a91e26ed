import { type ErrorCode, WaybillError } from "../foundation/index.ts";

/** A refusal whose HTTP status is finer than its code can say, for example 413 or 416. */
export class HttpError extends WaybillError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: {
      readonly hint?: string | undefined;
      readonly cause?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

interface Statuses {
  readonly http: number;
  readonly grpc: number;
}

/** The one table by which an error code becomes a status on the wire. */
const STATUSES: Readonly<Record<ErrorCode, Statuses>> = {
  cancelled: { http: 499, grpc: 1 },
  unknown: { http: 500, grpc: 2 },
  invalid_argument: { http: 400, grpc: 3 },
  deadline_exceeded: { http: 504, grpc: 4 },
  not_found: { http: 404, grpc: 5 },
  already_exists: { http: 409, grpc: 6 },
  permission_denied: { http: 403, grpc: 7 },
  resource_exhausted: { http: 429, grpc: 8 },
  failed_precondition: { http: 400, grpc: 9 },
  aborted: { http: 409, grpc: 10 },
  out_of_range: { http: 400, grpc: 11 },
  unimplemented: { http: 501, grpc: 12 },
  internal: { http: 500, grpc: 13 },
  unavailable: { http: 503, grpc: 14 },
  data_loss: { http: 500, grpc: 15 },
  unauthenticated: { http: 401, grpc: 16 },
};

/** The HTTP status of an error. A full disk is 507, not "too many requests". */
export function httpStatusOf(error: WaybillError): number {
  if (error instanceof HttpError) return error.status;
  if (isFullDisk(error)) return 507;
  return STATUSES[error.code].http;
}

/** The gRPC status number of an error. */
export function grpcStatusOf(error: WaybillError): number {
  return STATUSES[error.code].grpc;
}

/**
 * What a client may see of something caught. Errors that we worded pass; those of the system and of
 * mistakes in the code, which may name paths of this machine, become a sentence with the request's id.
 */
export function presentable(caught: unknown, requestId: string): WaybillError {
  if (caught instanceof WaybillError && !isSystemError(caught.cause, caught.message)) return caught;
  const failure = WaybillError.from(caught);
  if (failure.code === "cancelled") return new WaybillError("cancelled", "The request was ended.");
  if (isFullDisk(failure)) {
    return new WaybillError("resource_exhausted", "The server's disk is full.", { cause: caught });
  }
  return new WaybillError("internal", `Internal error; the log has it as request ${requestId}.`, {
    cause: caught,
  });
}

/** Whether an error only passes on what the system said, in the system's own words. */
function isSystemError(cause: unknown, message: string): boolean {
  return cause instanceof Error && "syscall" in cause && cause.message === message;
}

function isFullDisk(error: WaybillError): boolean {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && (cause.code === "ENOSPC" || cause.code === "EDQUOT")) return true;
  }
  return false;
}
