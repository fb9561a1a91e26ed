/** What git stores in place of a file's content. Source: git-lfs, docs/spec.md. */
export interface Pointer {
  /** SHA-256 of the content in lower-case hex. */
  readonly oid: string;
  /** Bytes of the content. */
  readonly size: number;
  /** Programs that the content went through before it was stored, in their order. */
  readonly extensions: readonly PointerExtension[];
}

/** One such program, with the SHA-256 of what went into it. */
export interface PointerExtension {
  readonly priority: number;
  readonly name: string;
  readonly oid: string;
}

/** Content of so many bytes or more is no pointer. */
export const POINTER_BYTES_LIMIT = 1024;

const VERSION = "https://git-lfs.github.com/spec/v1";
/** Read, never written: the names that the specification had before its first release. */
const READ_VERSIONS = [VERSION, "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];
const KEYS = ["version", "oid", "size"];
const EXTENSION_KEY = /^ext-(\d)-([A-Za-z0-9_].*)$/su;
/** White space as Go's unicode package has it, which git-lfs trims by. */
const SPACE = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const EDGES = new RegExp(`^${SPACE}|${SPACE}$`, "gu");

/**
 * Reads a pointer as leniently as git-lfs does: CRLF, blank lines, white space around it and a missing last
 * newline are accepted; other keys, another order, and an oid that is not 64 lower-case hex digits are not.
 * @returns undefined when the bytes are no pointer
 */
export function parsePointer(content: Uint8Array): Pointer | undefined {
  if (content.length >= POINTER_BYTES_LIMIT) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
  const values: string[] = [];
  const extensions: PointerExtension[] = [];
  for (const ended of text.replaceAll(EDGES, "").split("\n")) {
    const line = ended.replace(/\r$/u, "");
    if (line === "") continue;
    const space = line.indexOf(" ");
    if (space < 0 || values.length === KEYS.length) return undefined;
    const key = line.slice(0, space);
    const value = line.slice(space + 1);
    if (key === KEYS[values.length]) {
      values.push(value);
      continue;
    }
    const extension = parseExtension(key, value);
    if (extension === undefined) return undefined;
    extensions.push(extension);
  }
  const [version = "", oid = "", size = ""] = values;
  const parsedOid = parseOid(oid);
  const parsedSize = /^\+?\d+$/u.test(size) ? Number(size) : -1;
  extensions.sort((a, b) => a.priority - b.priority);
  const isSound =
    READ_VERSIONS.includes(version) &&
    parsedOid !== undefined &&
    Number.isSafeInteger(parsedSize) &&
    parsedSize >= 0 &&
    extensions.every(({ priority }, index) => priority !== extensions[index - 1]?.priority);
  return isSound ? { oid: parsedOid, size: parsedSize, extensions } : undefined;
}

/** The one encoding that a pointer has. An empty file's is empty. */
export function printPointer({ oid, size, extensions }: Pointer): string {
  if (size === 0) return "";
  const lines = [
    `version ${VERSION}`,
    ...extensions.map((each) => `ext-${each.priority}-${each.name} sha256:${each.oid}`),
    `oid sha256:${oid}`,
    `size ${size}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Whether the bytes are a pointer in exactly the encoding that {@link printPointer} gives. */
export function isCanonicalPointer(content: Uint8Array): boolean {
  const pointer = parsePointer(content);
  return pointer !== undefined && Buffer.from(printPointer(pointer)).equals(content);
}

/** Whether a text is an object id: 64 lower-case hex digits. */
export function isOid(text: string): boolean {
  return /^[0-9a-f]{64}$/u.test(text);
}

function parseExtension(key: string, value: string): PointerExtension | undefined {
  const [, priority, name] = EXTENSION_KEY.exec(key) ?? [];
  const oid = parseOid(value);
  if (priority === undefined || name === undefined || oid === undefined) return undefined;
  return { priority: Number(priority), name, oid };
}

function parseOid(value: string): string | undefined {
  const [, oid] = /^sha256:([0-9a-f]{64})$/u.exec(value) ?? [];
  return oid;
}
