import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import { type Cache, openCache } from "./cache.ts";
import { runGit } from "./git.ts";
import { listRecorded } from "./listing.ts";
import { openRemote } from "./remotes.ts";
import { openRepo, type Repo } from "./repo.ts";
import { filesInGit, resolveRevision, trackedAt } from "./revisions.ts";

/** A file of a commit: data that is tracked, or one that git itself keeps. */
export interface RepoFile {
  /** Path in the repository, with `/`. */
  readonly path: string;
  readonly content: { readonly md5: string } | { readonly blob: string };
  readonly isExecutable: boolean;
}

/** A repository, most often not this one, at one commit. */
export interface OtherRepo extends AsyncDisposable {
  readonly repo: Repo;
  /** The commit's id. */
  readonly commit: string;
  /** Every file of the commit by path, those of tracked folders too. */
  files(): Promise<ReadonlyMap<string, RepoFile>>;
  /** Paths that are tracked themselves, with their digests. */
  outs(): Promise<ReadonlyMap<string, string>>;
  /**
   * Brings objects into a cache: from the repository's own, else from its default remote.
   * @throws WaybillError `not_found` when neither has one
   */
  bring(md5s: Iterable<string>, to: Cache, signal?: AbortSignal): Promise<void>;
  /** Writes a file of the commit. */
  write(file: RepoFile, target: string, from: Cache): Promise<void>;
}

/**
 * Opens a repository at a commit: a folder of this machine is used where it is, anything else is cloned by git
 * into a folder that goes away again.
 * @param revision a commit, branch or tag; the head by default
 * @throws WaybillError `not_found` for a repository or revision that is not there
 */
export async function openOtherRepo(
  url: string,
  options: { readonly revision?: string | undefined; readonly cwd?: string } = {},
): Promise<OtherRepo> {
  const folder = resolve(options.cwd ?? ".", url);
  const isLocal =
    !url.includes("://") && (await stat(folder).catch(() => undefined))?.isDirectory();
  const clone = isLocal === true ? undefined : await cloneRepo(url, options.revision);
  try {
    const repo = await openRepo(clone?.path ?? folder);
    const commit = await resolveRevision(repo, options.revision ?? "HEAD");
    return otherRepoOf(repo, commit, async () => clone?.remove());
  } catch (error) {
    await clone?.remove();
    throw error;
  }
}

function otherRepoOf(repo: Repo, commit: string, dispose: () => Promise<unknown>): OtherRepo {
  const cache = openCache(repo);
  const listing = async () => {
    const tracked = await trackedAt(repo, commit);
    const roots = listRecorded(cache, tracked, { isShallow: true }).entries;
    const folders = [...roots.values()].map(({ md5 }) => md5).filter((md5) => md5.endsWith(".dir"));
    await bring(folders, cache);
    return { roots, entries: listRecorded(cache, tracked).entries };
  };

  async function bring(md5s: Iterable<string>, to: Cache, signal?: AbortSignal): Promise<void> {
    for (const md5 of to.missing(md5s)) {
      signal?.throwIfAborted();
      const from = cache.has(md5) ? cache : openRemote(repo).objects;
      await to.importObject(from, md5, signal);
    }
  }

  return {
    repo,
    commit,
    bring,

    async files() {
      const files = new Map<string, RepoFile>();
      for (const { path, blob, isExecutable } of await filesInGit(repo, commit)) {
        files.set(path, { path, content: { blob }, isExecutable });
      }
      for (const [path, { md5 }] of (await listing()).entries) {
        if (!md5.endsWith(".dir")) files.set(path, { path, content: { md5 }, isExecutable: false });
      }
      return files;
    },

    async outs() {
      return new Map([...(await listing()).roots].map(([path, { md5 }]) => [path, md5]));
    },

    async write(file, target, from) {
      mkdirSync(dirname(target), { recursive: true });
      if ("md5" in file.content) {
        await from.link(file.content.md5, target, { types: ["reflink", "copy"] });
        return;
      }
      const result = await runGit(repo.root, ["cat-file", "blob", file.content.blob]);
      if (result?.exitCode !== 0) {
        throw new WaybillError("not_found", `git has no content for "${file.path}".`);
      }
      try {
        writeFileSync(target, result.stdout);
        if (file.isExecutable) chmodSync(target, 0o755);
      } catch (error) {
        throw WaybillError.from(error);
      }
    },

    async [Symbol.asyncDispose]() {
      await dispose();
    },
  };
}

async function cloneRepo(url: string, revision: string | undefined) {
  const temporary = await mkdtemp(join(tmpdir(), "waybill-clone-"));
  const remove = () => rm(temporary, { recursive: true, force: true });
  const shown = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/iu, "$1");
  const cloned = await runGit(temporary, ["clone", "--quiet", "--", url, "repo"]);
  const path = join(temporary, "repo");
  const checked =
    cloned?.exitCode === 0 && revision !== undefined
      ? await runGit(path, ["checkout", "--quiet", "--detach", revision, "--"])
      : cloned;
  if (checked?.exitCode === 0) return { path, remove };
  await remove();
  throw new WaybillError(
    "not_found",
    `"${shown}" could not be cloned at ${revision ?? "its head"}.`,
    {
      hint:
        checked?.stderr.trim().replaceAll(url, shown) || "Is git installed, and the address right?",
    },
  );
}
