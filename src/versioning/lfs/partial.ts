import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import type { ObjectId } from "./api.ts";
import { writeAll } from "./descriptors.ts";
import { adoptObject } from "./objects.ts";
import type { LfsRepository } from "./repository.ts";

const READ_BYTES = 1 << 20;

/** A download in work: what an earlier one left is hashed, and new bytes go behind it. */
export interface Partial extends Disposable {
  /** Bytes that are there. */
  readonly size: number;
  append(chunk: Uint8Array): void;
  /** Starts over, when the server sends the whole or what was there is wrong. */
  restart(): void;
  /**
   * Makes it the object.
   * @throws WaybillError `data_loss` when the bytes are not what the id names; they are thrown away
   */
  finish(): void;
}

/** Hands out unfinished downloads so that two processes never write to one. */
export interface Partials {
  /** Takes up what an earlier download of the object left, or begins one. */
  claim(object: ObjectId): Partial;
}

/**
 * Unfinished downloads lie in `lfs/incomplete`, as git-lfs's do: `OID.part` when given up, `OID.PID.part`
 * while a process works on it. What a process left that is gone is taken up by the next.
 */
export function openPartials(repository: LfsRepository): Partials {
  const folder = join(repository.storage, "incomplete");
  mkdirSync(folder, { recursive: true });
  const left = new Map<string, string>();
  for (const name of readdirSync(folder)) {
    const [, oid, pid] = /^([0-9a-f]{64})(?:\.(\d+))?\.part$/u.exec(name) ?? [];
    if (oid === undefined || (pid !== undefined && isAlive(Number(pid)))) continue;
    left.set(oid, join(folder, name));
  }
  return {
    claim(object) {
      const path = join(folder, `${object.oid}.${process.pid}.part`);
      const earlier = left.get(object.oid);
      left.delete(object.oid);
      if (earlier !== undefined) {
        try {
          renameSync(earlier, path);
        } catch {
          // Another process was faster: then this one begins anew.
        }
      }
      return openPartial(repository, object, path, join(folder, `${object.oid}.part`));
    },
  };
}

function openPartial(
  repository: LfsRepository,
  object: ObjectId,
  path: string,
  pathWhenGivenUp: string,
): Partial {
  let file: number | undefined = openSync(path, "a+");
  let hash: Hash = createHash("sha256");
  let size = 0;
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (;;) {
    const count = readSync(file, buffer, 0, buffer.length, size);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    size += count;
  }

  function close(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }

  const partial: Partial = {
    get size() {
      return size;
    },
    append(chunk) {
      if (file === undefined) return;
      if (size + chunk.length > object.size) {
        throw new WaybillError("data_loss", `More bytes came than ${object.oid} has.`);
      }
      writeAll(file, chunk);
      hash.update(chunk);
      size += chunk.length;
    },
    restart() {
      truncateSync(path, 0);
      hash = createHash("sha256");
      size = 0;
    },
    finish() {
      const found = hash.digest("hex");
      if (size !== object.size || found !== object.oid) {
        // A short one is no damage: what is there may be right, and is kept.
        if (size >= object.size) {
          close();
          rmSync(path, { force: true });
        }
        const what = `${size} bytes came for ${object.oid} of ${object.size}, their hash is ${found}`;
        throw new WaybillError("data_loss", `${what}.`, { hint: "Pull again." });
      }
      close();
      adoptObject(repository, object.oid, path);
    },
    [Symbol.dispose]() {
      if (file === undefined) return;
      close();
      if (size === 0) rmSync(path, { force: true });
      else renameSync(path, pathWhenGivenUp);
    },
  };
  if (size > object.size) partial.restart();
  return partial;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
