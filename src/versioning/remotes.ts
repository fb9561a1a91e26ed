import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { WaybillError } from "../foundation/index.ts";
import { type Cache, openObjectFolder } from "./cache.ts";
import { type Config, configOption } from "./config.ts";
import type { Repo } from "./repo.ts";

/** A remote of the repository's configuration. */
export interface RemoteConfig {
  readonly name: string;
  /** As the configuration spells it. */
  readonly url: string;
  readonly isDefault: boolean;
}

/** A place that holds objects, elsewhere. */
export interface Remote {
  readonly name: string;
  readonly objects: Cache;
}

/** The remotes that the configuration names, by name. */
export function listRemotes(repo: Repo): readonly RemoteConfig[] {
  const defaultName = configOption(repo.config, "core", "remote");
  return [...repo.config.keys()]
    .map((section) => /^remote "(.+)"$/u.exec(section)?.[1])
    .filter((name) => name !== undefined)
    .sort()
    .map((name) => ({
      name,
      url: configOption(repo.config, sectionOf(name), "url") ?? "",
      isDefault: name === defaultName,
    }));
}

/**
 * Opens a remote, by default the one that `core.remote` names.
 * @throws WaybillError `not_found` for a name that is not configured, `failed_precondition` when there is no
 *   default, `unimplemented` for a kind of remote that this part does not reach
 */
export function openRemote(repo: Repo, name?: string): Remote {
  const chosen = name ?? configOption(repo.config, "core", "remote");
  if (chosen === undefined) {
    throw new WaybillError("failed_precondition", "No remote is named, and none is the default.", {
      hint: 'Add one with "waybill remote add -d NAME URL".',
    });
  }
  const option = repo.config.get(sectionOf(chosen))?.get("url");
  if (option === undefined) {
    const known = listRemotes(repo).map((remote) => remote.name);
    throw new WaybillError("not_found", `There is no remote "${chosen}".`, {
      hint: known.length === 0 ? "No remote is configured." : `Known are ${known.join(", ")}.`,
    });
  }
  const folder = localFolderOf(option.value, option.folder, repo.config);
  if (folder === undefined) {
    throw new WaybillError(
      "unimplemented",
      `The remote "${chosen}" is at "${withoutCredentials(option.value)}", which is no folder of this machine.`,
      { hint: "Remotes that are folders are supported so far." },
    );
  }
  return { name: chosen, objects: openObjectFolder(folder) };
}

/** The section of a remote in the configuration. */
export function sectionOf(name: string): string {
  return `remote "${name}"`;
}

/** The folder that a url names: a path, relative to its configuration file, or a file URL. */
function localFolderOf(url: string, base: string, config: Config): string | undefined {
  const reference = /^remote:\/\/([^/]+)\/(.*)$/u.exec(url);
  if (reference !== null) {
    const other = config.get(sectionOf(reference[1] ?? ""))?.get("url");
    const folder = other && localFolderOf(other.value, other.folder, config);
    return folder && resolve(folder, reference[2] ?? "");
  }
  if (url.startsWith("file://")) return fileURLToPath(url);
  return /^[a-z][a-z0-9+.-]*:\/\//iu.test(url) ? undefined : resolve(base, url);
}

function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/iu, "$1");
}
