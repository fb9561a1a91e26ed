import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Limits } from "./frame.ts";
import { HttpError } from "./status.ts";

const CHECKS_PER_WINDOW = 4;
/** Of a refused request's body so much is still read, so that the client gets to read the refusal. */
const DRAIN_BYTES_MAX = 16 << 20;
const DRAIN_MS = 5_000;

const inflate = promisify(gunzip);

/** A request's body: bounded, watched for slowness, read once. */
export interface Body {
  readonly bytesRead: number;
  stream(): AsyncIterable<Uint8Array>;
  bytes(): Promise<Buffer>;
  json(): Promise<unknown>;
}

/**
 * Wraps a request's body.
 * @throws HttpError from reading: 413 too large, 408 too slow, 400 cut off or no JSON, 415 for a coding
 */
export function bodyOf(message: IncomingMessage, bytesMax: number, limits: Limits): Body {
  let bytesRead = 0;

  async function* stream(): AsyncGenerator<Uint8Array> {
    if (Number(message.headers["content-length"] ?? 0) > bytesMax) throw tooLarge(bytesMax);
    const watch = watchRate(message, limits, () => bytesRead);
    try {
      // Left early, the loop must not destroy the socket: the refusal still has to pass.
      for await (const chunk of message.iterator({ destroyOnReturn: false })) {
        bytesRead += chunk.length;
        if (bytesRead > bytesMax) throw tooLarge(bytesMax);
        watch.pause();
        yield chunk;
        watch.resume();
      }
    } catch (caught) {
      if (caught instanceof HttpError) throw caught;
      if (watch.isTooSlow) {
        throw new HttpError(408, "deadline_exceeded", "The body came too slowly.");
      }
      throw new HttpError(400, "cancelled", "The body was cut off.", { cause: caught });
    } finally {
      watch.stop();
    }
    if (!message.complete) throw new HttpError(400, "cancelled", "The body was cut off.");
  }

  async function bytes(): Promise<Buffer> {
    const whole = Buffer.concat(await Array.fromAsync(stream()));
    const coding = message.headers["content-encoding"] ?? "identity";
    if (coding === "identity") return whole;
    if (coding !== "gzip") {
      throw new HttpError(415, "invalid_argument", `The coding "${coding}" is not known.`);
    }
    try {
      return await inflate(whole, { maxOutputLength: bytesMax });
    } catch (cause) {
      const isTooLarge = cause instanceof RangeError;
      if (isTooLarge) throw tooLarge(bytesMax);
      throw new HttpError(400, "invalid_argument", "The body is not gzip.", { cause });
    }
  }

  return {
    get bytesRead() {
      return bytesRead;
    },
    stream,
    bytes,
    async json() {
      const text = (await bytes()).toString("utf8");
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw new HttpError(400, "invalid_argument", "The body is not JSON.", { cause });
      }
    },
  };
}

/** Reads on, within bounds, what a refused request still sends; a client that goes on is cut off. */
export function drain(message: IncomingMessage): void {
  if (message.readableEnded || message.destroyed) return;
  let left = DRAIN_BYTES_MAX;
  const end = () => message.socket?.destroy();
  const timer = setTimeout(end, DRAIN_MS).unref();
  message.on("data", (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  message.on("close", () => clearTimeout(timer));
  message.on("error", () => {});
  message.resume();
}

interface RateWatch {
  readonly isTooSlow: boolean;
  pause(): void;
  resume(): void;
  stop(): void;
}

/** Destroys a message whose bytes come more slowly than they may. Time that we take does not count. */
function watchRate(message: IncomingMessage, limits: Limits, bytesSoFar: () => number): RateWatch {
  const stepMs = limits.slowMs / CHECKS_PER_WINDOW;
  let waiting = true;
  let waitedMs = 0;
  let bytesBefore = 0;
  let isTooSlow = false;
  const timer = setInterval(() => {
    if (!waiting) return;
    waitedMs += stepMs;
    if (waitedMs < limits.slowMs) return;
    const needed = (limits.bytesPerSecondMin * waitedMs) / 1000;
    isTooSlow = bytesSoFar() - bytesBefore < needed;
    if (isTooSlow) message.destroy();
    bytesBefore = bytesSoFar();
    waitedMs = 0;
  }, stepMs).unref();
  return {
    get isTooSlow() {
      return isTooSlow;
    },
    pause() {
      waiting = false;
    },
    resume() {
      waiting = true;
    },
    stop: () => clearInterval(timer),
  };
}

function tooLarge(bytesMax: number): HttpError {
  return new HttpError(413, "resource_exhausted", `The body is larger than ${bytesMax} bytes.`);
}
