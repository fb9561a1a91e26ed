import { WaybillError } from "../../foundation/index.ts";
import type { Properties, Recorder, Step } from "../../metadata/index.ts";
import type { RouteRequest } from "../../server/index.ts";

/** Runs a change as a recorded step; returns what it gave. */
export type Record = <T>(
  request: RouteRequest,
  type: string,
  change: {
    /** The heads that may move; changes of the same head wait for each other. */
    readonly heads: readonly string[];
    readonly parameters: Properties;
    readonly body: (step: Step) => Promise<T>;
  },
) => Promise<T>;

/** Another process may commit between our reading and our closing; then the change is made anew. */
const ATTEMPTS_MAX = 5;

/**
 * Makes steps of clients' changes, with who asked and by which program. Within this process the
 * changes of one head queue up, so that only what another process commits makes a change repeat.
 */
export function recordWith(recorder: Recorder): Record {
  const queues = new Map<string, Promise<void>>();

  return async (request, type, { heads, parameters, body }) => {
    const { headers, caller, signal } = request;
    const client = headers["user-agent"];
    const all: Properties = {
      ...parameters,
      principal: caller.principal,
      ...(client === undefined ? {} : { client }),
    };
    const leave = await enter(queues, heads);
    try {
      for (let attempt = 1; ; attempt++) {
        let isDone = false;
        try {
          const { value } = await recorder.step(type, { parameters: all, signal }, async (step) => {
            const made = await body(step);
            isDone = true;
            return made;
          });
          return value;
        } catch (error) {
          const isRace = isDone && error instanceof WaybillError && error.code === "aborted";
          if (!isRace || attempt === ATTEMPTS_MAX) throw error;
        }
      }
    } finally {
      leave();
    }
  };
}

/** Waits for those before us at every head, taken in one order so that nobody waits in a circle. */
async function enter(
  queues: Map<string, Promise<void>>,
  heads: readonly string[],
): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wanted = [...new Set(heads)].sort();
  const before = wanted.map((head) => queues.get(head));
  for (const head of wanted) queues.set(head, promise);
  await Promise.all(before);
  return () => {
    for (const head of wanted) if (queues.get(head) === promise) queues.delete(head);
    resolve();
  };
}
