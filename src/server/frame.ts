import { randomBytes } from "node:crypto";
import { type Clock, type Log, silentLog } from "../foundation/index.ts";
import type { Admission } from "./admission.ts";
import type { Authentication } from "./authentication.ts";
import type { Guard } from "./guard.ts";

/** What both protocols of the port share. */
export interface Frame {
  readonly guard: Guard;
  readonly admission: Admission;
  readonly authentication: Authentication;
  readonly log: Log;
  readonly clock: Clock;
  readonly requestId: (given: string | string[] | undefined) => string;
  readonly limits: Limits;
  /** Aborted when the server gives up waiting for what is in work. */
  readonly stopped: AbortSignal;
  /** In place of `http://HOST`, when the server is reached through a proxy. */
  readonly publicUrl: string | undefined;
}

/** Bounds of what one client can cost. */
export interface Limits {
  /** Until the first bytes of a connection and the end of a request's headers. */
  readonly headersMs: number;
  /** A body or a reader slower than this for `slowMs` is cut off. */
  readonly bytesPerSecondMin: number;
  readonly slowMs: number;
  readonly headerBytesMax: number;
  readonly messageBytesMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly requestsMax: number;
  readonly requestsPerAddressMax: number;
  readonly streamsPerConnectionMax: number;
}

/** The limits of a server that is not told otherwise. */
export const DEFAULT_LIMITS: Limits = {
  headersMs: 10_000,
  bytesPerSecondMin: 1024,
  slowMs: 10_000,
  headerBytesMax: 16 << 10,
  messageBytesMax: 32 << 20,
  connectionsMax: 2048,
  connectionsPerAddressMax: 1024,
  requestsMax: 1024,
  requestsPerAddressMax: 512,
  streamsPerConnectionMax: 256,
};

/** One line of the request log. Queries and headers stay out of it: they may hold secrets. */
export interface RequestLine {
  readonly id: string;
  readonly protocol: "http" | "grpc";
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly principal: string | undefined;
  readonly remote: string;
  readonly error?: string | undefined;
}

/** Writes a request's line, and what went wrong inside when it was our fault. */
export function logRequest(frame: Frame, line: RequestLine, caught?: unknown): void {
  if (frame.log === silentLog) return;
  const time = new Date(frame.clock.nowMs()).toISOString();
  const isFault = caught !== undefined;
  const cause = caught instanceof Error ? (caught.stack ?? caught.message) : undefined;
  frame.log.log(
    isFault ? "warn" : "info",
    JSON.stringify({ time, ...line, ...(cause && { cause }) }),
  );
}

/**
 * Gives requests their ids: the client's own when it is a plain word, else a new one. New ones count up from a
 * random start: asking the system for randomness on each call costs more than reading its message.
 */
export function makeRequestIds(): (given: string | string[] | undefined) => string {
  const start = randomBytes(4).toString("hex");
  let count = 0;
  return (given) => {
    if (typeof given === "string" && /^[\w.-]{1,64}$/u.test(given)) return given;
    count = (count + 1) % 2 ** 32;
    return start + count.toString(16).padStart(8, "0");
  };
}
