import type { Session } from "./session.ts";

/** An option of a command. Its key in the definition is camelCase; on the command line it is kebab-case. */
export interface Option {
  /** Booleans take no value, and `--no-NAME` sets them to false. */
  readonly type: "boolean" | "string" | "integer" | "number";
  readonly summary: string;
  /** What stands for the value in help, for example `FILE`. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times; the values come as an array. */
  readonly multiple?: true;
  readonly required?: true;
  readonly choices?: readonly string[];
  readonly default?: string | number | boolean;
}

/** A positional argument, in the order of the definition. Only the last one may be `many`. */
export interface Argument {
  readonly summary: string;
  readonly count?: "one" | "optional" | "many" | "any";
  /** What stands for it in help; by default its key in capitals. */
  readonly value?: string;
}

type Options = Readonly<Record<string, Option>>;
type Arguments = Readonly<Record<string, Argument>>;

type Scalar<O extends Option> = O["type"] extends "boolean"
  ? boolean
  : O["type"] extends "string"
    ? string
    : number;

type OptionValue<O extends Option> = O extends { readonly multiple: true }
  ? readonly Scalar<O>[]
  : O extends { readonly required: true }
    ? Scalar<O>
    : O extends { readonly default: string | number | boolean }
      ? Scalar<O>
      : O["type"] extends "boolean"
        ? boolean
        : Scalar<O> | undefined;

type ArgumentValue<A extends Argument> = A extends { readonly count: "many" | "any" }
  ? readonly string[]
  : A extends { readonly count: "optional" }
    ? string | undefined
    : string;

/** What a command is run with: its own arguments and options, and what all commands share. */
export interface Invocation<A extends Arguments = Arguments, O extends Options = Options> {
  readonly arguments: { readonly [name in keyof A]: ArgumentValue<A[name]> };
  readonly options: { readonly [name in keyof O]: OptionValue<O[name]> };
  readonly session: Session;
}

/** What a command answers. The frame prints `json` or `text`, so that no command can forget `--json`. */
export interface Answer {
  /** The document of `--json`: exact numbers, ids as integers, times in ISO 8601 or named ...Ms. */
  readonly json?: unknown;
  /** In place of `json` where rows stream: pieces of text of whole lines, a line of JSON a row. */
  readonly jsonLines?: AsyncIterable<string>;
  /** The answer for people, on stdout. */
  readonly text?: string | AsyncIterable<string>;
  /** What was done, in a sentence, on stderr; silenced by `--quiet`. */
  readonly note?: string;
  /** 0 when absent. 3 is "done, with findings". */
  readonly exitCode?: number;
}

/** A command as the frame sees it. */
export interface Command {
  /** The words that call it, for example `schema infer`. */
  readonly name: string;
  /** One line, a verb first, no full stop. */
  readonly summary: string;
  /** Further paragraphs for its help. */
  readonly description?: string;
  readonly arguments: Arguments;
  readonly options: Options;
  /** Command lines without the leading `waybill`, each with what it does. */
  readonly examples: readonly Example[];
  /** Names for shell completion of a positional argument or an option's value; files when absent. */
  readonly complete?: (session: Session, word: string) => Promise<readonly string[]>;
  readonly run: (invocation: Invocation) => Promise<Answer>;
}

/** One example of a command's help. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

interface Definition<A extends Arguments, O extends Options>
  extends Omit<Command, "arguments" | "options" | "run"> {
  readonly arguments?: A;
  readonly options?: O;
  readonly run: (invocation: Invocation<A, O>) => Promise<Answer>;
}

/** Defines a command; the types of its arguments and options follow from their definitions. */
export function defineCommand<
  const A extends Arguments = Record<never, never>,
  const O extends Options = Record<never, never>,
>(definition: Definition<A, O>): Command {
  return {
    ...definition,
    arguments: definition.arguments ?? {},
    options: definition.options ?? {},
    // The parser fills exactly what A and O declare; outside of this call only the frame runs it.
    run: (invocation) => definition.run(invocation as unknown as Invocation<A, O>),
  };
}

/** The options that every command takes. */
export const GLOBAL_OPTIONS = {
  json: { type: "boolean", summary: "Answer in JSON: one document, or one line a row" },
  quiet: { type: "boolean", short: "q", summary: "Only the answer and errors" },
  verbose: { type: "boolean", short: "v", summary: "Say what is done; stacks of errors" },
  home: {
    type: "string",
    value: "DIR",
    summary: "The project's .waybill folder (default: found upwards; or WAYBILL_HOME)",
  },
  help: { type: "boolean", short: "h", summary: "Show this help" },
} as const satisfies Options;

/** `maxStringDomainSize` as it is typed: `max-string-domain-size`. */
export function flagOf(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
