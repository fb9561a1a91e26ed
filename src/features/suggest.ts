/** How many edits away a name may be and still be worth suggesting: a third of its length. */
const EDITS_PER_CHARACTER = 1 / 3;

/** `Did you mean "x"?` for the nearest known name, else the names there are (at most ten), else undefined. */
export function suggestion(name: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  if (names.length === 0) return undefined;
  const nearest = names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .reduce((best, next) => (next.distance < best.distance ? next : best));
  if (nearest.distance <= Math.max(1, Math.ceil(name.length * EDITS_PER_CHARACTER))) {
    return `Did you mean "${nearest.candidate}"?`;
  }
  const more = names.length > 10 ? ", ..." : "";
  return `There is: ${names
    .slice(0, 10)
    .map((candidate) => `"${candidate}"`)
    .join(", ")}${more}.`;
}

/** Levenshtein's distance between two names, without regard to case. */
function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, deleted));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
