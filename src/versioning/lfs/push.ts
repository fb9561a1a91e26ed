import { statSync } from "node:fs";
import { WaybillError } from "../../foundation/index.ts";
import { connectServer, LfsServerError, type Lock, type ObjectId } from "./api.ts";
import { defaultRemote, findEndpoint } from "./endpoint.ts";
import { hasObject, objectPath } from "./objects.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";
import { commitOf, pointersInHistory } from "./scan.ts";
import { type TransferOptions, type TransferResult, uploadObjects } from "./transfer.ts";

/** What is pushed. */
export interface PushOptions extends TransferOptions {
  /** Branches or commits; default the current branch. */
  readonly refs?: readonly string[];
  /** The objects of all branches and tags, those too that the remote should have. */
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** What came of a push. */
export interface PushResult extends TransferResult {
  /** Every object that the pushed commits need. */
  readonly wanted: readonly (ObjectId & { readonly path: string })[];
  /** Pushed files that others have locked; when there are any, nothing was sent. */
  readonly lockedByOthers: readonly Lock[];
  /** Pushed files that we have locked, perhaps no longer for a reason. */
  readonly lockedByUs: readonly Lock[];
}

/**
 * Uploads the objects that commits need and the remote's branches do not have yet, after asking whether somebody
 * has locked one of their files. Objects that are missing here fail unless the remote has them
 * (`lfs.allowincompletepush` lets the rest pass).
 */
export async function push(
  repository: LfsRepository,
  options: PushOptions = {},
): Promise<PushResult> {
  const remote = options.remote ?? defaultRemote(repository, "upload");
  const commits = (options.refs ?? ["HEAD"]).map((ref) => commitOf(repository, ref));
  const range = options.all ? ["--all"] : [...commits, ...known(remote)];
  const ref = options.ref ?? branchOf(repository, options.refs?.[0] ?? "HEAD");
  return pushRange(repository, range, { ...options, remote, ref });
}

/**
 * Uploads objects by their ids, whatever commit they are of.
 * @throws WaybillError `not_found` for one that is not here
 */
export async function pushObjects(
  repository: LfsRepository,
  oids: readonly string[],
  options: TransferOptions = {},
): Promise<TransferResult> {
  const objects = oids.map((oid) => {
    const info = statSync(objectPath(repository, oid), { throwIfNoEntry: false });
    if (info !== undefined) return { oid, size: info.size };
    throw new WaybillError("not_found", `This repository has no object ${oid}.`);
  });
  return uploadObjects(repository, objects, options);
}

/** One line of what git tells a pre-push hook. */
interface PushedRef {
  readonly localCommit: string;
  readonly remoteRef: string;
  readonly remoteCommit: string;
}

/**
 * Git's pre-push hook: uploads what the commits need before git sends them.
 * @param lines git's lines of `LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID`
 */
export async function prePush(
  repository: LfsRepository,
  lines: string,
  options: TransferOptions & { readonly remote: string; readonly dryRun?: boolean },
): Promise<PushResult> {
  const refs = lines.split("\n").flatMap(parsePushedRef);
  let total: PushResult = {
    wanted: [],
    transferred: [],
    failed: [],
    lockedByOthers: [],
    lockedByUs: [],
  };
  for (const { localCommit, remoteRef, remoteCommit } of refs) {
    const base = isHere(repository, remoteCommit) ? [remoteCommit] : [];
    const range = [localCommit, ...known(options.remote), ...base];
    const result = await pushRange(repository, range, { ...options, ref: remoteRef });
    total = {
      wanted: [...total.wanted, ...result.wanted],
      transferred: [...total.transferred, ...result.transferred],
      failed: [...total.failed, ...result.failed],
      lockedByOthers: [...total.lockedByOthers, ...result.lockedByOthers],
      lockedByUs: [...total.lockedByUs, ...result.lockedByUs],
    };
    if (result.lockedByOthers.length > 0) break;
  }
  return total;
}

async function pushRange(
  repository: LfsRepository,
  range: readonly string[],
  options: TransferOptions & { readonly remote: string; readonly dryRun?: boolean },
): Promise<PushResult> {
  const wanted = new Map<string, ObjectId & { readonly path: string }>();
  const paths = new Set<string>();
  for await (const { path, pointer } of pointersInHistory(repository, range)) {
    const { oid, size } = pointer;
    if (size > 0) wanted.set(oid, { oid, size, path });
    paths.add(path);
  }
  const list = [...wanted.values()];
  const none = { transferred: [], failed: [] };
  if (list.length === 0) return { wanted: [], ...none, lockedByOthers: [], lockedByUs: [] };
  const locks = await locksOn(repository, paths, options);
  if (locks.lockedByOthers.length > 0 || options.dryRun) return { wanted: list, ...none, ...locks };
  const result = await uploadObjects(repository, list, options);
  const isLenient = repository.config.flag("lfs.allowincompletepush", false);
  const failed = isLenient
    ? result.failed.filter(({ object: { oid, size } }) => hasObject(repository, oid, size))
    : result.failed;
  return { wanted: list, transferred: result.transferred, failed, ...locks };
}

/** Asks who has locked what; a server that has no locks, or is not asked by setting, has none. */
async function locksOn(
  repository: LfsRepository,
  paths: ReadonlySet<string>,
  options: TransferOptions & { readonly remote: string },
): Promise<Pick<PushResult, "lockedByOthers" | "lockedByUs">> {
  const none = { lockedByOthers: [], lockedByUs: [] };
  const endpoint = findEndpoint(repository, options.remote, "upload");
  if (endpoint.kind !== "http") return none;
  const { config } = repository;
  const setting = config.get(`lfs.${endpoint.url}.locksverify`) ?? config.get("lfs.locksverify");
  if (setting !== undefined && ["false", "no", "off", "0"].includes(setting.toLowerCase())) {
    return none;
  }
  using server = connectServer(repository, endpoint);
  try {
    const locks = await server.verifyLocks(options.ref);
    const concerns = ({ path }: Lock) => paths.has(path);
    return {
      lockedByOthers: locks?.theirs.filter(concerns) ?? [],
      lockedByUs: locks?.ours.filter(concerns) ?? [],
    };
  } catch (error) {
    // Unless locks are asked for by setting, a server that fails at them does not stop a push.
    const isUnwell = error instanceof LfsServerError && error.status !== 401;
    if (isUnwell && setting === undefined) return none;
    throw error;
  }
}

function known(remote: string): readonly string[] {
  return ["--not", `--remotes=${remote.replaceAll(/[*?[\]\\]/gu, "\\$&")}`];
}

function isHere(repository: LfsRepository, commit: string): boolean {
  if (/^0+$/u.test(commit)) return false;
  return tryGit(folderOf(repository), ["cat-file", "-e", `${commit}^{commit}`]).exitCode === 0;
}

/** The full name of a branch, for servers that decide by it. */
function branchOf(repository: LfsRepository, ref: string): string | undefined {
  const args = ["rev-parse", "--symbolic-full-name", "--verify", "-q", "--end-of-options", ref];
  const name = tryGit(folderOf(repository), args).stdout.trim().split("\n").at(-1) ?? "";
  return name.startsWith("refs/") ? name : undefined;
}

function parsePushedRef(line: string): PushedRef[] {
  const [, localCommit = "", remoteRef = "", remoteCommit = ""] = line.trim().split(" ");
  const isId = (text: string) => /^[0-9a-f]{40,64}$/u.test(text);
  // Deleting a branch pushes no commit.
  if (!isId(localCommit) || /^0+$/u.test(localCommit) || !isId(remoteCommit)) return [];
  return [{ localCommit, remoteRef, remoteCommit }];
}
