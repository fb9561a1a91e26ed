import type { Registry } from "../features/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Project } from "../project/index.ts";
import { openProject } from "./project.ts";
import type { Session } from "./session.ts";

/**
 * The project's feature registry.
 * @throws `not_found` before the first apply
 */
export async function requireRegistry(project: Project): Promise<Registry> {
  const { readRegistry } = await import("../features/index.ts");
  const registry = await readRegistry(project.recorder);
  if (registry !== undefined) return registry;
  throw new WaybillError("not_found", "No features are defined here yet.", {
    hint: 'Write them in a file and run "waybill features apply FILE".',
  });
}

/** Names of feature views, for shell completion. */
export async function completeViews(session: Session): Promise<readonly string[]> {
  const registry = await requireRegistry(await openProject(session));
  return [...registry.featureViews.keys()];
}

/** A time that an option gives, in ISO 8601; without a zone it is UTC. */
export function parseTime(optionName: string, text: string): Date {
  const isZoned = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !/[T ]/.test(text);
  const time = new Date((isZoned ? text : `${text}Z`).replace(" ", "T"));
  if (/^\d{4}-/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new WaybillError(
    "invalid_argument",
    `${optionName} needs a time, and was given "${text}".`,
    {
      hint: "Write it in ISO 8601, for example 2026-11-24 or 2026-11-24T12:00:00Z.",
    },
  );
}
