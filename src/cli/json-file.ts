import { readFile } from "node:fs/promises";
import { WaybillError } from "../foundation/index.ts";
import { explain } from "./failure.ts";

/** The members of a JSON object from a file, each read once and with its type checked. */
export interface JsonMembers {
  boolean(name: string): boolean | undefined;
  integer(name: string): number | undefined;
  list(name: string): readonly unknown[] | undefined;
  object(name: string): Readonly<Record<string, unknown>> | undefined;
  /** @throws `invalid_argument` naming the members that nobody asked for */
  refuseOthers(): void;
}

/**
 * Reads an object of options from a JSON file.
 * @throws `not_found`, or `invalid_argument` for what is no JSON object
 */
export async function readJsonObject(path: string): Promise<JsonMembers> {
  const text = await readFile(path, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (caught) {
    throw new WaybillError("invalid_argument", `"${path}" is no JSON: ${explain(caught).message}`, {
      cause: caught,
    });
  }
  if (!isObject(value)) {
    throw new WaybillError("invalid_argument", `"${path}" holds no JSON object.`);
  }
  return membersOf(value, path);
}

/** As {@link readJsonObject}, for an object in hand; `where` names it in messages. */
export function membersOf(value: Readonly<Record<string, unknown>>, where: string): JsonMembers {
  const asked = new Set<string>();
  const read = <T>(name: string, isWanted: (member: unknown) => member is T, wanted: string) => {
    asked.add(name);
    const member = value[name];
    if (member === undefined || member === null) return undefined;
    if (isWanted(member)) return member;
    throw new WaybillError("invalid_argument", `"${where}": "${name}" must be ${wanted}.`);
  };
  return {
    boolean: (name) => read(name, (member) => typeof member === "boolean", "true or false"),
    integer: (name) => read(name, isInteger, "a whole number"),
    list: (name) => read(name, (member) => Array.isArray(member), "a list"),
    object: (name) => read(name, isObject, "an object"),
    refuseOthers() {
      const unknown = Object.keys(value).filter((name) => !asked.has(name));
      if (unknown.length === 0) return;
      throw new WaybillError(
        "invalid_argument",
        `"${where}": unknown option ${unknown.map((name) => `"${name}"`).join(", ")}.`,
        { hint: `Known are ${[...asked].sort().join(", ")}.` },
      );
    },
  };
}

/** Whether a JSON value is an object with members. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value);
}
