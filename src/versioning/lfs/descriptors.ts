import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";

/** How long to wait for a pipe that is full, or empty, and does not block. */
const PAUSE_MS = 0.2;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** A descriptor to write to. */
export interface Output extends Disposable {
  readonly descriptor: number;
}

/**
 * Makes writing to a pipe wait while it is full. Node's own stdout object, once somebody has touched it, turns
 * the pipe non-blocking; opened anew it has its own mode, on systems that let it be opened.
 */
export function blockingOutput(descriptor: number): Output {
  let opened: number | undefined;
  try {
    if (fstatSync(descriptor).isFIFO()) {
      opened = openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY);
    }
  } catch {
    // Not Linux: writeAll waits by itself.
  }
  return {
    descriptor: opened ?? descriptor,
    [Symbol.dispose]() {
      if (opened !== undefined) closeSync(opened);
    },
  };
}

/** Writes all of a chunk; the system may take less at a time. */
export function writeAll(file: number, chunk: Uint8Array): void {
  let at = 0;
  while (at < chunk.length) {
    try {
      at += writeSync(file, chunk, at);
    } catch (error) {
      // A pipe that is full and does not block: wait a moment.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

/** Reads into a buffer; 0 means the end. Waits where nothing is there yet. */
export function readSome(file: number, buffer: Uint8Array): number {
  for (;;) {
    try {
      return readSync(file, buffer);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}
