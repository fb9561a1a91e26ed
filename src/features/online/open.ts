import { WaybillError } from "../../foundation/index.ts";
import { memoryOnlineStore } from "./memory.ts";
import type { OnlineStore } from "./port.ts";

/**
 * Opens an online store by its URL: `lmdb:FOLDER` (embedded, durable, the fastest), `sqlite:FILE`
 * (embedded, durable, nothing native) or `memory:` (gone with the process).
 * The native package of LMDB is loaded here and not before.
 */
export async function openOnlineStore(url: string): Promise<OnlineStore> {
  const [scheme, ...rest] = url.split(":");
  const place = rest.join(":");
  switch (scheme) {
    case "memory":
      return memoryOnlineStore();
    case "lmdb": {
      const { openLmdbOnlineStore } = await import("./lmdb.ts");
      return openLmdbOnlineStore(place);
    }
    case "sqlite": {
      const { openSqliteOnlineStore } = await import("./sqlite.ts");
      return openSqliteOnlineStore(place);
    }
    default:
      throw new WaybillError("invalid_argument", `"${url}" names no online store.`, {
        hint: 'Write "lmdb:FOLDER", "sqlite:FILE" or "memory:".',
      });
  }
}
