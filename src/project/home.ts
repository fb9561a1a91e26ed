import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { WaybillError } from "../foundation/index.ts";

/** The name of a project's folder. */
export const HOME_FOLDER = ".waybill";

/**
 * The project's folder: the one asked for, else the nearest `.waybill` from `start` upwards.
 * Undefined when there is none; one that was asked for is returned whether it exists or not.
 * @throws `invalid_argument` when what was found is a file
 */
export function findHome(
  options: { readonly home?: string | undefined; readonly start?: string } = {},
): string | undefined {
  const home = options.home === undefined ? nearest(options.start) : resolve(options.home);
  if (home !== undefined && existsSync(home) && !statSync(home).isDirectory()) {
    throw new WaybillError("invalid_argument", `"${home}" is a file; a project is a folder.`);
  }
  return home;
}

function nearest(start = process.cwd()): string | undefined {
  let folder = resolve(start);
  while (true) {
    const candidate = join(folder, HOME_FOLDER);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
