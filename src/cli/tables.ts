import { openProject } from "./project.ts";
import type { Session } from "./session.ts";

/** The namespace of tables that are named without one. */
export const DEFAULT_NAMESPACE = "main";

/** A table's full name: `flights` is `main.flights`. */
export function tableName(word: string): string {
  return word.includes(".") ? word : `${DEFAULT_NAMESPACE}.${word}`;
}

/** Names of tables for shell completion, those of the default namespace without it. */
export async function completeTables(session: Session): Promise<readonly string[]> {
  const project = await openProject(session);
  const warehouse = await project.warehouse();
  const names = await warehouse.tables();
  return names.map((name) =>
    name.startsWith(`${DEFAULT_NAMESPACE}.`) ? name.slice(DEFAULT_NAMESPACE.length + 1) : name,
  );
}

/**
 * What `--as-of` means: a snapshot's id (all digits), a time in ISO 8601, or the name of a branch or tag.
 */
export function parseAsOf(text: string): Date | bigint | string {
  if (/^\d{5,}$/.test(text)) return BigInt(text);
  if (/^\d{4}-\d{2}/.test(text)) {
    // Without a zone it is UTC, as everything here.
    const zoned = /(?:[zZ]|[+-]\d{2}:?\d{2})$/.test(text) || !/[T ]/.test(text) ? text : `${text}Z`;
    const time = new Date(zoned.replace(" ", "T"));
    if (!Number.isNaN(time.getTime())) return time;
  }
  return text;
}
