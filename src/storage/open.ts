import { fileURLToPath } from "node:url";
import { WaybillError } from "../foundation/index.ts";
import { openFileStore } from "./file.ts";
import { openMemoryStore } from "./memory.ts";
import type { ObjectStore } from "./port.ts";

/**
 * Opens the object store that a URL names: `file:///data/lake` or a plain path (relative to the working
 * folder) for a folder, `memory:` for one that lives as long as the process.
 * @throws WaybillError `invalid_argument` for a scheme that no driver serves
 */
export function openStore(url: string): ObjectStore {
  const scheme = /^([a-z][a-z0-9+.-]+):/iu.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      if (url === "" || url.includes("\0")) break;
      return openFileStore(url);
    case "file":
      return openFileStore(pathOf(url));
    case "memory":
      return openMemoryStore();
  }
  throw new WaybillError("invalid_argument", `No store can be opened at ${JSON.stringify(url)}.`, {
    hint: 'Name a folder ("data/lake" or "file:///data/lake") or "memory:".',
  });
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new WaybillError("invalid_argument", `${JSON.stringify(url)} is not a file URL.`, {
      hint: 'A file URL is absolute: "file:///data/lake".',
      cause,
    });
  }
}
