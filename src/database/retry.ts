import { setTimeout as delay } from "node:timers/promises";

/** How often a transaction is run again when the database asked for that. */
const ATTEMPT_COUNT_MAX = 12;
const DELAY_MAX_MS = 400;

/** Runs a transaction again, after a growing random wait, while `isConflict` says so of its error. */
export async function retryConflicts<T>(
  attempt: () => Promise<T>,
  isConflict: (error: unknown) => boolean,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || count >= ATTEMPT_COUNT_MAX) throw error;
      await delay(Math.random() * Math.min(5 * 2 ** count, DELAY_MAX_MS));
    }
  }
}
