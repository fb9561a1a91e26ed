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

/**
 * Edits between two names without regard to case: a character more, fewer or another, or two swapped. What
 * only lacks its end is one edit away.
 */
function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  if (a.length >= 3 && b.startsWith(a)) return 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
