import { WaybillError } from "../foundation/index.ts";
import { type Caller, openTokens } from "../protection/index.ts";
import { isLoopback } from "./guard.ts";

/** How a server finds out who calls. */
export interface Authentication {
  /** Whether callers have to show who they are; without it a server stays on loopback. */
  isRequired(): boolean;
  /**
   * @param authorization the header of that name
   * @throws WaybillError `unauthenticated`
   */
  authenticate(authorization: string | undefined, remoteAddress: string): Caller;
}

const CREDENTIALS_CHARACTERS_MAX = 4096;

/**
 * Authenticates by the project's tokens: `Bearer SECRET`, or `Basic` with the token's name and the
 * secret as password (as git-lfs and browsers send). Before any token exists, callers on this machine
 * are `local`, an admin.
 * @param home the project's `.waybill` folder
 */
export function tokenAuthentication(home: string, project: string): Authentication {
  const tokens = openTokens(home, project);
  const local: Caller = { principal: "local", roles: ["admin"], project };
  return {
    isRequired: () => tokens.isConfigured(),
    authenticate(authorization, remoteAddress) {
      if (!tokens.isConfigured()) {
        if (isLoopback(remoteAddress)) return local;
        throw refusal("This server has no tokens yet, so it answers only its own machine.");
      }
      if (authorization === undefined) throw refusal("This needs a token.");
      const { name, secret } = parseCredentials(authorization);
      const caller = tokens.authenticate(secret);
      if (caller === undefined || (name !== undefined && name !== caller.principal)) {
        throw refusal("The token is not known, has expired, or was revoked.");
      }
      return caller;
    },
  };
}

/** Lets everyone in as `local`, for a server on loopback without a project. */
export function openAuthentication(project: string): Authentication {
  const local: Caller = { principal: "local", roles: ["admin"], project };
  return {
    isRequired: () => false,
    authenticate(_, remoteAddress) {
      if (isLoopback(remoteAddress)) return local;
      throw refusal("This server answers only its own machine.");
    },
  };
}

function parseCredentials(authorization: string): { name?: string; secret: string } {
  const match = /^(bearer|basic) +([A-Za-z0-9._~+/=-]+)$/iu.exec(authorization);
  const [, scheme = "", value = ""] = match ?? [];
  if (match === null || authorization.length > CREDENTIALS_CHARACTERS_MAX) {
    throw refusal("The authorization header is neither Bearer nor Basic.");
  }
  if (scheme.toLowerCase() === "bearer") return { secret: value };
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0
    ? { secret: pair }
    : { name: pair.slice(0, colon), secret: pair.slice(colon + 1) };
}

function refusal(message: string): WaybillError {
  return new WaybillError("unauthenticated", message, {
    hint: `Make one with "waybill token add NAME --role ROLE" where the server runs.`,
  });
}
