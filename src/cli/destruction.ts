import { WaybillError } from "../foundation/index.ts";
import type { Session } from "./session.ts";

/** The options of a command that takes something away. */
export const DESTRUCTION_OPTIONS = {
  dryRun: { type: "boolean", summary: "Only say what would be done" },
  yes: { type: "boolean", short: "y", summary: "Do not ask" },
} as const;

/**
 * Asks before something is taken away: on a terminal a question, elsewhere `--yes` must have been given.
 * @throws `failed_precondition` without a yes
 */
export async function confirmDestruction(
  session: Session,
  { yes }: { readonly yes: boolean },
  what: string,
): Promise<void> {
  if (yes) return;
  const { progress, signal, terminal } = session;
  if (!terminal.canAsk) {
    throw new WaybillError("failed_precondition", `${what} Nobody is here to confirm that.`, {
      hint: "Look at it with --dry-run, then give --yes.",
    });
  }
  const isWanted = await progress.pause(() => terminal.confirm(`${what} Go on?`, signal));
  if (!isWanted) throw new WaybillError("failed_precondition", "Nothing was done.");
}
