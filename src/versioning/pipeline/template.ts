import { WaybillError } from "../../foundation/index.ts";
import { YamlPlain, type YamlValue } from "../formats/yaml.ts";
import { isList, isYamlMap, type YamlMap } from "../formats/yaml-values.ts";

/** What `${...}` in a `dvc.yaml` may name. */
export type Context = YamlMap;

const EXPRESSION = /(?<!\\)\$\{(.*?)\}/gsu;

/**
 * Fills in every `${...}` of a value, in keys too. A string that is one expression alone becomes the value
 * itself.
 * @param where for messages
 * @throws WaybillError `invalid_argument` for a name that the context does not have
 */
export function resolveTemplates(value: YamlValue, context: Context, where: string): YamlValue {
  if (typeof value === "string") return resolveString(value, context, where);
  if (isList(value)) return value.map((item) => resolveTemplates(item, context, where));
  if (!isYamlMap(value)) return value;
  return new Map(
    [...value].map(([key, member]) => [
      textOf(resolveString(key, context, where), where),
      resolveTemplates(member, context, where),
    ]),
  );
}

/** A scalar as it is put into a string: as Python's `str` has it, but for booleans. */
export function textOf(value: YamlValue, where: string): string {
  if (value === null) return "None";
  if (value instanceof YamlPlain) return value.text;
  if (typeof value !== "object") return String(value);
  throw new WaybillError(
    "invalid_argument",
    `In ${where} a list or mapping stands where text is needed.`,
  );
}

/**
 * Lays one context over another, mappings into mappings.
 * @throws WaybillError `invalid_argument` when both have a value of one name: dvc allows no overwriting
 */
export function mergeContexts(base: Context, added: Context, where: string): Context {
  const merged = new Map(base);
  for (const [key, value] of added) {
    const before = merged.get(key);
    if (before === undefined) merged.set(key, value);
    else if (isYamlMap(before) && isYamlMap(value)) {
      merged.set(key, mergeContexts(before, value, where));
    } else {
      throw new WaybillError("invalid_argument", `${where}: "${key}" is given twice.`, {
        hint: "Give the variable another name in one of the places.",
      });
    }
  }
  return merged;
}

/**
 * A command: a mapping that it interpolates becomes options, `--key value`, as dvc has it.
 */
export function resolveCommand(command: string, context: Context, where: string): string {
  return unescaped(
    command.replace(EXPRESSION, (_, expression: string) => {
      const value = lookUp(expression, context, where);
      return isYamlMap(value) ? optionsOf(value, "", where).join(" ") : textOf(value, where);
    }),
  );
}

function resolveString(text: string, context: Context, where: string): YamlValue {
  const whole = /^(?<!\\)\$\{([^}]*)\}$/su.exec(text);
  if (whole !== null) return lookUp(whole[1] ?? "", context, where);
  return unescaped(
    text.replace(EXPRESSION, (_, expression: string) =>
      textOf(lookUp(expression, context, where), where),
    ),
  );
}

function unescaped(text: string): string {
  return text.replaceAll("\\${", "${");
}

function lookUp(expression: string, context: Context, where: string): YamlValue {
  const steps = expression.trim().replaceAll("[", ".").replaceAll("]", "").split(".");
  let value: YamlValue | undefined = context;
  for (const step of steps) {
    if (isYamlMap(value)) value = value.get(step);
    else if (isList(value)) value = /^\d+$/u.test(step) ? value[Number(step)] : undefined;
    else value = undefined;
  }
  if (value === undefined) {
    throw new WaybillError(
      "invalid_argument",
      `${where} names "${expression}", which is not known.`,
      {
        hint: 'Give it in params.yaml, or under "vars" of dvc.yaml.',
      },
    );
  }
  return value;
}

function optionsOf(values: YamlMap, prefix: string, where: string): string[] {
  return [...values].flatMap(([key, value]) => {
    const name = prefix + key;
    if (isYamlMap(value)) return optionsOf(value, `${name}.`, where);
    if (typeof value === "boolean") return value ? [`--${name}`] : [];
    if (isList(value)) {
      const items = value.map((item) => shellWord(item, where));
      return items.length === 0 ? [] : [`--${name} ${items.join(" ")}`];
    }
    return [`--${name} ${shellWord(value, where)}`];
  });
}

function shellWord(value: YamlValue, where: string): string {
  if (typeof value !== "string") return textOf(value, where);
  if (/^[\w@%+=:,./-]+$/u.test(value)) return value;
  return `'${value.replaceAll("'", `'"'"'`)}'`;
}
