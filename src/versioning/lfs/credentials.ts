import { WaybillError } from "../../foundation/index.ts";
import { parseUrl } from "./http.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";

/** Credentials of one host, as git's helpers give them. */
export interface Credential {
  readonly header: string;
  /** Tells the helpers that it was let in, so that they may keep it. */
  approve(): void;
  /** Tells them that it was refused, so that they forget it. */
  reject(): void;
}

/**
 * Asks git's credential helpers for a host's credentials.
 * @throws WaybillError `unauthenticated` when they have none
 */
export function findCredential(repository: LfsRepository, url: string): Credential {
  const { protocol, host, pathname, username } = parseUrl(url);
  const usesPath = repository.config.flag("credential.usehttppath", false);
  const asked = describe({
    protocol: protocol.slice(0, -1),
    host,
    ...(usesPath ? { path: pathname.slice(1) } : {}),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
  });
  const run = (verb: string, input: string) =>
    tryGit(folderOf(repository), ["credential", verb], { input });
  const filled = run("fill", asked);
  const found = new Map(
    filled.stdout.split("\n").map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)] as const;
    }),
  );
  const name = found.get("username");
  const password = found.get("password");
  if (filled.exitCode !== 0 || name === undefined || password === undefined) {
    throw new WaybillError("unauthenticated", `${host} asks who you are.`, {
      hint: "Set up a credential helper for git, with the token as password.",
    });
  }
  return {
    header: basicHeader(name, password),
    approve: () => void run("approve", filled.stdout),
    reject: () => void run("reject", filled.stdout),
  };
}

/** The header of HTTP's Basic scheme. */
export function basicHeader(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

function describe(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      if (!/[\0\n\r]/u.test(value)) return `${name}=${value}\n`;
      throw new WaybillError("invalid_argument", `The ${name} has a line break.`);
    })
    .join("");
}
