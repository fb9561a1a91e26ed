import { isIP } from "node:net";
import { HttpError } from "./status.ts";

/** Which names a client may call this server by, and which pages may write to it. */
export interface Guard {
  /** @throws HttpError 421 for a name that is not ours: a page may have bent its own name to us */
  checkHost(host: string | undefined): void;
  /** @throws HttpError 403 for a write that a page of somebody else's sends */
  checkOrigin(
    method: string,
    host: string | undefined,
    headers: {
      readonly origin?: string | undefined;
      readonly "sec-fetch-site"?: string | string[] | undefined;
    },
  ): void;
}

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"];
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** @param options.hosts names besides loopback's and the bound one; @param options.origins of trusted pages */
export function makeGuard(options: {
  readonly boundHost: string;
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
}): Guard {
  const names = new Set([...LOOPBACK_NAMES, options.boundHost, ...options.hosts].map(lower));
  const origins = new Set(options.origins.map(lower));
  // Rebinding needs a name; on an address that others reach, ours is not known, so any address passes.
  const anyAddress = !isLoopback(options.boundHost);
  return {
    checkHost(host) {
      const name = nameOf(host);
      if (names.has(name) || (anyAddress && isIP(name) !== 0)) return;
      throw new HttpError(421, "permission_denied", "This server does not answer by that name.", {
        hint: "Add the name to the allowed hosts (waybill serve --allow-host NAME).",
      });
    },
    checkOrigin(method, host, headers) {
      if (SAFE_METHODS.has(method)) return;
      const { origin } = headers;
      if (origin === undefined) {
        if (headers["sec-fetch-site"] !== "cross-site") return;
      } else if (origins.has(lower(origin)) || isSameHost(origin, host)) {
        return;
      }
      throw new HttpError(403, "permission_denied", "A page of another origin may not write here.");
    },
  };
}

/** Whether an address, or `localhost`, is reached from this machine only. */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/u, "");
  return (
    plain === "localhost" || plain === "::1" || (isIP(plain) === 4 && plain.startsWith("127."))
  );
}

function isSameHost(origin: string, host: string | undefined): boolean {
  return (
    host !== undefined &&
    /^https?:\/\//u.test(origin) &&
    lower(origin.replace(/^https?:\/\//u, "")) === lower(host)
  );
}

/** The name of a Host header or an authority, without port and brackets. */
function nameOf(host: string | undefined): string {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/@?#\s]+))(?::\d{1,5})?$/u.exec(host ?? "");
  return lower((match?.[1] ?? match?.[2] ?? "").replace(/\.$/u, ""));
}

function lower(text: string): string {
  return text.toLowerCase();
}
