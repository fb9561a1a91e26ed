import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The name of a project's folder. */
export const HOME_FOLDER = ".waybill";

/**
 * The project's folder: the one asked for, else the nearest `.waybill` from the working folder upwards.
 * Undefined when there is none; one that was asked for is returned whether it exists or not.
 */
export function findHome(asked: { readonly home: string | undefined }): string | undefined {
  if (asked.home !== undefined) return resolve(asked.home);
  let folder = process.cwd();
  while (true) {
    const candidate = join(folder, HOME_FOLDER);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
