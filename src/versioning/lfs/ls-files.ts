import { statSync } from "node:fs";
import { join } from "node:path";
import { hasObject } from "./objects.ts";
import { pathFilter } from "./path-filter.ts";
import type { LfsRepository } from "./repository.ts";
import {
  commitOf,
  type FoundPointer,
  hasCommit,
  pointersInHistory,
  pointersInIndex,
  pointersInTree,
} from "./scan.ts";

/** A file that git stores as a pointer. */
export interface LfsFile {
  readonly path: string;
  readonly oid: string;
  readonly size: number;
  /** Whether the work tree has its content, and not its pointer or nothing. */
  readonly isCheckedOut: boolean;
  /** Whether its object is in this repository. */
  readonly isDownloaded: boolean;
}

/** Which files are listed. */
export interface LsFilesOptions {
  /** A commit; default: the index, and what HEAD has beside it. */
  readonly ref?: string | undefined;
  /** Those of all commits. */
  readonly all?: boolean;
  /** With those that earlier commits of HEAD or `ref` have and it has no longer. */
  readonly deleted?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** The files that go through Git LFS, in the order of their paths; of all commits, each content once. */
export async function lsFiles(
  repository: LfsRepository,
  options: LsFilesOptions = {},
): Promise<readonly LfsFile[]> {
  const filter = pathFilter(options.include, options.exclude);
  const found = new Map<string, FoundPointer>();
  const take = async (pointers: AsyncIterable<FoundPointer>, isKeyedByOid = false) => {
    for await (const each of pointers) {
      const key = isKeyedByOid ? `${each.pointer.oid} ${each.path}` : each.path;
      if (!found.has(key)) found.set(key, each);
    }
  };
  const commit =
    options.ref === undefined
      ? hasCommit(repository)
        ? "HEAD"
        : undefined
      : commitOf(repository, options.ref);
  if (options.all) {
    await take(pointersInHistory(repository, ["--all"], filter), true);
  } else {
    if (options.ref === undefined && repository.workTree !== undefined) {
      await take(pointersInIndex(repository, filter));
    }
    if (commit !== undefined) {
      await take(pointersInTree(repository, commit, filter));
      if (options.deleted) await take(pointersInHistory(repository, [commit], filter));
    }
  }
  return [...found.values()]
    .map(({ path, pointer: { oid, size } }) => ({
      path,
      oid,
      size,
      isCheckedOut: hasContent(repository, path, size),
      isDownloaded: hasObject(repository, oid, size),
    }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function hasContent(repository: LfsRepository, path: string, size: number): boolean {
  if (repository.workTree === undefined) return false;
  const info = statSync(join(repository.workTree, path), { throwIfNoEntry: false });
  return info?.isFile() === true && info.size === size;
}
