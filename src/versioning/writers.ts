import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { WaybillError } from "../foundation/index.ts";
import type { Repo } from "./repo.ts";

const POLL_MS = 50;
/** How long one side waits for the other; adding a large folder takes its time. */
const WAIT_MS_MAX = 10 * 60 * 1000;
/** A mark of another machine cannot be checked; it counts for so long. */
const FOREIGN_AGE_MS = 24 * 3600 * 1000;

/**
 * Says that objects are being written that no `.dvc` file names yet, until it is disposed of. Any number may write
 * at once; they wait only while a collection runs.
 * @throws WaybillError `aborted` when the wait is too long
 */
export async function holdCache(repo: Repo, signal?: AbortSignal): Promise<Disposable> {
  const deadlineMs = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const mark = placeMark(repo, "writer");
    // Marked first and looked second, as the other side does: one of the two sees the other.
    if (!hasLiveMark(repo, "gc")) return mark;
    mark[Symbol.dispose]();
    await pause(
      deadlineMs,
      signal,
      "A collection of the cache runs",
      "Try again when it has ended.",
    );
  }
}

/**
 * Keeps writers out until it is disposed of, and waits for those that are at work.
 * @throws WaybillError `aborted` when the wait is too long
 */
export async function holdForCollection(repo: Repo, signal?: AbortSignal): Promise<Disposable> {
  const mark = placeMark(repo, "gc");
  const deadlineMs = Date.now() + WAIT_MS_MAX;
  try {
    while (hasLiveMark(repo, "writer")) {
      await pause(deadlineMs, signal, "Data is being added", "Collect when that has ended.");
    }
    return mark;
  } catch (error) {
    mark[Symbol.dispose]();
    throw error;
  }
}

async function pause(
  deadlineMs: number,
  signal: AbortSignal | undefined,
  what: string,
  hint: string,
): Promise<void> {
  if (Date.now() > deadlineMs) {
    throw new WaybillError("aborted", `${what}, for more than ${WAIT_MS_MAX / 60_000} minutes.`, {
      hint,
    });
  }
  await setTimeout(POLL_MS, undefined, signal === undefined ? {} : { signal });
}

function placeMark(repo: Repo, kind: "writer" | "gc"): Disposable {
  const folder = folderOf(repo);
  const path = join(folder, `${kind}-${randomUUID()}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, `${process.pid} ${hostname()}\n`, { flag: "wx" });
  } catch (error) {
    throw WaybillError.from(error);
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** Whether a process that is alive has left such a mark; those of dead ones are removed. */
function hasLiveMark(repo: Repo, kind: "writer" | "gc"): boolean {
  const folder = folderOf(repo);
  for (const name of namesIn(folder)) {
    if (!name.startsWith(`${kind}-`)) continue;
    const path = join(folder, name);
    if (isLive(path)) return true;
    rmSync(path, { force: true });
  }
  return false;
}

function isLive(path: string): boolean {
  try {
    const [pid, host] = readFileSync(path, "utf8").trim().split(" ");
    // A mark that is being written is empty for a moment.
    if (pid === undefined || pid === "" || host !== hostname()) {
      return statSync(path).mtimeMs > Date.now() - FOREIGN_AGE_MS;
    }
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    // A process of somebody else is alive too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function folderOf(repo: Repo): string {
  return join(repo.dvcFolder, "tmp", "waybill", "writers");
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
