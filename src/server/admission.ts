import { HttpError } from "./status.ts";

const RETRY_AFTER = { "retry-after": "1" };

/** Counts what is in work and refuses early, so that an overload is an answer and not a wait. */
export interface Admission {
  /**
   * Takes a place for a request.
   * @returns what gives the place back; calling it again does nothing
   * @throws HttpError 503 when the server is full or stopping, 429 when this address has its share
   */
  enter(address: string): () => void;
  /** Refuses all from now on. */
  stop(): void;
  readonly isStopping: boolean;
  readonly count: number;
}

/** @param options.max places in all; @param options.maxPerAddress of them for one address */
export function makeAdmission(options: {
  readonly max: number;
  readonly maxPerAddress: number;
}): Admission {
  const byAddress = new Map<string, number>();
  let count = 0;
  let isStopping = false;
  return {
    enter(address) {
      if (isStopping) {
        throw new HttpError(503, "unavailable", "The server is stopping.", {
          headers: RETRY_AFTER,
        });
      }
      if (count >= options.max) {
        throw new HttpError(503, "unavailable", "The server has all the work that it can take.", {
          hint: "Try again in a moment.",
          headers: RETRY_AFTER,
        });
      }
      const ofAddress = byAddress.get(address) ?? 0;
      if (ofAddress >= options.maxPerAddress) {
        throw new HttpError(429, "resource_exhausted", "Too many requests at once.", {
          hint: "Send fewer at the same time.",
          headers: RETRY_AFTER,
        });
      }
      count++;
      byAddress.set(address, ofAddress + 1);
      let isInside = true;
      return () => {
        if (!isInside) return;
        isInside = false;
        count--;
        const left = (byAddress.get(address) ?? 1) - 1;
        if (left === 0) byAddress.delete(address);
        else byAddress.set(address, left);
      };
    },
    stop() {
      isStopping = true;
    },
    get isStopping() {
      return isStopping;
    },
    get count() {
      return count;
    },
  };
}
