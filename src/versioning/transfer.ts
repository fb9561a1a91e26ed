import { type Progress, WaybillError } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { type CheckoutOptions, type CheckoutResult, checkout } from "./checkout.ts";
import { openIgnore } from "./ignore.ts";
import { isPlaceInRepo } from "./place.ts";
import { openRemote } from "./remotes.ts";
import type { Repo } from "./repo.ts";
import { type RevisionScope, trackedInRevisions } from "./revisions.ts";
import { loadTracked, placeOf } from "./tracked.ts";

export interface TransferOptions extends RevisionScope {
  /** `.dvc` files or what they track; all of the repository when empty. */
  readonly targets?: readonly string[];
  readonly cwd?: string;
  /** The remote's name; by default the one that `core.remote` names. */
  readonly remote?: string;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** What was sent or fetched. */
export interface TransferResult {
  readonly remote: string;
  readonly objectCount: number;
  readonly sizeBytes: number;
}

/** A set of objects that is whole only together: a file's own, or a folder object with its files. */
interface Wanted {
  readonly place: string;
  readonly md5: string;
  readonly remote: string | undefined;
  /** Whether its absence is an error. */
  readonly isRequired: boolean;
}

/**
 * Sends the objects of what is tracked to a remote, those that it lacks only, folder objects after their
 * files. Every object is checked on the way: a damaged one is never sent. Interrupted, it goes on where it was.
 * @throws WaybillError `not_found` when the cache lacks objects that the remote lacks too; what is there was
 *   sent by then
 */
export async function push(repo: Repo, options: TransferOptions = {}): Promise<TransferResult> {
  const cache = openCache(repo);
  const wanted = (await wantedObjects(repo, options)).filter(({ isPushed }) => isPushed);
  return eachRemote(repo, wanted, options, (remote, list) =>
    transfer({ from: cache, to: remote, index: cache, list, options, verb: "pushed" }),
  );
}

/**
 * Brings the objects of what is tracked from a remote into the cache, those that it lacks only.
 * @throws WaybillError `not_found` when the remote lacks some; what it has was fetched by then
 */
export async function fetch(repo: Repo, options: TransferOptions = {}): Promise<TransferResult> {
  const cache = openCache(repo);
  const wanted = await wantedObjects(repo, options);
  return eachRemote(repo, wanted, options, (remote, list) =>
    transfer({ from: remote, to: cache, index: cache, list, options, verb: "fetched" }),
  );
}

/**
 * {@link fetch}, then {@link checkout}.
 * @throws WaybillError as these two
 */
export async function pull(
  repo: Repo,
  options: TransferOptions & Pick<CheckoutOptions, "force" | "allowMissing"> = {},
): Promise<TransferResult & CheckoutResult> {
  const { force, allowMissing, ...rest } = options;
  let fetched: TransferResult = { remote: "", objectCount: 0, sizeBytes: 0 };
  let failure: WaybillError | undefined;
  try {
    fetched = await fetch(repo, rest);
  } catch (error) {
    // What did arrive is still put in place, as dvc does; the failure is told afterwards.
    failure = WaybillError.from(error);
    if (failure.code !== "not_found") throw failure;
  }
  const { targets, cwd, signal, progress } = rest;
  const done = await checkout(repo, {
    ...(targets === undefined ? {} : { targets }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal === undefined ? {} : { signal }),
    ...(progress === undefined ? {} : { progress }),
    ...(force === undefined ? {} : { force }),
    allowMissing: allowMissing === true || failure !== undefined,
  });
  if (failure !== undefined && allowMissing !== true) throw failure;
  return { ...fetched, ...done };
}

async function wantedObjects(
  repo: Repo,
  options: TransferOptions,
): Promise<(Wanted & { isPushed: boolean })[]> {
  const ignore = openIgnore(repo.root);
  const current = await loadTracked(repo, ignore, options);
  const files = [...current, ...(await trackedInRevisions(repo, options))];
  const seen = new Set<string>();
  return files.flatMap((file) =>
    file.content.outs.flatMap((out) => {
      const place = placeOf(file, out);
      // Objects of dvc 2 lie elsewhere in caches and remotes; `add` brings the data to the new form.
      if (!out.isCached || out.md5 === undefined || out.hashName !== "md5") return [];
      const key = `${out.remote ?? ""}\0${out.md5}`;
      if (!isPlaceInRepo(place) || seen.has(key)) return [];
      seen.add(key);
      // Which outputs an old commit kept out of the cache is not known, so those may be missing.
      const isRequired = file.locked === undefined || file.stage !== undefined;
      return [{ place, md5: out.md5, remote: out.remote, isPushed: out.isPushed, isRequired }];
    }),
  );
}

/** Outputs may name a remote of their own; everything else goes to the one that was asked for. */
async function eachRemote(
  repo: Repo,
  wanted: readonly Wanted[],
  options: TransferOptions,
  work: (remote: Cache, list: readonly Wanted[]) => Promise<TransferResult>,
): Promise<TransferResult> {
  const byRemote = new Map<string | undefined, Wanted[]>([[options.remote, []]]);
  for (const item of wanted) {
    const name = options.remote ?? item.remote;
    const list = byRemote.get(name) ?? [];
    byRemote.set(name, list);
    list.push(item);
  }
  let total: TransferResult = { remote: "", objectCount: 0, sizeBytes: 0 };
  for (const [name, list] of byRemote) {
    if (list.length === 0 && byRemote.size > 1) continue;
    const remote = openRemote(repo, name);
    const result = await work(remote.objects, list);
    total = {
      remote: total.remote === "" ? remote.name : `${total.remote}, ${remote.name}`,
      objectCount: total.objectCount + result.objectCount,
      sizeBytes: total.sizeBytes + result.sizeBytes,
    };
  }
  return total;
}

interface Transfer {
  readonly from: Cache;
  readonly to: Cache;
  /** Where folder objects are read once they are there. */
  readonly index: Cache;
  readonly list: readonly Wanted[];
  readonly options: TransferOptions;
  readonly verb: string;
}

async function transfer(work: Transfer): Promise<TransferResult> {
  const { from, to, index, list, options } = work;
  const { signal, progress } = options;
  const lost: string[] = [];
  let objectCount = 0;
  let sizeBytes = 0;
  const bring = async (md5: string, place: string, isRequired: boolean): Promise<boolean> => {
    signal?.throwIfAborted();
    if (!from.has(md5)) {
      if (isRequired) lost.push(`${md5} ("${place}")`);
      return false;
    }
    sizeBytes += await to.importObject(from, md5, signal);
    objectCount += 1;
    if (objectCount % 500 === 0) progress?.report(`objects ${work.verb}`, objectCount);
    return true;
  };
  for (const { place, md5, isRequired } of list) {
    if (!md5.endsWith(".dir")) {
      if (!to.has(md5)) await bring(md5, place, isRequired);
      continue;
    }
    // Fetching needs the folder object before its files; a remote gets it after them, so that a folder
    // object on a remote means that its files are there.
    const isFetch = to === index;
    if (isFetch && !index.has(md5) && !(await bring(md5, place, isRequired))) continue;
    if (!index.has(md5)) {
      if (isRequired && !to.has(md5)) lost.push(`${md5} ("${place}")`);
      continue;
    }
    const entries = index.readFolderObject(md5);
    const places = new Map(entries.map((entry) => [entry.md5, `${place}/${entry.relpath}`]));
    let isWhole = true;
    for (const missing of to.missing(places.keys())) {
      if (!(await bring(missing, places.get(missing) ?? place, isRequired))) isWhole = false;
    }
    if (!isFetch && isWhole && !to.has(md5)) await bring(md5, place, isRequired);
  }
  if (lost.length > 0) {
    const [first] = lost;
    const more = lost.length > 1 ? ` and ${lost.length - 1} more` : "";
    throw new WaybillError(
      "not_found",
      `${lost.length === 1 ? "An object" : `${lost.length} objects`} could not be ${work.verb}: ${first}${more} ${lost.length === 1 ? "is" : "are"} missing.`,
      { hint: "Push them from a clone that has them, or add the data again." },
    );
  }
  return { remote: "", objectCount, sizeBytes };
}
