import { createRequire } from "node:module";

/** Databases of their own on a server that tests may use, or why there are none. */
export type FreshDatabases =
  | { readonly missing: string }
  | {
      /** The address of a database that does not exist yet. */
      readonly next: () => string;
    };

/**
 * Names databases on the server behind a URL, which is undefined when no server was started. They stay
 * behind on it: the test run has the server on a temporary folder.
 * @param packageName the package that the driver loads
 */
export function freshDatabases(serverUrl: string | undefined, packageName: string): FreshDatabases {
  if (serverUrl === undefined) return { missing: "no server was started for it" };
  try {
    createRequire(import.meta.url).resolve(packageName);
  } catch {
    return { missing: `the package ${packageName} is not installed` };
  }
  let count = 0;
  return {
    next() {
      count += 1;
      const url = new URL(serverUrl);
      url.pathname = `/waybill_test_${process.pid}_${count}`;
      return url.href;
    },
  };
}
