import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { WaybillError } from "../foundation/index.ts";
import { compareCodePoints } from "./formats/dir-object.ts";
import type { Ignore } from "./ignore.ts";
import type { FileStat } from "./stat-cache.ts";

/** A file of a folder in the workspace. */
export interface WorkspaceFile extends FileStat {
  /** Path below the folder, with `/`. */
  readonly relpath: string;
}

/** After so many files the walk lets other work of the process have its turn. */
const FILES_PER_TURN = 2048;

/**
 * Walks a folder as dvc does when it takes the folder's digest: files and links to files, by code point of
 * their path; links to folders and what `.dvcignore` names are passed by, empty folders leave no trace.
 * @param path the folder's path in the repository, with `/`
 * @throws WaybillError `invalid_argument` for names that are not UTF-8 and for what is neither file nor
 *   folder, `not_found` for a link that leads nowhere
 */
export async function walkWorkspace(
  root: string,
  path: string,
  ignore: Ignore,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<WorkspaceFile[]> {
  const files: WorkspaceFile[] = [];
  const parents = path.split("/").slice(0, -1);
  let rules = ignore;
  for (let i = 1; i <= parents.length; i++) rules = rules.inside(parents.slice(0, i).join("/"));
  const pending = [{ folder: path, prefix: "", rules: path === "" ? rules : rules.inside(path) }];
  let untilTurn = FILES_PER_TURN;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of listFolder(join(root, next.folder))) {
      const inRepo = next.folder === "" ? entry.name : `${next.folder}/${entry.name}`;
      const relpath = next.prefix + entry.name;
      if (entry.isDirectory()) {
        if (next.rules.isIgnored(inRepo, true)) continue;
        pending.push({ folder: inRepo, prefix: `${relpath}/`, rules: next.rules.inside(inRepo) });
        continue;
      }
      if (next.rules.isIgnored(inRepo, false)) continue;
      const file = statFile(root, inRepo, relpath, entry);
      if (file !== undefined) files.push(file);
      if (--untilTurn === 0) {
        untilTurn = FILES_PER_TURN;
        options.signal?.throwIfAborted();
        await setImmediate();
      }
    }
  }
  return files.sort((a, b) => compareCodePoints(a.relpath, b.relpath));
}

/** Lists a folder; its errors are ours. */
export function listFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw WaybillError.from(error);
  }
}

function statFile(
  root: string,
  inRepo: string,
  relpath: string,
  entry: Dirent,
): WorkspaceFile | undefined {
  const info = statSync(join(root, inRepo), { throwIfNoEntry: false });
  if (info === undefined) {
    if (entry.name.includes("\ufffd")) {
      throw new WaybillError("invalid_argument", `The name of "${inRepo}" is not UTF-8.`, {
        hint: "Rename the file; neither dvc nor a manifest can hold such a name.",
      });
    }
    if (!entry.isSymbolicLink()) return undefined;
    throw new WaybillError("not_found", `The link "${inRepo}" leads nowhere.`, {
      hint: "Remove the link, mend it, or name it in .dvcignore.",
    });
  }
  if (info.isDirectory()) return undefined;
  if (!info.isFile()) {
    throw new WaybillError("invalid_argument", `"${inRepo}" is neither a file nor a folder.`, {
      hint: "Sockets, pipes and devices have no content to version; name it in .dvcignore.",
    });
  }
  return {
    relpath,
    size: info.size,
    mtimeMs: info.mtimeMs,
    ctimeMs: info.ctimeMs,
    ino: info.ino,
  };
}
