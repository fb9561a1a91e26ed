import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";

/** Where a project keeps its things. Relative values are relative to the project's home. */
export interface Config {
  /** Metadata store URI, `sqlite:FILE` for a file in the home. */
  readonly metadata: string;
  /** Folder of the raw zone. */
  readonly lake: string;
  /** Folder of the tables. */
  readonly warehouse: string;
  /** Folder of the online store. */
  readonly online: string;
  /** Threads of the embedded engine; left out, one a core. */
  readonly threads?: number;
  /** Memory limit of the embedded engine, for example "2GB". */
  readonly memoryLimit?: string;
}

export const CONFIG_FILE = "config.yaml";

const DEFAULTS: Config = {
  metadata: "sqlite:metadata.db",
  lake: "lake",
  warehouse: "warehouse",
  online: "online",
};

const KEYS: Readonly<Record<keyof Config, "string" | "number">> = {
  metadata: "string",
  lake: "string",
  warehouse: "string",
  online: "string",
  threads: "number",
  memoryLimit: "string",
};

/** Writes the configuration of a new project. */
export async function writeDefaultConfig(home: string): Promise<void> {
  const lines = Object.entries(DEFAULTS).map(([key, value]) => `${key}: ${value}`);
  await writeFileAtomically(
    join(home, CONFIG_FILE),
    `# A Waybill project. Relative paths are relative to this folder.\n${lines.join("\n")}\n`,
  );
}

/**
 * Reads a project's configuration; what it leaves out has its default.
 * @throws `invalid_argument` for YAML that does not parse, unknown keys and values of another type
 */
export async function readConfig(home: string): Promise<Config> {
  const path = join(home, CONFIG_FILE);
  const given = parseYaml(path, await readFile(path, "utf8"));
  if (given === null || given === undefined) return DEFAULTS;
  if (typeof given !== "object" || Array.isArray(given)) {
    throw new WaybillError("invalid_argument", `"${path}" holds no mapping of keys to values.`);
  }
  for (const [key, value] of Object.entries(given)) {
    const type = Object.hasOwn(KEYS, key) ? KEYS[key as keyof Config] : undefined;
    if (type === undefined) {
      throw new WaybillError("invalid_argument", `"${path}": unknown key "${key}".`, {
        hint: `Known keys: ${Object.keys(KEYS).join(", ")}.`,
      });
    }
    if (typeof value !== type) {
      throw new WaybillError("invalid_argument", `"${path}": "${key}" must be a ${type}.`);
    }
  }
  return { ...DEFAULTS, ...given };
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new WaybillError("invalid_argument", `"${path}": ${error.message.split("\n")[0]}`, {
      hint: "It must be YAML; the defaults are written by a new project.",
      cause: error,
    });
  }
}
