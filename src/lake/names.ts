import { WaybillError } from "../foundation/index.ts";
import { parseKey } from "../storage/index.ts";

/** What a name's head is called among the metadata store's refs. */
export const REF_PREFIX = "lake:";

const NAME_LENGTH_MAX = 200;

/**
 * Checks the name of something in the lake: like a path, relative, `/`-separated, staying in the lake; at
 * most 200 characters, none of them a control character.
 * @throws WaybillError `invalid_argument`
 */
export function checkName(name: string): string {
  const hint =
    'A name looks like "raw/flights.parquet": relative, without ".." and staying in the lake.';
  if (/\p{Cc}/u.test(name)) {
    throw new WaybillError(
      "invalid_argument",
      `The lake name ${JSON.stringify(name)} holds a control character.`,
      { hint },
    );
  }
  if ([...name].length > NAME_LENGTH_MAX) {
    throw new WaybillError(
      "invalid_argument",
      `The lake name "${name.slice(0, 40)}..." is longer than ${NAME_LENGTH_MAX} characters.`,
      { hint },
    );
  }
  try {
    parseKey(name);
  } catch (cause) {
    const why = WaybillError.from(cause).message.replace(/^The key /u, "");
    throw new WaybillError("invalid_argument", `The lake name ${why}`, { hint, cause });
  }
  return name;
}

/** The key of the object that has these bytes. */
export function objectKey(sha256: string): string {
  return `objects/sha256/${sha256.slice(0, 2)}/${sha256}`;
}

/** The name of the artifact of one version of a name. */
export function artifactName(name: string, version: bigint): string {
  return `${REF_PREFIX}${name}@${version}`;
}
