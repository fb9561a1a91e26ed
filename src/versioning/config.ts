import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { WaybillError } from "../foundation/index.ts";

/** The level of a configuration file, from the widest to the narrowest; narrower ones win. */
export type ConfigLevel = "system" | "global" | "repo" | "local";

/** One option of a section, with the folder of the file that says so: relative paths start there. */
export interface ConfigValue {
  readonly value: string;
  readonly level: ConfigLevel;
  readonly folder: string;
}

/** dvc's configuration, its levels merged: sections (`core`, `remote "store"`) of options. */
export type Config = ReadonlyMap<string, ReadonlyMap<string, ConfigValue>>;

const LEVELS: readonly ConfigLevel[] = ["system", "global", "repo", "local"];

/**
 * Reads dvc's configuration: system, global, `.dvc/config`, `.dvc/config.local`, the later ones winning.
 * @throws WaybillError `invalid_argument` when a file is not a configuration file
 */
export async function readConfig(dvcFolder: string): Promise<Config> {
  const merged = new Map<string, Map<string, ConfigValue>>();
  for (const level of LEVELS) {
    const path = configPath(level, dvcFolder);
    for (const [section, options] of parseConfig(await textOf(path), path)) {
      const known = merged.get(section) ?? new Map<string, ConfigValue>();
      merged.set(section, known);
      for (const [name, value] of options) {
        known.set(name, { value, level, folder: dirname(path) });
      }
    }
  }
  return merged;
}

/** An option's value, or undefined. */
export function configOption(config: Config, section: string, name: string): string | undefined {
  return config.get(section)?.get(name)?.value;
}

/** Whether an option is set to one of the words that dvc reads as true. */
export function isConfigOptionOn(config: Config, section: string, name: string): boolean {
  return /^(?:true|yes|on|1)$/iu.test(configOption(config, section, name) ?? "");
}

/** The path of a level's file; `DVC_SYSTEM_CONFIG_DIR` and `DVC_GLOBAL_CONFIG_DIR` move the outer two. */
export function configPath(level: ConfigLevel, dvcFolder: string): string {
  const configHome = process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config");
  switch (level) {
    case "system":
      return join(process.env["DVC_SYSTEM_CONFIG_DIR"] ?? "/etc/xdg/dvc", "config");
    case "global":
      return join(process.env["DVC_GLOBAL_CONFIG_DIR"] ?? join(configHome, "dvc"), "config");
    case "repo":
      return join(dvcFolder, "config");
    case "local":
      return join(dvcFolder, "config.local");
  }
}

/**
 * Parses one configuration file: INI with quoted section names, `#` comments, quoted values.
 * @throws WaybillError `invalid_argument` naming the line
 */
export function parseConfig(text: string, path: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let options: Map<string, string> | undefined;
  for (const [index, line] of text.split(/\r?\n/u).entries()) {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    const section = /^\[\s*(.*?)\s*\]\s*(?:#.*)?$/u.exec(content)?.[1];
    const option = /^([^=]+?)\s*=\s*(.*)$/u.exec(content);
    if (section !== undefined) {
      const name = unquote(section);
      options = sections.get(name) ?? new Map<string, string>();
      sections.set(name, options);
    } else if (options !== undefined && option !== null) {
      options.set(unquote(option[1] ?? "").toLowerCase(), unquote(option[2] ?? ""));
    } else {
      throw new WaybillError(
        "invalid_argument",
        `Line ${index + 1} of "${path}" is neither a [section] nor "name = value".`,
        { hint: "Mend the line by hand; dvc does not read the file either." },
      );
    }
  }
  return sections;
}

/** Writes sections as dvc does: options indented by four, names of sections quoted where they need it. */
export function stringifyConfig(
  sections: ReadonlyMap<string, ReadonlyMap<string, string>>,
): string {
  let text = "";
  for (const [section, options] of sections) {
    if (options.size === 0) continue;
    text += `${configSectionLine(section)}\n`;
    for (const [name, value] of options) text += `    ${name} = ${configValueText(value)}\n`;
  }
  return text;
}

/** The line that opens a section; names with a blank or a quote in them are quoted. */
export function configSectionLine(section: string): string {
  return `[${/["\s]/u.test(section) ? `'${section}'` : section}]`;
}

/** A value as it stands behind `=`, quoted where it would be misread. */
export function configValueText(value: string): string {
  if (value === "") return '""';
  if (!/[#,'"]|^\s|\s$/u.test(value)) return value;
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}

function unquote(text: string): string {
  const quoted = /^(['"])(.*?)\1\s*(?:#.*)?$/su.exec(text);
  if (quoted !== null) return quoted[2] ?? "";
  return text.replace(/\s+#.*$/u, "");
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const failure = WaybillError.from(error);
    if (failure.code === "not_found" || failure.code === "invalid_argument") return "";
    throw failure;
  }
}
