import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Progress, silentProgress, WaybillError } from "../../foundation/index.ts";
import {
  type Action,
  type BatchObject,
  connectServer,
  failResponse,
  type LfsServer,
  LfsServerError,
  type ObjectId,
} from "./api.ts";
import { defaultRemote, findEndpoint, type Operation } from "./endpoint.ts";
import { hasObject, linkObject, objectPath } from "./objects.ts";
import { openPartials, type Partials } from "./partial.ts";
import type { LfsRepository } from "./repository.ts";

const BATCH_SIZE = 100;
const CONCURRENCY = 8;
const RETRIES_MAX = 8;
/** A host that does not even answer is asked less often: nobody wants to wait half a minute for a typo. */
const SILENT_ROUNDS_MAX = 3;
const BACKOFF_MS = 250;
const WAIT_MS_MAX = 10_000;

/** Which remote to talk to, and how to tell of it. */
export interface TransferOptions {
  /** Default: the branch's remote. */
  readonly remote?: string | undefined;
  /** The branch that is pushed, for servers that decide by it. */
  readonly ref?: string | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/** What became of each object. */
export interface TransferResult {
  readonly transferred: readonly ObjectId[];
  readonly failed: readonly { readonly object: ObjectId; readonly error: WaybillError }[];
}

/**
 * Fetches objects that are not here. Unfinished ones are taken up where they ended, broken and refused
 * transfers are tried again (`lfs.transfer.maxretries`, waiting as the server asks); bytes count only when
 * their hash is right. Failures of single objects are in the result.
 */
export async function downloadObjects(
  repository: LfsRepository,
  objects: readonly ObjectId[],
  options: TransferOptions = {},
): Promise<TransferResult> {
  const wanted = unique(objects).filter(({ oid, size }) => !hasObject(repository, oid, size));
  if (wanted.length === 0) return { transferred: [], failed: [] };
  const remote = options.remote ?? defaultRemote(repository, "download");
  const endpoint = findEndpoint(repository, remote, "download");
  if (endpoint.kind === "folder") return copyFrom(repository, wanted, endpoint.storage);
  using server = connectServer(repository, endpoint);
  const partials = openPartials(repository);
  return await transferAll(repository, server, "download", wanted, options, (object, track) => {
    const action = object.actions.download;
    if (action === undefined) {
      throw new WaybillError("not_found", `The server does not offer ${object.oid}.`);
    }
    return download(server, partials, object, action, track, options.signal);
  });
}

/**
 * Sends objects that the remote lacks, each verified when the server asks for it.
 * @param objects those that are missing here are left out unless the remote lacks them: then they fail
 */
export async function uploadObjects(
  repository: LfsRepository,
  objects: readonly ObjectId[],
  options: TransferOptions = {},
): Promise<TransferResult> {
  const wanted = unique(objects);
  if (wanted.length === 0) return { transferred: [], failed: [] };
  const remote = options.remote ?? defaultRemote(repository, "upload");
  const endpoint = findEndpoint(repository, remote, "upload");
  if (endpoint.kind === "folder") return copyTo(repository, wanted, endpoint.storage);
  using server = connectServer(repository, endpoint);
  return await transferAll(repository, server, "upload", wanted, options, async (object, track) => {
    const action = object.actions.upload;
    // Nothing to do: the server has it.
    if (action === undefined) return false;
    if (!hasObject(repository, object.oid, object.size)) throw missingHere(object);
    await upload(repository, server, object, action, options.signal);
    if (object.actions.verify !== undefined) await verify(server, object, object.actions.verify);
    track(object.size);
    return true;
  });
}

type Track = (bytes: number) => void;

/** Transfers in rounds: each asks anew for what is left, so that no link is used when it has expired. */
async function transferAll(
  repository: LfsRepository,
  server: LfsServer,
  operation: Operation,
  wanted: readonly ObjectId[],
  options: TransferOptions,
  work: (object: BatchObject, track: Track) => Promise<boolean>,
): Promise<TransferResult> {
  const { config } = repository;
  const { progress = silentProgress, signal } = options;
  const batchSize = Math.max(config.count("lfs.transfer.batchsize", BATCH_SIZE), 1);
  const concurrency = Math.max(config.count("lfs.concurrenttransfers", CONCURRENCY), 1);
  const rounds = config.count("lfs.transfer.maxretries", RETRIES_MAX) + 1;
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  const label = operation === "download" ? "Downloading LFS objects" : "Uploading LFS objects";
  let done = 0;
  const track = (bytes: number) => {
    done += bytes;
    progress.report(label, done, total, "bytes");
  };
  const transferred: ObjectId[] = [];
  const failed: { object: ObjectId; error: WaybillError }[] = [];
  let left = wanted;
  for (let round = 0; left.length > 0; round++) {
    const again: ObjectId[] = [];
    let waitMs = Math.min(BACKOFF_MS * 2 ** round, WAIT_MS_MAX);
    const settle = (object: ObjectId, caught: unknown) => {
      const error = WaybillError.from(caught);
      if (error.code === "cancelled") throw error;
      if (round + 1 >= rounds || !isWorthRetrying(error)) {
        failed.push({ object, error });
        return;
      }
      if (error instanceof LfsServerError && error.retryAfterMs !== undefined) {
        waitMs = Math.max(waitMs, error.retryAfterMs);
      }
      again.push(object);
    };
    for (let at = 0; at < left.length; at += batchSize) {
      const group = left.slice(at, at + batchSize);
      let answered: readonly BatchObject[];
      try {
        answered = await server.batch(operation, group, options.ref, signal);
      } catch (caught) {
        const error = WaybillError.from(caught);
        // What is wrong with the whole, such as missing credentials, is not told once per object.
        const isSilent = !(error instanceof LfsServerError);
        const roundsMax = isSilent ? Math.min(rounds, SILENT_ROUNDS_MAX) : rounds;
        if (!isWorthRetrying(error) || round + 1 >= roundsMax) throw error;
        for (const object of group) settle(object, error);
        continue;
      }
      const byOid = new Map(answered.map((object) => [object.oid, object]));
      await eachLimited(group, concurrency, async (object) => {
        const answer = byOid.get(object.oid);
        try {
          signal?.throwIfAborted();
          if (answer === undefined) {
            throw new WaybillError("not_found", `The server says nothing of ${object.oid}.`);
          }
          if (answer.error !== undefined) {
            throw new LfsServerError(
              answer.error.code,
              `${object.oid}: ${answer.error.message} (${answer.error.code})`,
            );
          }
          if (await work({ ...answer, size: object.size }, track)) transferred.push(object);
        } catch (error) {
          settle(object, error);
        }
      });
    }
    left = again;
    if (left.length > 0) await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  }
  return { transferred, failed };
}

async function download(
  server: LfsServer,
  partials: Partials,
  object: ObjectId,
  action: Action,
  track: Track,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  using partial = partials.claim(object);
  if (partial.size < object.size || object.size === 0) {
    const range = partial.size > 0 ? { range: `bytes=${partial.size}-` } : {};
    const response = await server.transfer({
      method: "GET",
      url: action.href,
      headers: { ...action.header, ...range },
      signal,
    });
    const isRest =
      response.status === 206 &&
      String(response.headers["content-range"]).startsWith(`bytes ${partial.size}-`);
    if (response.status === 416 || (response.status === 206 && !isRest)) {
      partial.restart();
      await response.text().catch(() => "");
      throw new WaybillError("unavailable", `The server cannot go on with ${object.oid}.`);
    }
    if (response.status !== 200 && !isRest) await failResponse(response, hrefOf(action));
    if (!isRest) partial.restart();
    else track(partial.size);
    try {
      for await (const chunk of response.stream) {
        partial.append(chunk);
        track(chunk.length);
      }
    } catch (caught) {
      const error = WaybillError.from(caught);
      const isOurs =
        error === caught || error.code === "cancelled" || error.code === "resource_exhausted";
      if (isOurs) throw error;
      throw new WaybillError("unavailable", `The transfer of ${object.oid} broke off.`, {
        cause: caught,
      });
    }
  }
  partial.finish();
  return true;
}

async function upload(
  repository: LfsRepository,
  server: LfsServer,
  { oid, size }: ObjectId,
  action: Action,
  signal: AbortSignal | undefined,
): Promise<void> {
  const response = await server.transfer({
    method: "PUT",
    url: action.href,
    headers: { "content-type": "application/octet-stream", ...action.header },
    body: { path: objectPath(repository, oid), size },
    signal,
  });
  if (response.status < 200 || response.status > 299) await failResponse(response, hrefOf(action));
  await response.text();
}

async function verify(server: LfsServer, { oid, size }: ObjectId, action: Action): Promise<void> {
  const type = "application/vnd.git-lfs+json";
  const response = await server.transfer({
    method: "POST",
    url: action.href,
    headers: { accept: type, "content-type": type, ...action.header },
    body: JSON.stringify({ oid, size }),
  });
  if (response.status !== 200) await failResponse(response, hrefOf(action));
  await response.text();
}

function copyFrom(
  repository: LfsRepository,
  wanted: readonly ObjectId[],
  storage: string,
): TransferResult {
  const result = {
    transferred: [] as ObjectId[],
    failed: [] as { object: ObjectId; error: WaybillError }[],
  };
  const other = { ...repository, storage };
  for (const object of wanted) {
    if (hasObject(other, object.oid, object.size)) {
      rmSync(objectPath(repository, object.oid), { force: true });
      linkObject(repository, object.oid, objectPath(other, object.oid));
      result.transferred.push(object);
    } else {
      const message = `The object ${object.oid} does not exist in "${storage}".`;
      result.failed.push({ object, error: new WaybillError("not_found", message) });
    }
  }
  return result;
}

function copyTo(
  repository: LfsRepository,
  wanted: readonly ObjectId[],
  storage: string,
): TransferResult {
  const other = { ...repository, storage };
  const lacking = wanted.filter(({ oid, size }) => !hasObject(other, oid, size));
  const result = copyFrom(other, lacking, repository.storage);
  return {
    transferred: result.transferred,
    failed: result.failed.map(({ object }) => ({ object, error: missingHere(object) })),
  };
}

function missingHere({ oid }: ObjectId): WaybillError {
  return new WaybillError("not_found", `Neither this repository nor the remote has ${oid}.`, {
    hint: "Fetch it from where it is, or set lfs.allowincompletepush to push without it.",
  });
}

function isWorthRetrying(error: WaybillError): boolean {
  if (error instanceof LfsServerError) {
    return error.status === 429 || (error.status >= 500 && ![501, 507, 509].includes(error.status));
  }
  return (
    error.code === "unavailable" || error.code === "data_loss" || error.code === "deadline_exceeded"
  );
}

/** The address without its query, which may hold a signature. */
function hrefOf({ href }: Action): string {
  return href.replace(/[?#].*$/su, "");
}

function unique(objects: readonly ObjectId[]): readonly ObjectId[] {
  return [...new Map(objects.map((object) => [object.oid, object])).values()];
}

async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const workers = Array.from({ length: Math.min(limit, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  await Promise.all(workers);
}
