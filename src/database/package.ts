import { WaybillError } from "../foundation/index.ts";

/**
 * Loads a database's package when it is needed and not before. The name is not spelled out in an
 * `import` of its own, since a package that nobody installed is no error until somebody uses it.
 */
export async function loadPackage(name: string, database: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    throw new WaybillError(
      "failed_precondition",
      `The package "${name}" for ${database} is not installed.`,
      { hint: `Run: npm install ${name}`, cause: error },
    );
  }
}

/** A connection address of the form `scheme://user:password@host:port/database?option=value`. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly options: URLSearchParams;
  /** The address without the password, for messages. */
  readonly location: string;
}

/** @throws `invalid_argument` for an address without a database, or that is no URL */
export function parseAddress(url: string, defaultPort: number): DatabaseAddress {
  const parsed = URL.parse(url);
  const database = decodeURIComponent(parsed?.pathname.slice(1) ?? "");
  if (parsed === null || database === "") {
    // The text is not shown: it may hold a password.
    throw new WaybillError("invalid_argument", "The database's address names no database.", {
      hint: "Write it as SCHEME://USER:PASSWORD@HOST:PORT/DATABASE.",
    });
  }
  const user = decodeURIComponent(parsed.username);
  const port = parsed.port === "" ? defaultPort : Number(parsed.port);
  const host = decodeURIComponent(parsed.hostname) || "localhost";
  return {
    host,
    port,
    user,
    password: parsed.password === "" ? undefined : decodeURIComponent(parsed.password),
    database,
    options: parsed.searchParams,
    location: `${parsed.protocol}//${user === "" ? "" : `${user}@`}${host}:${port}/${database}`,
  };
}
