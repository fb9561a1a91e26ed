import { HttpError } from "../../server/index.ts";
import { isOid, type Repository, sizeOf } from "./repository.ts";

const OBJECTS_MAX = 10_000;
const STATS_AT_ONCE = 16;

/** A batch request, checked as far as it concerns the whole. */
export interface BatchRequest {
  readonly operation: "download" | "upload";
  readonly objects: readonly WantedObject[];
}

/** One object of a batch as it was sent; what is wrong with it is told in its place of the answer. */
export interface WantedObject {
  readonly oid: string;
  readonly size: number;
}

interface Link {
  readonly href: string;
}

/** One object of the answer: what to do, nothing (it is there already), or why not. */
export interface AnsweredObject extends WantedObject {
  readonly actions?: Readonly<Record<string, Link>>;
  readonly error?: { readonly code: number; readonly message: string };
}

/**
 * Reads the body of a batch request.
 * @throws HttpError 422 for what is no batch, 409 for another hash, 413 for too many objects
 */
export function parseBatch(body: unknown): BatchRequest {
  const { operation, transfers, objects, hash_algo: hashAlgorithm = "sha256" } = Object(body);
  if (operation !== "download" && operation !== "upload") {
    throw invalid(`The operation ${JSON.stringify(operation)} is neither download nor upload.`);
  }
  if (hashAlgorithm !== "sha256") {
    throw new HttpError(409, "failed_precondition", "Objects are named by sha256 here.");
  }
  if (Array.isArray(transfers) && transfers.length > 0 && !transfers.includes("basic")) {
    throw invalid("Only the transfer adapter basic is served.");
  }
  if (!Array.isArray(objects)) throw invalid("The batch has no list of objects.");
  if (objects.length > OBJECTS_MAX) {
    throw new HttpError(413, "resource_exhausted", `A batch has at most ${OBJECTS_MAX} objects.`);
  }
  return {
    operation,
    objects: objects.map((object: unknown) => {
      const { oid, size } = Object(object);
      return {
        oid: typeof oid === "string" ? oid : "",
        size: typeof size === "number" ? size : -1,
      };
    }),
  };
}

/**
 * Says for each object how it is transferred.
 * @param options.base where the repository is served, for the links
 * @param options.objectBytesMax larger ones are not taken
 */
export async function answerBatch(
  repository: Repository,
  request: BatchRequest,
  options: { readonly base: string; readonly objectBytesMax: number },
): Promise<readonly AnsweredObject[]> {
  const answered: AnsweredObject[] = [];
  for (let at = 0; at < request.objects.length; at += STATS_AT_ONCE) {
    const group = request.objects.slice(at, at + STATS_AT_ONCE);
    answered.push(
      ...(await Promise.all(
        group.map((object) => answerObject(repository, request, object, options)),
      )),
    );
  }
  return answered;
}

async function answerObject(
  repository: Repository,
  { operation }: BatchRequest,
  { oid, size }: WantedObject,
  { base, objectBytesMax }: { readonly base: string; readonly objectBytesMax: number },
): Promise<AnsweredObject> {
  const refuse = (code: number, message: string) => ({ oid, size, error: { code, message } });
  if (!isOid(oid)) return refuse(422, "The oid is not 64 lower-case hex digits.");
  if (!Number.isSafeInteger(size) || size < 0) return refuse(422, "The size is not one.");
  const stored = await sizeOf(repository, oid);
  if (stored !== undefined && stored !== size) {
    return refuse(422, `The object has ${stored} bytes, not ${size}.`);
  }
  const href = `${base}/objects/${oid}`;
  if (operation === "download") {
    if (stored === undefined) return refuse(404, "The object does not exist on the server.");
    return { oid, size, actions: { download: { href } } };
  }
  if (stored !== undefined) return { oid, size };
  if (size > objectBytesMax) {
    return refuse(422, `The server takes objects of at most ${objectBytesMax} bytes.`);
  }
  return { oid, size, actions: { upload: { href }, verify: { href: `${base}/verify` } } };
}

function invalid(message: string): HttpError {
  return new HttpError(422, "invalid_argument", message);
}
