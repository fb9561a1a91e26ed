import { type SpawnSyncOptionsWithStringEncoding, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { WaybillError } from "../../foundation/index.ts";
import { parseUrl } from "./http.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";

/** Which way objects go; servers and settings may tell the two apart. */
export type Operation = "download" | "upload";

/** Where a remote's objects are. */
export type Endpoint =
  /** An LFS server, with what has to go along with every request. */
  | {
      readonly kind: "http";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** A repository on this machine. */
  | { readonly kind: "folder"; readonly storage: string };

/** The remote that is meant when none is named: the branch's, the configured default, or the only one. */
export function defaultRemote(repository: LfsRepository, operation: Operation): string {
  const { config } = repository;
  const folder = folderOf(repository);
  const branch = tryGit(folder, ["symbolic-ref", "--short", "-q", "HEAD"]).stdout.trim();
  const configured =
    operation === "upload"
      ? (config.get(`branch.${branch}.pushremote`) ??
        config.get("remote.lfspushdefault") ??
        config.get("remote.pushdefault") ??
        config.get(`branch.${branch}.remote`))
      : config.get(`branch.${branch}.remote`);
  const chosen = configured ?? config.get("remote.lfsdefault");
  if (chosen !== undefined && chosen !== ".") return chosen;
  const remotes = tryGit(folder, ["remote"])
    .stdout.split("\n")
    .filter((name) => name !== "");
  return remotes.length === 1 ? (remotes[0] ?? "origin") : "origin";
}

/**
 * Finds a remote's objects: `lfs.url`, then `remote.NAME.lfsurl`, each with a form for pushing, then the
 * remote's own address. Source: git-lfs, docs/api/server-discovery.md.
 * @throws WaybillError `failed_precondition` when there is no such remote
 */
export function findEndpoint(
  repository: LfsRepository,
  remote: string,
  operation: Operation,
): Endpoint {
  const { config } = repository;
  const keys =
    operation === "upload"
      ? ["lfs.pushurl", "lfs.url", `remote.${remote}.lfspushurl`, `remote.${remote}.lfsurl`]
      : ["lfs.url", `remote.${remote}.lfsurl`];
  for (const key of keys) {
    const url = config.get(key);
    if (url !== undefined && url !== "") return fromLfsUrl(repository, url, operation);
  }
  const folder = folderOf(repository);
  const push = operation === "upload" ? ["--push"] : [];
  const named = tryGit(folder, ["remote", "get-url", ...push, remote]);
  const url = named.exitCode === 0 ? named.stdout.trim() : remote;
  if (named.exitCode !== 0 && !/[:/]/u.test(remote)) {
    throw new WaybillError("failed_precondition", `There is no remote "${remote}".`, {
      hint: 'Name one of "git remote", or set lfs.url.',
    });
  }
  return fromGitUrl(repository, url, operation);
}

function fromLfsUrl(repository: LfsRepository, url: string, operation: Operation): Endpoint {
  if (/^https?:/iu.test(url)) return { kind: "http", url: url.replace(/\/+$/u, ""), headers: {} };
  return fromGitUrl(repository, url, operation);
}

function fromGitUrl(repository: LfsRepository, url: string, operation: Operation): Endpoint {
  if (/^https?:/iu.test(url)) {
    const base = url.replace(/\/+$/u, "");
    parseUrl(base);
    return {
      kind: "http",
      url: `${base}${base.endsWith(".git") ? "" : ".git"}/info/lfs`,
      headers: {},
    };
  }
  const ssh = parseSsh(url);
  if (ssh !== undefined) return fromSsh(repository, ssh, operation);
  const path = /^file:/iu.test(url) ? fileURLToPath(url) : url;
  const absolute = isAbsolute(path) ? path : resolve(folderOf(repository), path);
  return { kind: "folder", storage: storageOf(absolute) };
}

/** Where the repository at a path keeps its objects: it may be bare, or have a work tree. */
function storageOf(path: string): string {
  const candidates = [join(path, ".git"), path, `${path}.git`];
  const found = candidates.find((each) => existsSync(join(each, "HEAD")));
  if (found !== undefined) return join(found, "lfs");
  // In a linked work tree .git is a file, which git itself can read.
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const shown = isFolder ? tryGit(path, ["rev-parse", "--git-common-dir"]) : undefined;
  if (shown?.exitCode === 0) return join(resolve(path, shown.stdout.trim()), "lfs");
  throw new WaybillError("failed_precondition", `There is no repository at "${path}".`);
}

interface SshAddress {
  readonly target: string;
  readonly port: string | undefined;
  readonly path: string;
}

function parseSsh(url: string): SshAddress | undefined {
  const [, target, port, path] =
    /^(?:git\+)?ssh:\/\/([^/:]+)(?::(\d+))?\/(.*)$/iu.exec(url) ??
    /^([^/:]+)():(?!\/\/)(.+)$/u.exec(url) ??
    [];
  if (target === undefined || path === undefined) return undefined;
  return { target, port: port === "" ? undefined : port, path };
}

/** Asks the host over SSH where its LFS server is and how to be let in, as git-lfs does. */
function fromSsh(
  { config }: LfsRepository,
  { target, port, path }: SshAddress,
  operation: Operation,
): Endpoint {
  const host = target.replace(/^.*@/u, "");
  if (target.startsWith("-") || path.startsWith("-")) {
    throw new WaybillError("invalid_argument", `"${target}:${path}" is not an SSH address.`);
  }
  const words = [...(port === undefined ? [] : ["-p", port]), target];
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const remoteCommand = `git-lfs-authenticate ${quoted} ${operation}`;
  const shellCommand = process.env["GIT_SSH_COMMAND"] ?? config.get("core.sshcommand");
  const options: SpawnSyncOptionsWithStringEncoding = {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  };
  const result =
    shellCommand === undefined
      ? spawnSync(process.env["GIT_SSH"] ?? "ssh", [...words, remoteCommand], options)
      : // The setting is a line for the shell, to which git adds the words as arguments.
        spawnSync("sh", ["-c", `${shellCommand} "$@"`, "ssh", ...words, remoteCommand], options);
  const fallback = `https://${host}/${path.replace(/^\/|\.git$/gu, "")}.git/info/lfs`;
  if (result.status !== 0) {
    throw new WaybillError("unavailable", `${host} does not say where its LFS server is.`, {
      hint: "Check that ssh reaches it, or set lfs.url.",
      cause: result.error,
    });
  }
  const { href, header } = Object(parseJson(result.stdout, host));
  const headers = Object.fromEntries(
    Object.entries(Object(header)).map(([name, value]) => [name, String(value)]),
  );
  const url = typeof href === "string" && href !== "" ? href : fallback;
  return { kind: "http", url: url.replace(/\/+$/u, ""), headers };
}

function parseJson(text: string, host: string): unknown {
  try {
    return JSON.parse(text.trim() || "{}");
  } catch (cause) {
    throw new WaybillError("unavailable", `${host} answers with something that is no JSON.`, {
      cause,
    });
  }
}
