import { randomBytes } from "node:crypto";
import { type Clock, digestOf, WaybillError } from "../../foundation/index.ts";
import { HttpError } from "../../server/index.ts";
import type { Repository } from "./repository.ts";

const PATH_BYTES_MAX = 4096;
const PAGE_DEFAULT = 100;
const PAGE_MAX = 1000;
const LOCK_BYTES_MAX = 16 << 10;

/** A lock as the protocol shows it. */
export interface Lock {
  readonly id: string;
  readonly path: string;
  readonly locked_at: string;
  readonly owner: { readonly name: string };
}

/** A page of locks; a cursor is there when more follow. */
export interface LockPage {
  readonly locks: readonly Lock[];
  readonly next_cursor?: string;
}

/**
 * The locks of repositories, each an object of the store named by its path's hash: that a path has one
 * lock is the store's `ifAbsent`, and holds for several servers on one store. A lock's id starts
 * with that hash, so that it is found without a search.
 */
export interface Locks {
  /** @returns the new lock, or the one that is in the way */
  take(path: unknown, owner: string): Promise<{ readonly lock: Lock; readonly isNew: boolean }>;
  /** Pages through the locks in a fixed order, each once. */
  list(options: {
    readonly path?: string | undefined;
    readonly id?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: string | number | undefined;
  }): Promise<LockPage>;
  /**
   * Ends a lock.
   * @throws HttpError 404 when there is none, 403 when it is another's and `force` is not set
   */
  release(id: string, owner: string, force: boolean): Promise<Lock>;
}

/** Opens a repository's locks. */
export function openLocks(repository: Repository, clock: Clock): Locks {
  const { store } = repository;
  const folder = `${repository.name}/locks/`;
  const keyOf = (hash: string) => `${folder}${hash}.json`;

  async function read(hash: string): Promise<Lock | undefined> {
    const key = keyOf(hash);
    let size = 0;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of store.get(key)) {
        size += chunk.length;
        if (size > LOCK_BYTES_MAX) throw damaged(key);
        chunks.push(chunk);
      }
    } catch (error) {
      const failure = WaybillError.from(error);
      if (failure.code === "not_found") return undefined;
      throw failure;
    }
    return parseLock(Buffer.concat(chunks).toString(), key);
  }

  return {
    async take(pathGiven, owner) {
      const path = parsePath(pathGiven);
      const hash = digestOf("sha256", path).slice(0, 32);
      const lock: Lock = {
        id: `${hash}-${randomBytes(6).toString("hex")}`,
        path,
        locked_at: new Date(clock.nowMs()).toISOString(),
        owner: { name: owner },
      };
      for (;;) {
        try {
          await store.put(keyOf(hash), Buffer.from(JSON.stringify(lock)), { ifAbsent: true });
          return { lock, isNew: true };
        } catch (error) {
          const failure = WaybillError.from(error);
          if (failure.code !== "already_exists") throw failure;
        }
        const existing = await read(hash);
        // Gone in between: then it is free, and trying again ends either way.
        if (existing !== undefined) return { lock: existing, isNew: false };
      }
    },

    async list({ path, id, cursor, limit }) {
      const count = Math.min(Math.max(Math.trunc(Number(limit ?? PAGE_DEFAULT)) || 1, 1), PAGE_MAX);
      if (path !== undefined || id !== undefined) {
        const hash = id === undefined ? digestOf("sha256", path ?? "").slice(0, 32) : hashIn(id);
        const lock = hash === undefined ? undefined : await read(hash);
        const fits =
          lock !== undefined &&
          (id === undefined || lock.id === id) &&
          (path === undefined || lock.path === path);
        return { locks: fits ? [lock] : [] };
      }
      const locks: Lock[] = [];
      let last = "";
      for await (const { key } of store.list(folder)) {
        const hash = key.slice(folder.length).replace(/\.json$/u, "");
        if (cursor !== undefined && hash <= cursor) continue;
        if (locks.length === count) return { locks, next_cursor: last };
        const lock = await read(hash);
        if (lock === undefined) continue;
        locks.push(lock);
        last = hash;
      }
      return { locks };
    },

    async release(id, owner, force) {
      const hash = hashIn(id);
      const lock = hash === undefined ? undefined : await read(hash);
      if (hash === undefined || lock?.id !== id) {
        throw new HttpError(404, "not_found", "There is no such lock.");
      }
      if (lock.owner.name !== owner && !force) {
        throw new HttpError(403, "permission_denied", `The lock is ${lock.owner.name}'s.`, {
          hint: "Ask its owner, or force it.",
        });
      }
      // Moved aside first: of two who end one lock, or end it and lock anew, each acts on its own.
      const aside = `${repository.name}/ended-locks/${id}-${randomBytes(6).toString("hex")}.json`;
      try {
        await store.move(keyOf(hash), aside);
      } catch (error) {
        const failure = WaybillError.from(error);
        if (failure.code === "not_found") {
          throw new HttpError(404, "not_found", "There is no such lock.");
        }
        throw failure;
      }
      await store.delete(aside);
      return lock;
    },
  };
}

function parsePath(path: unknown): string {
  const isPath =
    typeof path === "string" &&
    path !== "" &&
    Buffer.byteLength(path) <= PATH_BYTES_MAX &&
    path.isWellFormed() &&
    !path.includes("\0") &&
    !path.startsWith("/");
  if (isPath) return path;
  throw new HttpError(422, "invalid_argument", "A lock needs a path within the repository.");
}

function hashIn(id: string): string | undefined {
  return /^([0-9a-f]{32})-[0-9a-f]{12}$/u.exec(id)?.[1];
}

function parseLock(text: string, key: string): Lock {
  try {
    const { id, path, locked_at, owner } = JSON.parse(text);
    if (typeof id === "string" && typeof path === "string" && typeof locked_at === "string") {
      return { id, path, locked_at, owner: { name: String(owner?.name) } };
    }
  } catch {
    // Falls through to the complaint.
  }
  throw damaged(key);
}

function damaged(key: string): WaybillError {
  return new WaybillError("data_loss", `The lock "${key}" is damaged.`, {
    hint: "Delete that object; the path is then free to be locked.",
  });
}
