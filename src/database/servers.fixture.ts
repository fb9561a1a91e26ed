import { createRequire } from "node:module";
import type { Database } from "./port.ts";

/** Databases of their own on a server that tests may use, or why there are none. */
export type FreshDatabases =
  | { readonly missing: string }
  | {
      /** The address of a database that does not exist yet. */
      readonly next: () => string;
      readonly dropAll: () => Promise<void>;
    };

/**
 * Names databases on the server behind a URL, which is undefined when no server was started.
 * @param packageName the package that the driver loads
 */
export function freshDatabases(
  serverUrl: string | undefined,
  packageName: string,
  open: (url: string) => Promise<Database>,
): FreshDatabases {
  if (serverUrl === undefined) return { missing: "no server was started for it" };
  try {
    createRequire(import.meta.url).resolve(packageName);
  } catch {
    return { missing: `the package ${packageName} is not installed` };
  }
  const names: string[] = [];
  const addressOf = (name: string) => {
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  return {
    next() {
      names.push(`waybill_test_${process.pid}_${names.length}`);
      return addressOf(names.at(-1) ?? "");
    },
    async dropAll() {
      for (const name of names) {
        // One database drops the others, and is left to the server, which is temporary.
        await using database = await open(addressOf(`waybill_test_${process.pid}_last`));
        if (database.dialect.name === "mysql") {
          await database.write((tx) => tx.run(`DROP DATABASE IF EXISTS ${name}`));
        }
      }
    },
  };
}
