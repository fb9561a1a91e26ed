import type { ObjectStore } from "../../storage/index.ts";

/** What a killed server left behind is surely nobody's after so long. */
const LEFTOVER_AGE_MS = 24 * 3600 * 1000;

/**
 * Removes what killed servers left in the store: uploads that never ended (the store's own listing sweeps
 * those) and locks that were being ended. Nothing that a client can see is touched.
 * @returns how many objects the store holds
 */
export async function sweepLeftovers(
  store: ObjectStore,
  options: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<number> {
  let count = 0;
  for await (const { key, modifiedMs } of store.list()) {
    if (options.signal.aborted) return count;
    const isEndedLock = /^[^/]+\/[^/]+\/ended-locks\//u.test(key);
    if (isEndedLock && modifiedMs < options.nowMs - LEFTOVER_AGE_MS) await store.delete(key);
    else count++;
  }
  return count;
}
