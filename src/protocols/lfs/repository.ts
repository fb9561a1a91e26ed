import { createHash } from "node:crypto";
import type { Resource } from "../../protection/index.ts";
import { HttpError } from "../../server/index.ts";
import type { ObjectStore } from "../../storage/index.ts";

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/u;
const OID = /^[0-9a-f]{64}$/u;

/** One repository's place in the server's store: `OWNER/REPOSITORY`, a trailing `.git` left out. */
export interface Repository {
  readonly name: string;
  readonly store: ObjectStore;
}

/**
 * The repository that a path names.
 * @throws HttpError 404 for a name that no repository can have
 */
export function repositoryOf(
  store: ObjectStore,
  params: { readonly owner: string; readonly repository: string },
): Repository {
  return { name: nameOf(params), store };
}

/** What access to a repository is decided on. */
export function resourceOf(params: {
  readonly owner: string;
  readonly repository: string;
}): Resource {
  return { kind: "lfs", name: nameOf(params) };
}

/** Whether a text is an object id as the protocol has them: SHA-256 in 64 lower-case hex digits. */
export function isOid(oid: unknown): oid is string {
  return typeof oid === "string" && OID.test(oid);
}

/** The size of a stored object, or undefined. */
export async function sizeOf(repository: Repository, oid: string): Promise<number | undefined> {
  return (await repository.store.stat(keyOf(repository, oid)))?.sizeBytes;
}

/**
 * Stores an object whose bytes stream in, hashing them on the way: it appears when they are the ones that
 * the id names, else not at all. Writers of one object at a time do not disturb each other.
 * @throws HttpError 422 when the bytes are others
 */
export async function putObject(
  repository: Repository,
  oid: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const checked = verified(oid, content, (found, sizeBytes) => {
    throw new HttpError(
      422,
      "invalid_argument",
      `The ${sizeBytes} bytes that came have the id ${found}, not ${oid}.`,
      { hint: "The local object is damaged, or the transfer was: run git lfs fsck, push again." },
    );
  });
  return (await repository.store.put(keyOf(repository, oid), checked, { signal })).sizeBytes;
}

/**
 * Streams an object. A whole one is hashed on the way, its last chunk held back until the hash is found
 * right, so that damage on disk ends as a cut-off answer and never as wrong bytes.
 * @throws HttpError 500 `data_loss`
 */
export function readObject(
  repository: Repository,
  oid: string,
  range: { readonly start: number; readonly length: number } | undefined,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const key = keyOf(repository, oid);
  if (range !== undefined) return repository.store.get(key, { ...range, signal });
  return verified(oid, repository.store.get(key, { signal }), (found) => {
    throw new HttpError(500, "data_loss", `The stored object ${oid} is damaged (it is ${found}).`);
  });
}

/** Passes chunks on, each once the next is there; the last only when the whole has the wanted hash. */
async function* verified(
  oid: string,
  content: AsyncIterable<Uint8Array>,
  complain: (found: string, sizeBytes: number) => never,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let held: Uint8Array | undefined;
  let sizeBytes = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (held !== undefined) yield held;
    held = chunk;
  }
  const found = hash.digest("hex");
  if (found !== oid) complain(found, sizeBytes);
  if (held !== undefined) yield held;
}

/** Where an object of the repository lies in the store. */
export function objectKey(repository: string, oid: string): string {
  return `${repository}/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`;
}

function keyOf(repository: Repository, oid: string): string {
  return objectKey(repository.name, oid);
}

function nameOf(params: { readonly owner: string; readonly repository: string }): string {
  const repository = params.repository.replace(/\.git$/u, "");
  if (NAME.test(params.owner) && NAME.test(repository)) return `${params.owner}/${repository}`;
  throw new HttpError(404, "not_found", "There is no such repository.", {
    hint: "The address is /lfs/OWNER/REPOSITORY; names have letters, digits, and . _ -",
  });
}
