import { mkdirSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import {
  type ConfigLevel,
  configOption,
  configPath,
  configSectionLine,
  configValueText,
  parseConfig,
} from "./config.ts";
import { sectionOf } from "./remotes.ts";
import { openRepo, type Repo } from "./repo.ts";

export interface ConfigEditOptions {
  /** Which file is edited; `repo` (`.dvc/config`) by default. */
  readonly level?: ConfigLevel;
}

/**
 * Sets options of one section of a configuration file, or takes them out (`undefined`); comments and everything
 * else stay as they are. A section without options goes.
 * @returns the repository with the new configuration
 * @throws WaybillError `invalid_argument` for a name or value that the file cannot hold
 */
export async function setConfigOptions(
  repo: Repo,
  section: string,
  values: Readonly<Record<string, string | undefined>>,
  options: ConfigEditOptions = {},
): Promise<Repo> {
  const path = configPath(options.level ?? "repo", repo.dvcFolder);
  const text = readIfThere(path);
  parseConfig(text, path);
  let lines = text === "" ? [] : text.replace(/\n$/u, "").split("\n");
  for (const [name, value] of Object.entries(values)) {
    checkText(section, "section", /[\]\n\0]/u);
    checkText(name, "option", /[=\s#[\]'"\0]/u);
    if (value !== undefined) checkText(value, "value", /[\n\0]/u);
    lines = withOption(lines, section, name.toLowerCase(), value);
  }
  mkdirSync(dirname(path), { recursive: true });
  await writeFileAtomically(path, lines.length === 0 ? "" : `${lines.join("\n")}\n`);
  return openRepo(repo.root);
}

/**
 * Reads or sets `section.option`, the form that `dvc config` takes; a remote's is `remote.NAME.option`.
 * @throws WaybillError `invalid_argument` for another form
 */
export function parseOptionName(text: string): { readonly section: string; readonly name: string } {
  const remote = /^remote\.(.+)\.([^.]+)$/u.exec(text);
  if (remote !== null) return { section: sectionOf(remote[1] ?? ""), name: remote[2] ?? "" };
  const plain = /^([^.]+)\.([^.]+)$/u.exec(text);
  if (plain !== null) return { section: plain[1] ?? "", name: plain[2] ?? "" };
  throw new WaybillError("invalid_argument", `"${text}" does not name an option.`, {
    hint: 'An option looks like "core.remote" or "remote.NAME.url".',
  });
}

export interface AddRemoteOptions extends ConfigEditOptions {
  /** Makes it the default. */
  readonly isDefault?: boolean;
  /** Replaces one of this name. */
  readonly force?: boolean;
  /** The folder that a relative path counts from; the repository's root by default. */
  readonly cwd?: string;
}

/**
 * Adds a remote. A relative path is written relative to the configuration file, as dvc does.
 * @throws WaybillError `already_exists`
 */
export async function addRemote(
  repo: Repo,
  name: string,
  url: string,
  options: AddRemoteOptions = {},
): Promise<Repo> {
  const section = sectionOf(name);
  checkText(name, "remote", /["'\]\s\0]/u);
  if (repo.config.has(section) && options.force !== true) {
    throw new WaybillError("already_exists", `There is a remote "${name}" already.`, {
      hint: 'Change it with "waybill remote modify", or replace it with --force.',
    });
  }
  const folder = dirname(configPath(options.level ?? "repo", repo.dvcFolder));
  const changed = await setConfigOptions(
    repo,
    section,
    { url: urlFor(url, folder, options.cwd ?? repo.root) },
    options,
  );
  if (options.isDefault !== true) return changed;
  return setConfigOptions(changed, "core", { remote: name }, options);
}

/**
 * Sets an option of a remote, or takes it out when no value is given.
 * @throws WaybillError `not_found`
 */
export async function modifyRemote(
  repo: Repo,
  name: string,
  option: string,
  value: string | undefined,
  options: ConfigEditOptions & { readonly cwd?: string } = {},
): Promise<Repo> {
  requireRemote(repo, name);
  const folder = dirname(configPath(options.level ?? "repo", repo.dvcFolder));
  const isUrl = option === "url" && value !== undefined;
  const written = isUrl ? urlFor(value, folder, options.cwd ?? repo.root) : value;
  return setConfigOptions(repo, sectionOf(name), { [option]: written }, options);
}

/**
 * Takes a remote out of the configuration, also as the default one; what it holds stays.
 * @throws WaybillError `not_found`
 */
export async function removeRemote(
  repo: Repo,
  name: string,
  options: ConfigEditOptions = {},
): Promise<Repo> {
  const names = [...requireRemote(repo, name).keys()];
  const nothing = Object.fromEntries(names.map((option) => [option, undefined]));
  const changed = await setConfigOptions(repo, sectionOf(name), nothing, options);
  if (configOption(changed.config, "core", "remote") !== name) return changed;
  return setConfigOptions(changed, "core", { remote: undefined }, options);
}

/**
 * Gives a remote another name, also where it is the default one.
 * @throws WaybillError `not_found`, `already_exists`
 */
export async function renameRemote(
  repo: Repo,
  name: string,
  newName: string,
  options: ConfigEditOptions = {},
): Promise<Repo> {
  requireRemote(repo, name);
  checkText(newName, "remote", /["'\]\s\0]/u);
  if (repo.config.has(sectionOf(newName))) {
    throw new WaybillError("already_exists", `There is a remote "${newName}" already.`);
  }
  const path = configPath(options.level ?? "repo", repo.dvcFolder);
  const lines = readIfThere(path).split("\n");
  const renamed = lines.map((line) =>
    isSectionLine(line, sectionOf(name)) ? configSectionLine(sectionOf(newName)) : line,
  );
  await writeFileAtomically(path, renamed.join("\n"));
  const changed = await openRepo(repo.root);
  if (configOption(changed.config, "core", "remote") !== name) return changed;
  return setConfigOptions(changed, "core", { remote: newName }, options);
}

function withOption(
  lines: readonly string[],
  section: string,
  name: string,
  value: string | undefined,
): string[] {
  const start = lines.findIndex((line) => isSectionLine(line, section));
  if (start < 0) {
    if (value === undefined) return [...lines];
    const added = [configSectionLine(section), `    ${name} = ${configValueText(value)}`];
    // Remotes stand last, as dvc has them.
    const firstRemote = lines.findIndex((line) => /^\s*\[\s*'?remote "/u.test(line));
    const at = section.startsWith("remote ") || firstRemote < 0 ? lines.length : firstRemote;
    return lines.toSpliced(at, 0, ...added);
  }
  const after = lines.findIndex((line, index) => index > start && /^\s*\[/u.test(line));
  const end = after < 0 ? lines.length : after;
  const isOption = (line: string) => /^\s*[^#\s[][^=]*=/u.test(line);
  const at = lines.findIndex(
    (line, index) => index > start && index < end && isOption(line) && nameIn(line) === name,
  );
  if (value !== undefined) {
    const line = `    ${name} = ${configValueText(value)}`;
    if (at >= 0) return lines.with(at, line);
    let last = start;
    for (let i = start + 1; i < end; i++) if ((lines[i] ?? "").trim() !== "") last = i;
    return lines.toSpliced(last + 1, 0, line);
  }
  if (at < 0) return [...lines];
  const rest = lines.toSpliced(at, 1);
  const isBare = rest.slice(start + 1, end - 1).every((line) => line.trim() === "");
  return isBare ? rest.toSpliced(start, end - 1 - start) : rest;
}

function nameIn(line: string): string {
  return (line.split("=", 1)[0] ?? "")
    .trim()
    .replace(/^(['"])(.*)\1$/u, "$2")
    .toLowerCase();
}

function isSectionLine(line: string, section: string): boolean {
  return /^\s*\[/u.test(line) && parseConfig(line, "").has(section);
}

function requireRemote(repo: Repo, name: string): ReadonlyMap<string, unknown> {
  const section = repo.config.get(sectionOf(name));
  if (section !== undefined) return section;
  throw new WaybillError("not_found", `There is no remote "${name}".`, {
    hint: 'See which there are with "waybill remote list".',
  });
}

function urlFor(url: string, configFolder: string, cwd: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(url) || isAbsolute(url)) return url;
  return relative(configFolder, resolve(cwd, url));
}

function checkText(text: string, what: string, forbidden: RegExp): void {
  if (text !== "" && !forbidden.test(text)) return;
  throw new WaybillError("invalid_argument", `${JSON.stringify(text)} is no usable ${what}.`);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const failure = WaybillError.from(error);
    if (failure.code === "not_found") return "";
    throw failure;
  }
}
