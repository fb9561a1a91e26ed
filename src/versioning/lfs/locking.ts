import { chmodSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import { connectServer, type LfsServer, LfsServerError, type Lock } from "./api.ts";
import { lockablePaths } from "./attributes.ts";
import { defaultRemote, findEndpoint } from "./endpoint.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";

/** Which server is asked. */
export interface LockingOptions {
  /** Default: the remote that is pushed to. */
  readonly remote?: string | undefined;
}

/** Which locks are listed. */
export interface LocksOptions extends LockingOptions {
  readonly path?: string | undefined;
  readonly id?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * Locks a file for us, so that others' pushes of it are halted, and makes it writable.
 * @param path relative to `folder`
 * @throws WaybillError `already_exists` naming who has it
 */
export async function lock(
  repository: LfsRepository,
  folder: string,
  path: string,
  options: LockingOptions = {},
): Promise<Lock> {
  const name = pathInRepository(repository, folder, path);
  using server = serverOf(repository, options);
  try {
    const taken = await server.lock(name, branchOf(repository));
    setWritable(repository, name, true);
    return taken;
  } catch (error) {
    if (!(error instanceof LfsServerError) || error.status !== 409) throw error;
    const owner = Object(Object(Object(error.document)["lock"])["owner"])["name"];
    const who = typeof owner === "string" ? `"${owner}"` : "somebody";
    throw new WaybillError("already_exists", `"${name}" is locked by ${who}.`, {
      hint: 'Ask them to unlock it, or see "waybill lfs locks".',
      cause: error,
    });
  }
}

/**
 * Ends a lock, named by its path or by its id, and makes a lockable file read-only again.
 * @throws WaybillError `not_found` without such a lock, `permission_denied` for another's without `force`
 */
export async function unlock(
  repository: LfsRepository,
  folder: string,
  which: { readonly path: string } | { readonly id: string },
  options: LockingOptions & { readonly force?: boolean } = {},
): Promise<Lock> {
  using server = serverOf(repository, options);
  let id: string;
  if ("id" in which) {
    id = which.id;
  } else {
    const path = pathInRepository(repository, folder, which.path);
    if (options.force !== true) refuseChanged(repository, path);
    const [found] = await server.locks({ path });
    if (found === undefined) {
      throw new WaybillError("not_found", `"${path}" is not locked.`, {
        hint: '"waybill lfs locks" lists what is.',
      });
    }
    id = found.id;
  }
  const ended = await server.unlock(id, options.force ?? false, branchOf(repository));
  const isReadOnly = repository.config.flag("lfs.setlockablereadonly", true);
  if (isReadOnly && lockablePaths(repository, [ended.path]).has(ended.path)) {
    setWritable(repository, ended.path, false);
  }
  return ended;
}

/** The server's locks, in the order in which it gives them. */
export async function locks(
  repository: LfsRepository,
  options: LocksOptions = {},
): Promise<readonly Lock[]> {
  using server = serverOf(repository, options);
  const { path, id, limit } = options;
  const query = { ...(path === undefined ? {} : { path }), ...(id === undefined ? {} : { id }) };
  return await server.locks(query, limit);
}

/** Our locks and others', as the server tells them apart. */
export async function verifiedLocks(
  repository: LfsRepository,
  options: LockingOptions = {},
): Promise<{ readonly ours: readonly Lock[]; readonly theirs: readonly Lock[] }> {
  using server = serverOf(repository, options);
  const found = await server.verifyLocks(branchOf(repository));
  if (found !== undefined) return found;
  throw new WaybillError("unimplemented", "The server has no locks.");
}

function serverOf(repository: LfsRepository, { remote }: LockingOptions): LfsServer {
  const name = remote ?? defaultRemote(repository, "upload");
  const endpoint = findEndpoint(repository, name, "upload");
  if (endpoint.kind === "http") return connectServer(repository, endpoint);
  throw new WaybillError("unimplemented", `The remote "${name}" is a folder, which has no locks.`, {
    hint: "Set lfs.url to an LFS server.",
  });
}

function pathInRepository(repository: LfsRepository, folder: string, path: string): string {
  const root = folderOf(repository);
  const name = relative(root, resolve(folder, path));
  const isInside =
    name !== "" && name !== ".." && !name.startsWith(`..${sep}`) && !isAbsolute(name);
  if (!isInside) {
    throw new WaybillError("invalid_argument", `"${path}" is not within the repository.`);
  }
  const info = statSync(join(root, name), { throwIfNoEntry: false });
  if (info?.isDirectory()) {
    throw new WaybillError("invalid_argument", `"${name}" is a folder; locks are for files.`);
  }
  return name.split(sep).join("/");
}

/** Ending a lock on a file with changes invites others to change it too. */
function refuseChanged(repository: LfsRepository, path: string): void {
  const args = ["status", "--porcelain", "-z", "--", `:(top,literal)${path}`];
  if (tryGit(folderOf(repository), args).stdout === "") return;
  throw new WaybillError("failed_precondition", `"${path}" has changes that are not committed.`, {
    hint: "Commit and push them first, or use --force.",
  });
}

function setWritable(repository: LfsRepository, path: string, isWritable: boolean): void {
  const absolute = join(folderOf(repository), path);
  const info = statSync(absolute, { throwIfNoEntry: false });
  if (info === undefined) return;
  chmodSync(absolute, isWritable ? info.mode | 0o200 : info.mode & ~0o222);
}

function branchOf(repository: LfsRepository): string | undefined {
  const { exitCode, stdout } = tryGit(folderOf(repository), ["symbolic-ref", "-q", "HEAD"]);
  return exitCode === 0 ? stdout.trim() : undefined;
}
