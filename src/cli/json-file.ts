import { readFile } from "node:fs/promises";
import { WaybillError } from "../foundation/index.ts";
import { explain } from "./failure.ts";

/** The members of a JSON object from a file, each read once and with its type checked. */
export interface JsonMembers {
  boolean(name: string): boolean | undefined;
  list(name: string): readonly unknown[] | undefined;
  /** @throws `invalid_argument` naming the members that nobody asked for */
  refuseOthers(): void;
}

/**
 * Reads a JSON file.
 * @throws `not_found`, or `invalid_argument` for what is no JSON
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text);
  } catch (caught) {
    throw new WaybillError("invalid_argument", `"${path}" is no JSON: ${explain(caught).message}`, {
      cause: caught,
    });
  }
}

/**
 * Reads an object of options from a JSON file.
 * @throws `not_found`, or `invalid_argument` for what is no JSON object
 */
export async function readJsonObject(path: string): Promise<JsonMembers> {
  const value = await readJson(path);
  if (isObject(value)) return membersOf(value, path);
  throw new WaybillError("invalid_argument", `"${path}" holds no JSON object.`);
}

function membersOf(value: Readonly<Record<string, unknown>>, where: string): JsonMembers {
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
    list: (name) => read(name, (member) => Array.isArray(member), "a list"),
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
