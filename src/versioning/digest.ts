import { statSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../foundation/index.ts";
import type { Cache } from "./cache.ts";
import { digestWorkspaceFile, type HashName } from "./copying.ts";
import { type FolderEntry, folderObjectName, stringifyFolderObject } from "./formats/dir-object.ts";
import type { Ignore } from "./ignore.ts";
import type { Repo } from "./repo.ts";
import {
  type FileStat,
  isUnchanged,
  type KnownFile,
  readKnownDigests,
  writeKnownDigests,
} from "./stat-cache.ts";
import { type WorkspaceFile, walkWorkspace } from "./workspace.ts";

/** What a file or folder of the workspace holds now. */
export interface WorkspaceDigest {
  /** Hex, with `.dir` behind it for a folder. */
  readonly md5: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly fileCount: number;
  readonly isExecutable: boolean;
  /** The files of a folder, by code point of their path; for a file itself alone, under "". */
  readonly entries: readonly FolderEntry[];
}

export interface DigestOptions {
  readonly hashName?: HashName;
  /** When given, every file and the folder object are stored in it on the way. */
  readonly storeIn?: Cache;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

/** Progress is told after so many files. */
const FILES_PER_REPORT = 500;

/**
 * Takes the digest of a file or folder of the workspace as dvc does, reading only what changed since the last
 * time.
 * @param path path in the repository, with `/`
 * @returns undefined when there is nothing at the path
 */
export async function digestWorkspace(
  repo: Repo,
  path: string,
  ignore: Ignore,
  options: DigestOptions = {},
): Promise<WorkspaceDigest | undefined> {
  const { hashName = "md5", storeIn, signal, progress } = options;
  const info = statSync(join(repo.root, path), { throwIfNoEntry: false });
  if (info === undefined) return undefined;
  const isFolder = info.isDirectory();
  const files: readonly WorkspaceFile[] = isFolder
    ? await walkWorkspace(repo.root, path, ignore, { signal })
    : [{ ...pickStat(info), relpath: "" }];
  const known = readKnownDigests(repo, path, hashName);
  const isKnown = (file: WorkspaceFile): KnownFile | undefined => {
    const before = known.files.get(file.relpath);
    return before !== undefined && isUnchanged(before, file) ? before : undefined;
  };
  const found = new Map<string, KnownFile>();
  const unread: WorkspaceFile[] = [];
  for (const file of files) {
    const before = isKnown(file);
    if (before === undefined) unread.push(file);
    else found.set(file.relpath, before);
  }
  if (storeIn !== undefined) {
    const missing = new Set(storeIn.missing([...found.values()].map(({ md5 }) => md5)));
    if (missing.size > 0) {
      for (const file of files) {
        const before = found.get(file.relpath);
        if (before !== undefined && missing.has(before.md5)) unread.push(file);
      }
    }
  }
  let done = files.length - unread.length;
  for (const file of unread) {
    signal?.throwIfAborted();
    const absolute = join(repo.root, path, file.relpath);
    const md5 =
      storeIn === undefined
        ? await digestWorkspaceFile(absolute, file.size, hashName, signal)
        : await storeIn.storeFile(absolute, file.size, signal);
    found.set(file.relpath, { ...pickStat(file), md5 });
    done += 1;
    if (done % FILES_PER_REPORT === 0) progress?.report(`files of ${path}`, done, files.length);
  }
  const entries = files.map(({ relpath }) => ({ relpath, md5: found.get(relpath)?.md5 ?? "" }));
  const md5 = digestOfEntries();
  if (unread.length > 0 || known.files.size !== files.length) {
    writeKnownDigests(repo, path, hashName, { md5, files: found });
  }
  return {
    md5,
    isFolder,
    sizeBytes: files.reduce((sum, file) => sum + file.size, 0),
    fileCount: files.length,
    isExecutable: !isFolder && (info.mode & 0o100) !== 0,
    entries,
  };

  function digestOfEntries(): string {
    const isAsBefore = unread.length === 0 && known.files.size === files.length;
    if (!isFolder) return entries[0]?.md5 ?? "";
    if (isAsBefore && known.md5 !== undefined && (storeIn?.has(known.md5) ?? true))
      return known.md5;
    const text = stringifyFolderObject(entries);
    const name = folderObjectName(text);
    storeIn?.storeBytes(name, text);
    return name;
  }
}

function pickStat({ size, mtimeMs, ctimeMs, ino }: FileStat): FileStat {
  return { size, mtimeMs, ctimeMs, ino };
}
