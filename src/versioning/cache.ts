import { hash, randomBytes } from "node:crypto";
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { WaybillError } from "../foundation/index.ts";
import {
  copyWithDigest,
  type HashName,
  makeLink,
  moveInto,
  readThrough,
  readWhole,
  UMASK,
  WHOLE_READ_BYTES_MAX,
} from "./copying.ts";
import { type FolderEntry, parseFolderObject } from "./formats/dir-object.ts";
import type { LinkType, Repo } from "./repo.ts";

const CACHE_MODE = 0o444;
const LEFTOVER_AGE_MS = 24 * 3600 * 1000;

/** The objects of a repository's cache, by their digest. */
export interface Cache {
  readonly folder: string;
  /** Where an object lies, or would lie. */
  pathOf(md5: string, hashName?: HashName): string;
  /** Whether an object is there. */
  has(md5: string, hashName?: HashName): boolean;
  /** Which of many objects are missing; cheaper than asking one by one. */
  missing(md5s: Iterable<string>, hashName?: HashName): string[];
  /**
   * Reads a file once, copying it into the cache under its md5.
   * @returns the md5
   */
  storeFile(path: string, sizeBytes: number, signal?: AbortSignal): Promise<string>;
  /** Stores bytes that are known to have this md5, a folder object for one. */
  storeBytes(md5: string, bytes: Uint8Array | string): void;
  /**
   * Reads a folder object.
   * @throws WaybillError `not_found`, or `data_loss` when its bytes do not have its name
   */
  readFolderObject(md5: string, hashName?: HashName): readonly FolderEntry[];
  /**
   * Copies an object from another folder of objects, checking its digest on the way.
   * @returns its size
   * @throws WaybillError `not_found`, or `data_loss` when the bytes do not have the name
   */
  importObject(from: Cache, md5: string, signal?: AbortSignal): Promise<number>;
  /**
   * Puts an object at a path of the workspace, by the first link type that works. A copy is checked against
   * the object's name before it appears.
   * @returns the type that worked
   */
  link(md5: string, target: string, options: LinkOptions): Promise<LinkType>;
  /** Makes a file of the workspace writable; one that is a link becomes a copy first. */
  unlink(path: string, isLink: boolean): Promise<void>;
  /** Names of all objects, and of folder objects with `.dir`; what is no object is passed by. */
  list(): string[];
  /** Removes an object; removing what is not there is no error. */
  remove(md5: string): void;
}

export interface LinkOptions {
  readonly types: readonly LinkType[];
  readonly hashName?: HashName;
  readonly isExecutable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Opens a repository's cache; nothing is made until something is stored. */
export function openCache(repo: Repo): Cache {
  return openObjectFolder(repo.cacheFolder, {
    linkTypes: repo.linkTypes,
    staging: join(repo.dvcFolder, "tmp", "waybill", "staging"),
  });
}

/**
 * Opens a folder that has a cache's layout: a cache itself, or a remote that is a folder.
 * @param options.staging a folder for unfinished files of the workspace, best on the file system of both
 */
export function openObjectFolder(
  folder: string,
  options: { readonly linkTypes?: readonly LinkType[]; readonly staging?: string } = {},
): Cache {
  const { linkTypes = [], staging: workspaceStaging = join(folder, ".staging") } = options;
  const objects = join(folder, "files", "md5");
  const staging = join(folder, ".staging");
  const madeFolders = new Set<string>();
  const knownNames = new Map<string, Set<string>>();
  const stagedTag = randomBytes(4).toString("hex");
  let stagedCount = 0;
  let canReflink = true;

  function pathOf(md5: string, hashName: HashName = "md5"): string {
    return join(hashName === "md5" ? objects : folder, md5.slice(0, 2), md5.slice(2));
  }

  function has(md5: string, hashName: HashName = "md5"): boolean {
    return statSync(pathOf(md5, hashName), { throwIfNoEntry: false }) !== undefined;
  }

  /** A temporary file's path, by default on the file system of the objects. */
  function stage(where = staging): string {
    if (!madeFolders.has(where)) {
      makeFolder(where);
      sweep(where);
    }
    stagedCount += 1;
    return join(where, `${process.pid}-${stagedCount}-${stagedTag}.tmp`);
  }

  function makeFolder(path: string): void {
    if (madeFolders.has(path)) return;
    mkdirSync(path, { recursive: true });
    madeFolders.add(path);
  }

  /** Gives a finished temporary file its name. Whoever had the name before had the same bytes. */
  function publish(temporary: string, md5: string): void {
    const target = pathOf(md5);
    makeFolder(dirname(target));
    renameSync(temporary, target);
  }

  /** Whether an object of this name is there whole. One that was cut short is written again. */
  function isStored(md5: string, sizeBytes: number): boolean {
    return statSync(pathOf(md5), { throwIfNoEntry: false })?.size === sizeBytes;
  }

  /**
   * Whether an object of this name may be there, as its folder was when it was first asked about: adding many files
   * asks 256 folders instead of every name. Somebody else's object of a name that is not known here is the same one.
   */
  function mayHave(md5: string): boolean {
    const prefix = md5.slice(0, 2);
    let names = knownNames.get(prefix);
    if (names === undefined) {
      names = new Set(namesIn(join(objects, prefix)));
      knownNames.set(prefix, names);
    }
    return names.has(md5.slice(2));
  }

  function storeBytes(md5: string, bytes: Uint8Array | string): void {
    if (!isStored(md5, Buffer.byteLength(bytes))) writeNew(md5, bytes);
  }

  function writeNew(md5: string, bytes: Uint8Array | string): void {
    const temporary = stage();
    try {
      writeFileSync(temporary, bytes, { flag: "wx", mode: CACHE_MODE });
      publish(temporary, md5);
      knownNames.get(md5.slice(0, 2))?.add(md5.slice(2));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw WaybillError.from(error);
    }
  }

  /** A copy that shares its blocks with the source, where the file system can. */
  function reflink(source: string, target: string): boolean {
    if (!canReflink) return false;
    try {
      copyFileSync(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
      return true;
    } catch {
      rmSync(target, { force: true });
      canReflink = false;
      return false;
    }
  }

  async function storeLargeFile(
    path: string,
    sizeBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const temporary = stage();
    try {
      const isClone = linkTypes[0] === "reflink" && reflink(path, temporary);
      const md5 = await readThrough(isClone ? temporary : path, {
        ...(isClone ? {} : { copyTo: temporary }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (isStored(md5, sizeBytes)) {
        rmSync(temporary, { force: true });
      } else {
        chmodSync(temporary, CACHE_MODE);
        publish(temporary, md5);
      }
      return md5;
    } catch (error) {
      rmSync(temporary, { force: true });
      throw WaybillError.from(error);
    }
  }

  return {
    folder,
    pathOf,
    has,

    missing(md5s, hashName = "md5") {
      const wanted = [...new Set(md5s)];
      const base = hashName === "md5" ? objects : folder;
      const prefixes = new Set(wanted.map((md5) => md5.slice(0, 2)));
      if (wanted.length < prefixes.size * 4) return wanted.filter((md5) => !has(md5, hashName));
      const present = new Set<string>();
      for (const prefix of prefixes) {
        for (const name of namesIn(join(base, prefix))) present.add(prefix + name);
      }
      return wanted.filter((md5) => !present.has(md5));
    },

    async storeFile(path, sizeBytes, signal) {
      if (sizeBytes > WHOLE_READ_BYTES_MAX) return storeLargeFile(path, sizeBytes, signal);
      try {
        const bytes = readWhole(path, sizeBytes);
        const md5 = hash("md5", bytes, "hex");
        if (mayHave(md5)) storeBytes(md5, bytes);
        else writeNew(md5, bytes);
        return md5;
      } catch (error) {
        throw WaybillError.from(error);
      }
    },

    storeBytes,

    readFolderObject(md5, hashName = "md5") {
      let text: string;
      try {
        text = readFileSync(pathOf(md5, hashName), "utf8");
      } catch (error) {
        const failure = WaybillError.from(error);
        if (failure.code !== "not_found") throw failure;
        throw missingObject(md5);
      }
      const digest = `${hash("md5", text, "hex")}.dir`;
      if (hashName === "md5" && digest !== md5) throw damagedObject(md5, digest);
      return parseFolderObject(text, md5);
    },

    async importObject(from, md5, signal) {
      const source = from.pathOf(md5);
      const size = statSync(source, { throwIfNoEntry: false })?.size;
      if (size === undefined) throw missingObject(md5);
      const temporary = stage();
      try {
        const digest = await copyWithDigest(source, temporary, size, signal);
        if (digest !== md5.slice(0, 32)) throw damagedObject(md5, digest);
        chmodSync(temporary, CACHE_MODE);
        publish(temporary, md5);
        return size;
      } catch (error) {
        rmSync(temporary, { force: true });
        throw WaybillError.from(error);
      }
    },

    async link(md5, target, { types, hashName = "md5", isExecutable = false, signal }) {
      const source = pathOf(md5, hashName);
      const size = statSync(source, { throwIfNoEntry: false })?.size;
      if (size === undefined) throw missingObject(md5);
      const temporary = stage(workspaceStaging);
      try {
        makeFolder(dirname(target));
        const type =
          types.find((candidate) => {
            // Many links to one empty file would soon reach the file system's limit of links.
            if (candidate === "copy" || (candidate === "hardlink" && size === 0)) return false;
            return makeLink(source, temporary, candidate, reflink);
          }) ?? "copy";
        if (type === "copy") {
          const digest = await copyWithDigest(source, temporary, size, signal);
          if (hashName === "md5" && digest !== md5) throw damagedObject(md5, digest);
        }
        if (isExecutable && (type === "copy" || type === "reflink")) {
          chmodSync(temporary, 0o777 & ~UMASK);
        }
        moveInto(temporary, target);
        return type;
      } catch (error) {
        rmSync(temporary, { force: true });
        throw WaybillError.from(error);
      }
    },

    async unlink(path, isLink) {
      const temporary = stage(workspaceStaging);
      try {
        const { size, mode } = statSync(path);
        if (isLink) {
          await copyWithDigest(path, temporary, size, undefined);
          moveInto(temporary, path);
        }
        chmodSync(path, (mode & 0o111) | (0o666 & ~UMASK));
      } catch (error) {
        rmSync(temporary, { force: true });
        throw WaybillError.from(error);
      }
    },

    list() {
      const names: string[] = [];
      for (const prefix of namesIn(objects)) {
        if (!/^[0-9a-f]{2}$/u.test(prefix)) continue;
        for (const name of namesIn(join(objects, prefix))) {
          if (/^[0-9a-f]{30}(?:\.dir)?$/u.test(name)) names.push(prefix + name);
        }
      }
      return names.sort();
    },

    remove(md5) {
      try {
        rmSync(pathOf(md5), { force: true });
      } catch (error) {
        throw WaybillError.from(error);
      }
    },
  };
}

/** The error for an object that the cache does not have. */
export function missingObject(md5: string): WaybillError {
  return new WaybillError("not_found", `The cache has no object ${md5}.`, {
    hint: 'Fetch it from a remote ("waybill fetch"), or add the data again.',
  });
}

/** The error for an object whose bytes are not those that its name says. */
export function damagedObject(md5: string, digest: string): WaybillError {
  return new WaybillError(
    "data_loss",
    `The cache object ${md5} is damaged: its bytes have the digest ${digest}.`,
    { hint: "Remove it and fetch it again from a remote, or add the data again." },
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Removes what killed processes left in the staging folder. */
function sweep(staging: string): void {
  for (const name of namesIn(staging)) {
    const path = join(staging, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (info !== undefined && info.mtimeMs < Date.now() - LEFTOVER_AGE_MS) {
      rmSync(path, { force: true });
    }
  }
}
