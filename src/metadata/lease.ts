import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { ReadTransaction, WriteTransaction } from "../database/index.ts";

/** A process as a lease names it. */
export interface LeaseHolder {
  /** The machine, and on Linux the process namespace in which `pid` counts. */
  readonly host: string;
  readonly pid: number;
  /** Sets the process apart from a later one with its pid, where the system tells. */
  readonly process: string;
}

/** This process. */
export function thisProcess(): LeaseHolder {
  return { host: hostIdentity(), pid: process.pid, process: processIdentity(process.pid) ?? "" };
}

/** Takes the lease of an execution that starts now. */
export async function takeLease(
  rows: WriteTransaction,
  executionId: bigint,
  holder: LeaseHolder,
  expiresMs: number,
): Promise<void> {
  await rows.run(
    "INSERT INTO waybill_lease (execution_id, host, pid, process, expires_ms) VALUES (?, ?, ?, ?, ?)",
    [executionId, holder.host, BigInt(holder.pid), holder.process, BigInt(expiresMs)],
  );
}

/** Puts the end of a lease off; one that was taken away stays so. */
export async function renewLease(
  rows: WriteTransaction,
  executionId: bigint,
  expiresMs: number,
): Promise<void> {
  await rows.run("UPDATE waybill_lease SET expires_ms = ? WHERE execution_id = ?", [
    BigInt(expiresMs),
    executionId,
  ]);
}

/** Ends a lease; returns whether it was still there. */
export async function endLease(rows: WriteTransaction, executionId: bigint): Promise<boolean> {
  const count = await rows.run("DELETE FROM waybill_lease WHERE execution_id = ?", [executionId]);
  return count > 0;
}

/** A lease whose process has ended or has not renewed it in time. */
export interface DeadLease {
  readonly executionId: bigint;
  /** What happened, for the record of the execution. */
  readonly reason: string;
}

/** Leases that nobody holds any more. */
export async function deadLeases(
  rows: ReadTransaction,
  self: LeaseHolder,
  nowMs: number,
): Promise<DeadLease[]> {
  const leases = await rows.all<{
    execution_id: bigint;
    host: string;
    pid: bigint;
    process: string;
    expires_ms: bigint;
  }>(
    "SELECT execution_id, host, pid, process, expires_ms FROM waybill_lease ORDER BY execution_id",
  );
  const dead: DeadLease[] = [];
  for (const lease of leases) {
    const pid = Number(lease.pid);
    if (lease.host === self.host && !isRunning(pid, lease.process)) {
      dead.push({
        executionId: lease.execution_id,
        reason: `Process ${pid} ended without closing it.`,
      });
    } else if (lease.expires_ms < BigInt(nowMs)) {
      dead.push({
        executionId: lease.execution_id,
        reason: `Process ${pid} on ${lease.host} has not renewed its lease since it ran out.`,
      });
    }
  }
  return dead;
}

function isRunning(pid: number, identity: string): boolean {
  const now = processIdentity(pid);
  if (now !== undefined && identity !== "") return now === identity;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Two containers may share a host name and not their pids, so the pid namespace belongs to it. */
function hostIdentity(): string {
  try {
    return `${hostname()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Boot and start time of a process on Linux; undefined where there is no such process or no /proc. */
function processIdentity(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Fields after the name in parentheses, which may hold anything: the 3rd of all is the state, the
    // 22nd the start time. A zombie has ended, only its parent has not looked yet.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "ended";
    const started = fields[19];
    return started === undefined ? undefined : `${boot}/${started}`;
  } catch {
    return undefined;
  }
}
