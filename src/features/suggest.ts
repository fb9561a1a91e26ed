import { nearest } from "../foundation/index.ts";

/** Names that are listed when none of them is like the one that was asked for. */
const LISTED_MAX = 10;

/** `Did you mean "x"?` for the nearest known name, else the names there are (at most ten), else undefined. */
export function suggestion(name: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  if (names.length === 0) return undefined;
  const [meant] = nearest(name, names);
  if (meant !== undefined) return `Did you mean "${meant}"?`;
  const more = names.length > LISTED_MAX ? ", ..." : "";
  return `There is: ${names
    .slice(0, LISTED_MAX)
    .map((candidate) => `"${candidate}"`)
    .join(", ")}${more}.`;
}
