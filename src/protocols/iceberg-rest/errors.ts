import { type ErrorCode, WaybillError } from "../../foundation/index.ts";
import { type ErrorBody, HttpError, httpStatusOf } from "../../server/index.ts";

/**
 * An error as the clients of an Iceberg catalog tell it apart: by the name of a Java exception.
 * Source: Apache Iceberg REST catalog specification, "IcebergErrorResponse".
 */
export class CatalogError extends HttpError {
  readonly type: string;

  constructor(status: number, code: ErrorCode, type: string, message: string, cause?: unknown) {
    super(status, code, message, { cause });
    this.type = type;
  }
}

/** What is meant when a door says `not_found`. */
export type Missing = "table" | "namespace" | "view";

const MISSING_TYPES: Readonly<Record<Missing, string>> = {
  table: "NoSuchTableException",
  namespace: "NoSuchNamespaceException",
  view: "NoSuchViewException",
};

/** Runs the call of a door, and words its errors for the catalog's clients. */
export async function worded<T>(missing: Missing, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (caught) {
    throw catalogError(missing, caught);
  }
}

function catalogError(missing: Missing, caught: unknown): unknown {
  if (!(caught instanceof WaybillError) || caught instanceof HttpError) return caught;
  const { code, message } = caught;
  switch (code) {
    case "not_found":
      return new CatalogError(404, code, MISSING_TYPES[missing], message, caught);
    case "already_exists":
      return new CatalogError(409, code, "AlreadyExistsException", message, caught);
    case "aborted":
      return new CatalogError(409, code, "CommitFailedException", message, caught);
    case "failed_precondition":
      return new CatalogError(409, code, "NamespaceNotEmptyException", message, caught);
    case "unimplemented":
      return new CatalogError(406, code, "UnsupportedOperationException", message, caught);
    default:
      return caught;
  }
}

/** A request that makes no sense. */
export function badRequest(message: string, cause?: unknown): CatalogError {
  return new CatalogError(400, "invalid_argument", "BadRequestException", message, cause);
}

/** Words every error of the frame and of handlers as the specification's envelope. */
export const catalogErrorBody: ErrorBody = (error, { status }) => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    error: {
      message: error.hint === undefined ? error.message : `${error.message} ${error.hint}`,
      type: error instanceof CatalogError ? error.type : typeOf(status),
      code: httpStatusOf(error),
    },
  }),
});

function typeOf(status: number): string {
  switch (status) {
    case 400:
      return "BadRequestException";
    case 401:
      return "NotAuthorizedException";
    case 403:
      return "ForbiddenException";
    case 404:
      return "NotFoundException";
    case 406:
    case 501:
      return "UnsupportedOperationException";
    case 409:
      return "CommitFailedException";
    case 503:
      return "ServiceUnavailableException";
    default:
      return status < 500 ? "BadRequestException" : "InternalServerError";
  }
}
