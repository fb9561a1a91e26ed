/**
 * What a change does to the data that passes. `widens`: all that passed still does, and more.
 * `narrows`: all that passes now did before, and some no longer does. `breaks`: neither. `keeps`: the
 * same data passes.
 */
export type Effect = "widens" | "narrows" | "breaks" | "keeps";

/** One difference of meaning between two schemas. */
export interface SchemaChange {
  /** What it concerns: a feature's serialized path, `string_domain NAME`, or `schema`. */
  readonly subject: string;
  /** The field as `schema.proto` has it: `presence.min_fraction`. */
  readonly field: string;
  /** Undefined where it is added. */
  readonly before: string | undefined;
  /** Undefined where it is removed. */
  readonly after: string | undefined;
  readonly effect: Effect;
}

/**
 * Whether old and new data get along with the other schema, in the words of schema registries.
 * `backward`: the new schema takes the old data. `forward`: the old schema takes the new data.
 */
export type Compatibility = "full" | "backward" | "forward" | "breaking";

/** What many changes come to: each direction holds only if it does for all of them. */
export function compatibilityOf(changes: readonly SchemaChange[]): Compatibility {
  const effects = new Set(changes.map(({ effect }) => effect));
  const isBackward = !effects.has("narrows") && !effects.has("breaks");
  const isForward = !effects.has("widens") && !effects.has("breaks");
  if (isBackward) return isForward ? "full" : "backward";
  return isForward ? "forward" : "breaking";
}

/** A change as one line: `+` added, `-` removed, `~` changed, then what, from what, to what. */
export function describeChange(change: SchemaChange): string {
  const { subject, field, before, after, effect } = change;
  const name = field === "" ? subject : `${subject}: ${field}`;
  if (before === undefined) return `+ ${name} ${after ?? ""} (${effect})`;
  if (after === undefined) return `- ${name} ${before} (${effect})`;
  return `~ ${name} ${before} -> ${after} (${effect})`;
}

type Bound = number | bigint | undefined;

/** Compares a bound that data must not fall below; no bound lets everything pass. */
export function compareMin(subject: string, field: string, before: Bound, after: Bound) {
  return compareBound(subject, field, before, after, (isHigher) =>
    isHigher ? "narrows" : "widens",
  );
}

/** Compares a bound that data must not exceed; no bound lets everything pass. */
export function compareMax(subject: string, field: string, before: Bound, after: Bound) {
  return compareBound(subject, field, before, after, (isHigher) =>
    isHigher ? "widens" : "narrows",
  );
}

function compareBound(
  subject: string,
  field: string,
  before: Bound,
  after: Bound,
  effectOf: (isHigher: boolean) => Effect,
): SchemaChange[] {
  if (before === after) return [];
  const texts = { before: textOf(before), after: textOf(after) };
  if (before === undefined) return [{ subject, field, ...texts, effect: "narrows" }];
  if (after === undefined) return [{ subject, field, ...texts, effect: "widens" }];
  return [{ subject, field, ...texts, effect: effectOf(after > before) }];
}

function textOf(bound: Bound): string | undefined {
  return bound === undefined ? undefined : String(bound);
}

/** Compares sets of what may be: members added widen it, members removed narrow it. */
export function compareSets(
  subject: string,
  field: string,
  before: readonly string[],
  after: readonly string[],
): SchemaChange[] {
  const old = new Set(before);
  const now = new Set(after);
  const added = [...now].filter((member) => !old.has(member));
  const removed = [...old].filter((member) => !now.has(member));
  return [
    ...added.map(
      (member): SchemaChange => ({
        subject,
        field,
        before: undefined,
        after: JSON.stringify(member),
        effect: "widens",
      }),
    ),
    ...removed.map(
      (member): SchemaChange => ({
        subject,
        field,
        before: JSON.stringify(member),
        after: undefined,
        effect: "narrows",
      }),
    ),
  ];
}

/** Compares what is only said, or what two ways of saying cannot be ordered for. */
export function compareTexts(
  subject: string,
  field: string,
  before: string | undefined,
  after: string | undefined,
  effect: Effect,
): SchemaChange[] {
  return before === after ? [] : [{ subject, field, before, after, effect }];
}
