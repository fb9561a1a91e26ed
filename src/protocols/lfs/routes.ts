import { type Clock, systemClock } from "../../foundation/index.ts";
import { authorize } from "../../protection/index.ts";
import {
  defineRoute,
  type ErrorBody,
  HttpError,
  jsonResponse,
  type Route,
  type RouteRequest,
  type RouteResponse,
} from "../../server/index.ts";
import type { ObjectStore } from "../../storage/index.ts";
import { answerBatch, parseBatch } from "./batch.ts";
import { openLocks } from "./locks.ts";
import { parseRange } from "./range.ts";
import { isOid, putObject, readObject, repositoryOf, resourceOf, sizeOf } from "./repository.ts";

const MEDIA_TYPE = "application/vnd.git-lfs+json";
const OBJECT_BYTES_MAX = 1024 ** 4;
const BATCH_BYTES_MAX = 4 << 20;

/** What the routes serve. */
export interface LfsOptions {
  /** Where all repositories lie, each below `OWNER/REPOSITORY/`. */
  readonly store: ObjectStore;
  /** Default 1 TiB. */
  readonly objectBytesMax?: number;
  readonly clock?: Clock;
  /** Told of each object that has become durable, before its upload is answered. */
  readonly onUpload?: (upload: Upload) => Promise<void>;
}

/** An object that was uploaded. */
export interface Upload {
  readonly repository: string;
  readonly principal: string;
  readonly oid: string;
  readonly sizeBytes: number;
}

/**
 * The Git LFS server API: batch, basic transfers, verify and locks, for `lfs.url` =
 * `http://HOST:PORT/lfs/OWNER/REPOSITORY`.
 * Source: git-lfs, docs/api (batch.md, basic-transfers.md, locking.md).
 */
export function lfsRoutes(options: LfsOptions): readonly Route[] {
  const { store } = options;
  const objectBytesMax = options.objectBytesMax ?? OBJECT_BYTES_MAX;
  const clock = options.clock ?? systemClock;
  const resource = resourceOf;
  const errorBody = lfsError;
  const locksOf = (params: { readonly owner: string; readonly repository: string }) =>
    openLocks(repositoryOf(store, params), clock);

  return [
    defineRoute({
      method: "POST",
      path: "/lfs/:owner/:repository/objects/batch",
      action: "read",
      resource,
      errorBody,
      bodyBytesMax: BATCH_BYTES_MAX,
      handler: async (request) => {
        checkAccept(request);
        const batch = parseBatch(await request.json());
        if (batch.operation === "upload") {
          authorize(request.caller, "write", resourceOf(request.params));
        }
        const repository = repositoryOf(store, request.params);
        const base = `${request.origin}/lfs/${repository.name}`;
        const objects = await answerBatch(repository, batch, { base, objectBytesMax });
        return lfsResponse({ transfer: "basic", objects, hash_algo: "sha256" });
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/lfs/:owner/:repository/objects/:oid",
      action: "write",
      resource,
      errorBody,
      bodyBytesMax: objectBytesMax,
      handler: async ({ params, body, signal, caller }) => {
        const repository = repositoryOf(store, params);
        const oid = oidIn(params);
        const sizeBytes = await putObject(repository, oid, body(), signal);
        await options.onUpload?.({
          repository: repository.name,
          principal: caller.principal,
          oid,
          sizeBytes,
        });
        return { status: 200 };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/lfs/:owner/:repository/objects/:oid",
      action: "read",
      resource,
      errorBody,
      handler: (request) => download(store, request),
    }),
    defineRoute({
      method: "POST",
      path: "/lfs/:owner/:repository/verify",
      action: "read",
      resource,
      errorBody,
      handler: async (request) => {
        const { oid, size } = Object(await request.json());
        if (!isOid(oid)) throw new HttpError(422, "invalid_argument", "The oid is not one.");
        const stored = await sizeOf(repositoryOf(store, request.params), oid);
        if (stored === undefined) throw missing(oid);
        if (stored !== size) {
          throw new HttpError(422, "invalid_argument", `The object has ${stored} bytes.`);
        }
        return lfsResponse({});
      },
    }),
    defineRoute({
      method: "POST",
      path: "/lfs/:owner/:repository/locks",
      action: "write",
      resource,
      errorBody,
      handler: async (request) => {
        const { path } = Object(await request.json());
        const { lock, isNew } = await locksOf(request.params).take(path, request.caller.principal);
        if (isNew) return lfsResponse({ lock }, 201);
        return lfsResponse({ lock, message: `${lock.owner.name} has locked this path.` }, 409);
      },
    }),
    defineRoute({
      method: "GET",
      path: "/lfs/:owner/:repository/locks",
      action: "read",
      resource,
      errorBody,
      handler: async ({ params, query }) => {
        const of = (name: string) => query.get(name) ?? undefined;
        const page = { path: of("path"), id: of("id"), cursor: of("cursor"), limit: of("limit") };
        return lfsResponse(await locksOf(params).list(page));
      },
    }),
    defineRoute({
      method: "POST",
      path: "/lfs/:owner/:repository/locks/verify",
      action: "write",
      resource,
      errorBody,
      handler: async (request) => {
        const { cursor, limit } = Object(await request.json());
        const page = await locksOf(request.params).list({
          cursor: typeof cursor === "string" && cursor !== "" ? cursor : undefined,
          limit: typeof limit === "number" && limit > 0 ? limit : undefined,
        });
        const isOurs = ({ owner }: { owner: { name: string } }) =>
          owner.name === request.caller.principal;
        return lfsResponse({
          ours: page.locks.filter(isOurs),
          theirs: page.locks.filter((lock) => !isOurs(lock)),
          ...(page.next_cursor === undefined ? {} : { next_cursor: page.next_cursor }),
        });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/lfs/:owner/:repository/locks/:id/unlock",
      action: "write",
      resource,
      errorBody,
      handler: async (request) => {
        const { force } = Object(await request.json());
        const { id } = request.params;
        const { principal } = request.caller;
        const lock = await locksOf(request.params).release(id, principal, force === true);
        return lfsResponse({ lock });
      },
    }),
  ];
}

type ObjectRequest = RouteRequest<{
  readonly owner: string;
  readonly repository: string;
  readonly oid: string;
}>;

async function download(store: ObjectStore, request: ObjectRequest): Promise<RouteResponse> {
  const { params, headers, signal } = request;
  const repository = repositoryOf(store, params);
  const { oid } = params;
  const size = isOid(oid) ? await sizeOf(repository, oid) : undefined;
  if (size === undefined) throw missing(oid);
  const etag = `"${oid}"`;
  const common = {
    etag,
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "cache-control": "private, max-age=31536000, immutable",
  };
  if (headers["if-none-match"] === etag) return { status: 304, headers: common };
  const isStale = headers["if-range"] !== undefined && headers["if-range"] !== etag;
  const range = isStale ? undefined : parseRange(headers.range, size);
  if (range === "unsatisfiable") {
    throw new HttpError(416, "out_of_range", `The object has ${size} bytes.`, {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  const body = readObject(repository, oid, range, signal);
  if (range === undefined) {
    return { headers: { ...common, "content-length": String(size) }, body };
  }
  const last = range.start + range.length - 1;
  return {
    status: 206,
    headers: {
      ...common,
      "content-length": String(range.length),
      "content-range": `bytes ${range.start}-${last}/${size}`,
    },
    body,
  };
}

function checkAccept({
  headers,
}: {
  readonly headers: { readonly accept?: string | undefined };
}): void {
  const accepted = (headers.accept ?? "*/*").split(",").map((type) => type.split(";")[0]?.trim());
  const answered = ["*/*", "application/*", MEDIA_TYPE];
  if (accepted.some((type) => type !== undefined && answered.includes(type))) return;
  throw new HttpError(406, "invalid_argument", `The answer is ${MEDIA_TYPE}.`);
}

function oidIn({ oid }: { readonly oid: string }): string {
  if (isOid(oid)) return oid;
  throw new HttpError(422, "invalid_argument", "The oid is not 64 lower-case hex digits.");
}

function missing(oid: string): HttpError {
  const name = JSON.stringify(oid.slice(0, 64));
  return new HttpError(404, "not_found", `The object ${name} does not exist on the server.`);
}

function lfsResponse(value: unknown, status = 200): RouteResponse {
  return jsonResponse(value, { status, headers: { "content-type": MEDIA_TYPE } });
}

/** An error in the protocol's form; git-lfs shows its message. */
const lfsError: ErrorBody = (error, { status, requestId }) => {
  const message = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
  const challenge = status === 401 ? { "lfs-authenticate": 'Basic realm="Waybill"' } : {};
  return jsonResponse(
    { message, request_id: requestId },
    { headers: { "content-type": MEDIA_TYPE, ...challenge } },
  );
};
