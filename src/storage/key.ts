import { WaybillError } from "../foundation/index.ts";

const SEGMENT_BYTES_MAX = 255;

/**
 * Checks an object's key: relative, `/`-separated, no empty, `.` or `..` segment, no NUL, no backslash
 * (a separator on other systems), at most 255 bytes a segment, and not a name kept for temporary files.
 * @returns the key's segments
 * @throws WaybillError `invalid_argument`
 */
export function parseKey(key: string): readonly string[] {
  const segments = key.split("/");
  const fault =
    key === ""
      ? "is empty"
      : key.startsWith("/")
        ? "is absolute"
        : key.includes("\0")
          ? "holds a NUL character"
          : key.includes("\\")
            ? "holds a backslash"
            : !key.isWellFormed()
              ? "is not well-formed Unicode"
              : faultOfSegments(segments);
  if (fault !== undefined) {
    throw new WaybillError("invalid_argument", `The key ${JSON.stringify(key)} ${fault}.`, {
      hint: "A key is relative, with `/` between its segments, and stays inside its store.",
    });
  }
  return segments;
}

/** Whether a file name is one that an unfinished write has, finished or left behind by a kill. */
export function isTemporaryName(name: string): boolean {
  return /^\..*\.tmp$/su.test(name);
}

/** Orders keys by the bytes of their UTF-8, as object stores list them. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function faultOfSegments(segments: readonly string[]): string | undefined {
  for (const segment of segments) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has a "${segment}" segment`;
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) {
      return `has a segment of more than ${SEGMENT_BYTES_MAX} bytes`;
    }
    if (isTemporaryName(segment)) return `has a segment kept for temporary files ("${segment}")`;
  }
  return undefined;
}
