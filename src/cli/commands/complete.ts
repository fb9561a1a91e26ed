import { type Command, defineCommand, flagOf, GLOBAL_OPTIONS, type Option } from "../command.ts";
import { entriesOf, GROUPS, resolveCommand } from "../commands.ts";
import { loadCommands } from "../help.ts";
import type { Session } from "../session.ts";

/** A word that could stand at the cursor, and what it means. */
interface Candidate {
  readonly word: string;
  readonly meaning?: string | undefined;
}

/**
 * What shells ask while someone types. One line a candidate: the word, a tab, what it means. No line
 * at all leaves it to the shell, which then offers files.
 */
export const command = defineCommand({
  name: "__complete",
  summary: "List what could follow; called by the shell's completion",
  arguments: {
    words: { summary: "The words so far; the last one is being typed, or empty", count: "any" },
  },
  examples: [{ line: "__complete -- schema ''", does: "the verbs of schema" }],
  run: async ({ arguments: { words }, session }) => {
    const typed = words.at(-1) ?? "";
    const found = await candidatesFor(words.slice(0, -1), typed, session).catch(() => []);
    const matching = found.filter(({ word }) => word.startsWith(typed));
    return {
      text: matching
        .map(({ word, meaning }) => (meaning ? `${word}\t${meaning}` : word))
        .join("\n"),
      json: matching,
    };
  },
});

async function candidatesFor(
  before: readonly string[],
  typed: string,
  session: Session,
): Promise<Candidate[]> {
  if (before.length === 0) return topCandidates(typed);
  const resolution = resolveCommand(before);
  if (resolution.kind === "unknown") return [];
  if (resolution.kind === "group") {
    const verbs = await loadCommands(resolution.name);
    return verbs.map(({ name, summary }) => ({
      word: name.slice(resolution.name.length + 1),
      meaning: summary,
    }));
  }
  const { command: found } = await resolution.entry.load();
  const options: Readonly<Record<string, Option>> = { ...found.options, ...GLOBAL_OPTIONS };
  const pending = pendingOption(options, before.at(-1) ?? "");
  if (pending !== undefined) return (pending.choices ?? []).map((word) => ({ word }));
  if (typed.startsWith("-")) return optionCandidates(options);
  const names = await dynamicNames(found, session, typed);
  // A command whose name is also a noun with verbs: `validate` beside `validate watch`.
  const verbs = entriesOf(found.name).map(({ name }) => ({
    word: name.slice(found.name.length + 1),
  }));
  return [...verbs, ...names];
}

async function topCandidates(typed: string): Promise<Candidate[]> {
  if (typed.startsWith("-")) {
    return [
      { word: "--version", meaning: "Print the version" },
      ...optionCandidates(GLOBAL_OPTIONS),
    ];
  }
  const commands = await loadCommands();
  return [
    ...commands
      .filter(({ name }) => !name.includes(" "))
      .map(({ name, summary }) => ({ word: name, meaning: summary })),
    ...Object.entries(GROUPS).map(([word, meaning]) => ({ word, meaning })),
  ];
}

/** The option that the word at the cursor is the value of. */
function pendingOption(
  options: Readonly<Record<string, Option>>,
  word: string,
): Option | undefined {
  return Object.entries(options).find(
    ([key, { type, short }]) =>
      type !== "boolean" &&
      (word === `--${flagOf(key)}` || (short !== undefined && word === `-${short}`)),
  )?.[1];
}

function optionCandidates(options: Readonly<Record<string, Option>>): Candidate[] {
  return Object.entries(options).map(([key, option]) => {
    const negated = option.type === "boolean" && option.default === true;
    return { word: `--${negated ? "no-" : ""}${flagOf(key)}`, meaning: option.summary };
  });
}

async function dynamicNames(found: Command, session: Session, typed: string): Promise<Candidate[]> {
  const names = await found.complete?.(session, typed);
  return (names ?? []).map((word) => ({ word }));
}
