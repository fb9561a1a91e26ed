import type { Cache } from "./cache.ts";
import { digestWorkspace } from "./digest.ts";
import { compareCodePoints } from "./formats/dir-object.ts";
import { openIgnore } from "./ignore.ts";
import { isPlaceInRepo } from "./place.ts";
import type { Repo } from "./repo.ts";
import { placeOf, type TrackedFile } from "./tracked.ts";

/** A tracked file, or a tracked folder itself, in a listing. */
export interface ListedEntry {
  /** Hex, with `.dir` behind it for a folder. */
  readonly md5: string;
  /** The tracked file or folder that it belongs to; its own path for one that is tracked itself. */
  readonly root: string;
}

/** What is tracked at some time: every tracked file and folder and the files of the folders, by path. */
export interface Listing {
  readonly entries: ReadonlyMap<string, ListedEntry>;
  /** Folders whose object is missing, so that their files are not known. */
  readonly unknown: ReadonlySet<string>;
}

/** A difference between two listings. */
export type ListingChange =
  | {
      readonly kind: "added" | "deleted" | "modified" | "unchanged";
      readonly path: string;
      readonly old: string | undefined;
      readonly new: string | undefined;
      readonly isFolder: boolean;
    }
  | {
      readonly kind: "renamed";
      readonly from: string;
      readonly to: string;
      readonly md5: string;
      readonly isFolder: boolean;
    };

/**
 * Lists what `.dvc` files record.
 * @param options.isShallow leaves the files of folders out
 */
export function listRecorded(
  cache: Cache,
  files: readonly TrackedFile[],
  options: { readonly isShallow?: boolean } = {},
): Listing {
  const entries = new Map<string, ListedEntry>();
  const unknown = new Set<string>();
  for (const file of files) {
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      if (!isPlaceInRepo(place) || out.md5 === undefined) continue;
      entries.set(place, { md5: out.md5, root: place });
      if (!out.md5.endsWith(".dir") || options.isShallow === true) continue;
      if (!cache.has(out.md5, out.hashName)) {
        unknown.add(place);
        continue;
      }
      for (const { relpath, md5 } of cache.readFolderObject(out.md5, out.hashName)) {
        entries.set(`${place}/${relpath}`, { md5, root: place });
      }
    }
  }
  return { entries, unknown };
}

/** Lists what the workspace holds of what `.dvc` files track. */
export async function listWorkspace(
  repo: Repo,
  files: readonly TrackedFile[],
  options: { readonly isShallow?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<Listing> {
  const ignore = openIgnore(repo.root);
  const entries = new Map<string, ListedEntry>();
  for (const file of files) {
    for (const out of file.content.outs) {
      const place = placeOf(file, out);
      if (!isPlaceInRepo(place)) continue;
      const { hashName } = out;
      const digest = await digestWorkspace(repo, place, ignore, {
        hashName,
        signal: options.signal,
      });
      if (digest === undefined) continue;
      entries.set(place, { md5: digest.md5, root: place });
      if (!digest.isFolder || options.isShallow === true) continue;
      for (const { relpath, md5 } of digest.entries) {
        entries.set(`${place}/${relpath}`, { md5, root: place });
      }
    }
  }
  return { entries, unknown: new Set() };
}

/**
 * Compares two listings as dvc does: a path that went and one that came with the same digest are a rename; files
 * of a folder that is not known on one side are left out.
 * @returns changes of each kind by path
 */
export function compareListings(before: Listing, after: Listing): readonly ListingChange[] {
  const changes: ListingChange[] = [];
  const added: string[] = [];
  const deleted: string[] = [];
  const isUnknown = (path: string, { root }: ListedEntry): boolean =>
    path !== root && (before.unknown.has(root) || after.unknown.has(root));
  for (const [path, old] of before.entries) {
    if (isUnknown(path, old)) continue;
    const now = after.entries.get(path);
    if (now === undefined) {
      deleted.push(path);
      continue;
    }
    const kind = now.md5 === old.md5 ? "unchanged" : "modified";
    changes.push({ kind, path, old: old.md5, new: now.md5, isFolder: isFolder(now.md5) });
  }
  for (const [path, now] of after.entries) {
    if (!before.entries.has(path) && !isUnknown(path, now)) added.push(path);
  }
  const gone = new Map<string, string[]>();
  for (const path of deleted.sort(compareBySegments)) {
    const md5 = before.entries.get(path)?.md5 ?? "";
    const list = gone.get(md5) ?? [];
    gone.set(md5, list);
    list.push(path);
  }
  for (const path of added.sort(compareBySegments)) {
    const md5 = after.entries.get(path)?.md5 ?? "";
    const from = gone.get(md5)?.shift();
    if (from === undefined) {
      changes.push({ kind: "added", path, old: undefined, new: md5, isFolder: isFolder(md5) });
    } else {
      changes.push({ kind: "renamed", from, to: path, md5, isFolder: isFolder(md5) });
    }
  }
  for (const [md5, paths] of gone) {
    for (const path of paths) {
      changes.push({ kind: "deleted", path, old: md5, new: undefined, isFolder: isFolder(md5) });
    }
  }
  return changes;
}

function isFolder(md5: string): boolean {
  return md5.endsWith(".dir");
}

/** Orders paths folder by folder: `a/b` before `a-b`, since `a` comes before `a-b`. */
function compareBySegments(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareCodePoints(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
