import { digestOf, WaybillError } from "../../foundation/index.ts";

/** A file of a tracked folder. */
export interface FolderEntry {
  /** Path below the folder, with `/`. */
  readonly relpath: string;
  readonly md5: string;
}

/** Hex of an md5, with `.dir` behind it when it names a folder object. */
export const MD5 = /^[0-9a-f]{32}$/u;

/** Orders paths by Unicode code point, as Python orders strings. JavaScript's own order is by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above all other units: lift them over U+E000..U+FFFF.
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/**
 * The bytes of a folder object (`.dir`), as dvc writes them: Python's `json.dumps` of the entries sorted by
 * path, keys sorted, ASCII only, no newline.
 */
export function stringifyFolderObject(entries: readonly FolderEntry[]): string {
  const sorted = [...entries].sort((a, b) => compareCodePoints(a.relpath, b.relpath));
  const items = sorted.map(
    ({ md5, relpath }) => `{"md5": "${md5}", "relpath": ${asciiJson(relpath)}}`,
  );
  return `[${items.join(", ")}]`;
}

/** The name of a folder object: the md5 of its bytes, and `.dir`. */
export function folderObjectName(text: string): string {
  return `${digestOf("md5", text)}.dir`;
}

/**
 * Parses a folder object. Paths that would leave the folder, or that two files claim, are refused: the bytes
 * may come from a remote.
 * @param name the object's name, for messages
 * @throws WaybillError `data_loss`
 */
export function parseFolderObject(text: string, name: string): readonly FolderEntry[] {
  const fail = (why: string): never => {
    throw new WaybillError("data_loss", `The folder object ${name} is damaged: ${why}.`, {
      hint: "Fetch it again from a remote, or add the folder again.",
    });
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return fail("it is not JSON");
  }
  if (!Array.isArray(parsed)) return fail("it is not a list");
  const seen = new Set<string>();
  return parsed.map((item: unknown): FolderEntry => {
    if (typeof item !== "object" || item === null) return fail("an entry is not an object");
    const { md5, relpath } = item as { md5?: unknown; relpath?: unknown };
    if (typeof md5 !== "string" || !MD5.test(md5)) return fail("an entry has no md5");
    if (typeof relpath !== "string" || !isPathBelow(relpath)) {
      return fail(`the path ${JSON.stringify(relpath)} does not stay in the folder`);
    }
    if (seen.has(relpath)) return fail(`the path ${JSON.stringify(relpath)} is there twice`);
    seen.add(relpath);
    return { md5, relpath };
  });
}

/** Whether a relative path with `/` stays below the folder it is relative to. */
export function isPathBelow(path: string): boolean {
  if (path === "" || path.includes("\0")) return false;
  // A backslash is a letter like any other here, but a separator where Windows unpacks it.
  if (process.platform === "win32" && path.includes("\\")) return false;
  return path.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..");
}

function asciiJson(text: string): string {
  // By UTF-16 units on purpose: Python writes surrogate pairs too.
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
