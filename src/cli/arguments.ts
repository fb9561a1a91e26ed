import { parseArgs } from "node:util";
import { nearest, WaybillError } from "../foundation/index.ts";
import { type Argument, type Command, flagOf, GLOBAL_OPTIONS, type Option } from "./command.ts";

type Value = string | number | boolean;

/** A command line after parsing. Keys are those of the definitions. */
export interface Parsed {
  readonly arguments: Record<string, string | string[] | undefined>;
  readonly options: Record<string, Value | Value[] | undefined>;
}

/**
 * Reads a command's words: its options and the global ones anywhere, positionals in order, `--` ends
 * the options. With `--help` nothing else is demanded.
 * @throws `invalid_argument` for unknown options (with the nearest one), missing or surplus arguments
 */
export function parseArguments(command: Command, words: readonly string[]): Parsed {
  const options: Readonly<Record<string, Option>> = { ...GLOBAL_OPTIONS, ...command.options };
  const keysByFlag = new Map(Object.keys(options).map((key) => [flagOf(key), key]));
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      Object.entries(options).map(([key, option]) => [
        flagOf(key),
        {
          type: option.type === "boolean" ? ("boolean" as const) : ("string" as const),
          ...(option.short === undefined ? {} : { short: option.short }),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const given = new Map<string, Value[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const key = keysByFlag.get(token.name);
    const option = key === undefined ? undefined : options[key];
    if (key === undefined || option === undefined) {
      const negated = keysByFlag.get(token.name.replace(/^no-/, ""));
      if (
        token.name.startsWith("no-") &&
        negated !== undefined &&
        options[negated]?.type === "boolean"
      ) {
        given.set(negated, [false]);
        continue;
      }
      throw unknownOption(command, token.rawName, keysByFlag.keys());
    }
    const value = readValue(command, option, token.rawName, token.value, token.inlineValue);
    if (option.multiple) given.set(key, [...(given.get(key) ?? []), value]);
    else given.set(key, [value]);
  }

  const helpWanted = given.get("help")?.[0] === true;
  return {
    arguments: helpWanted ? {} : assignPositionals(command, positionals),
    options: Object.fromEntries(
      Object.entries(options).map(([key, option]) => [
        key,
        settle(command, key, option, given.get(key), helpWanted),
      ]),
    ),
  };
}

/** How an argument is written in a usage line: `SOURCE`, `[PREFIX]`, `INPUT...`. */
export function usageOf(key: string, argument: Argument): string {
  const value = argument.value ?? flagOf(key).toUpperCase();
  switch (argument.count) {
    case "optional":
      return `[${value}]`;
    case "many":
      return `${value}...`;
    case "any":
      return `[${value}...]`;
    default:
      return value;
  }
}

/** A mistake in how a command was called; its hint names the command's help. */
export function wrongUse(commandName: string, message: string, hint?: string): WaybillError {
  const help = `Run "waybill ${commandName}${commandName === "" ? "" : " "}--help" for its options.`;
  return new WaybillError("invalid_argument", message, { hint: hint ?? help });
}

function unknownOption(command: Command, rawName: string, flags: Iterable<string>): WaybillError {
  const [suggestion] = nearest(rawName.replace(/^-+/, ""), flags);
  return wrongUse(
    command.name,
    `"waybill ${command.name}" has no option "${rawName}".`,
    suggestion === undefined || !rawName.startsWith("--")
      ? undefined
      : `Did you mean "--${suggestion}"? See "waybill ${command.name} --help".`,
  );
}

function readValue(
  command: Command,
  option: Option,
  rawName: string,
  value: string | undefined,
  inline: boolean | undefined,
): Value {
  if (option.type === "boolean") {
    if (value === undefined) return true;
    if (value === "true" || value === "false") return value === "true";
    throw wrongUse(command.name, `Option "${rawName}" takes no value, and was given "${value}".`);
  }
  // A following option is more likely a forgotten value than the value; `--name=--value` says otherwise.
  if (value === undefined || (inline !== true && /^--./.test(value))) {
    throw wrongUse(command.name, `Option "${rawName}" needs a value: ${option.value ?? "VALUE"}.`);
  }
  if (option.choices !== undefined && !option.choices.includes(value)) {
    const [suggestion] = nearest(value, option.choices);
    throw wrongUse(
      command.name,
      `Option "${rawName}" cannot be "${value}"; it is one of ${option.choices.join(", ")}.`,
      suggestion === undefined ? undefined : `Did you mean "${suggestion}"?`,
    );
  }
  if (option.type === "string") return value;
  const number = Number(value);
  const isValid = option.type === "integer" ? /^[+-]?\d+$/.test(value) : value.trim() !== "";
  if (!isValid || !Number.isFinite(number)) {
    const wanted = option.type === "integer" ? "a whole number" : "a number";
    throw wrongUse(command.name, `Option "${rawName}" needs ${wanted}, and was given "${value}".`);
  }
  return number;
}

function settle(
  command: Command,
  key: string,
  option: Option,
  values: Value[] | undefined,
  helpWanted: boolean,
): Value | Value[] | undefined {
  if (option.multiple) return values ?? [];
  const value = values?.at(-1);
  if (value !== undefined) return value;
  if (option.default !== undefined) return option.default;
  if (option.type === "boolean") return false;
  if (option.required && !helpWanted) {
    const spelled = `--${flagOf(key)} ${option.value ?? "VALUE"}`;
    throw wrongUse(command.name, `"waybill ${command.name}" needs ${spelled}.`);
  }
  return undefined;
}

function assignPositionals(
  command: Command,
  positionals: readonly string[],
): Record<string, string | string[] | undefined> {
  const assigned: Record<string, string | string[] | undefined> = {};
  let next = 0;
  for (const [key, argument] of Object.entries(command.arguments)) {
    const count = argument.count ?? "one";
    if (count === "many" || count === "any") {
      assigned[key] = positionals.slice(next);
      next = Math.max(next, positionals.length);
      if (count === "many" && assigned[key].length === 0) throw missing(command, key, argument);
    } else {
      if (positionals[next] === undefined && count === "one") throw missing(command, key, argument);
      assigned[key] = positionals[next++];
    }
  }
  const surplus = positionals[next];
  if (surplus !== undefined) {
    throw wrongUse(command.name, `"waybill ${command.name}" cannot use the word "${surplus}".`);
  }
  return assigned;
}

function missing(command: Command, key: string, argument: Argument): WaybillError {
  const usage = usageOf(key, argument).replace("...", "");
  return wrongUse(
    command.name,
    `"waybill ${command.name}" needs ${usage}: ${lowerFirst(argument.summary)}.`,
  );
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
