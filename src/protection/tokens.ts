import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { digestOf, publishFile, WaybillError } from "../foundation/index.ts";
import { type Caller, parseScope, ROLES, type Role } from "./access.ts";

const SECRET_PREFIX = "wbt_";
const SECRET_BYTES = 32;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/u;
const TOKENS_MAX = 10_000;
const LOCK_WAIT_MS = 5_000;
const LOCK_STALE_MS = 10_000;
const LOCK_POLL_MS = 20;

/** What is known of a token besides its secret, which is shown once and never kept. */
export interface TokenInfo {
  readonly name: string;
  readonly role: Role;
  readonly scopes?: readonly string[];
  readonly createdAt: string;
  readonly expiresAt?: string;
}

interface StoredToken extends TokenInfo {
  /** SHA-256 of the secret: it has 256 random bits, so a slow password hash would add nothing. */
  readonly sha256: string;
}

/** What a new token may do, and until when. */
export interface NewToken {
  readonly name: string;
  readonly role: Role;
  readonly scopes?: readonly string[];
  readonly expiresAt?: Date;
}

/**
 * Makes a token and returns its secret, the only time that it can be seen. From the first token on,
 * every request to the project's server needs one.
 * @param home the project's `.waybill` folder
 * @throws WaybillError `already_exists` when the name is taken, `invalid_argument` for a bad name or scope
 */
export async function addToken(
  home: string,
  token: NewToken,
): Promise<{ readonly secret: string; readonly info: TokenInfo }> {
  if (!NAME.test(token.name)) {
    throw new WaybillError("invalid_argument", `${JSON.stringify(token.name)} is no token name.`, {
      hint: "Use letters, digits, and . _ @ - (at most 64).",
    });
  }
  const secret = SECRET_PREFIX + randomBytes(SECRET_BYTES).toString("base64url");
  const info: TokenInfo = {
    name: token.name,
    role: token.role,
    ...(token.scopes === undefined ? {} : { scopes: token.scopes.map(parseScope) }),
    createdAt: new Date().toISOString(),
    ...(token.expiresAt === undefined ? {} : { expiresAt: token.expiresAt.toISOString() }),
  };
  await changeTokens(home, (tokens) => {
    if (tokens.some(({ name }) => name === token.name)) {
      throw new WaybillError("already_exists", `There is a token "${token.name}" already.`, {
        hint: `Run "waybill token revoke ${token.name}" first, or choose another name.`,
      });
    }
    if (tokens.length >= TOKENS_MAX) {
      throw new WaybillError("resource_exhausted", `There are ${TOKENS_MAX} tokens already.`);
    }
    return [...tokens, { ...info, sha256: digestOf("sha256", secret) }];
  });
  return { secret, info };
}

/** The project's tokens in the order they were made, without their secrets. */
export function listTokens(home: string): readonly TokenInfo[] {
  return (readTokens(home) ?? []).map(({ sha256: _, ...info }) => info);
}

/**
 * Takes a token away; running servers refuse it from their next request on.
 * @throws WaybillError `not_found`
 */
export async function revokeToken(home: string, name: string): Promise<void> {
  await changeTokens(home, (tokens) => {
    const left = tokens.filter((token) => token.name !== name);
    if (left.length < tokens.length) return left;
    throw new WaybillError("not_found", `There is no token "${name}".`, {
      hint: `"waybill token list" names them.`,
    });
  });
}

/** Finds out who holds a secret, reading the file again whenever it has changed. */
export interface TokenReader {
  /** Whether the project ever had a token. It stays so when the last one is revoked. */
  isConfigured(): boolean;
  /** The caller whose secret this is, or undefined. Compares in constant time. */
  authenticate(secret: string): Caller | undefined;
}

/**
 * Opens the project's tokens for a server.
 * @param home the project's `.waybill` folder
 * @param project the name that callers carry
 */
export function openTokens(home: string, project: string): TokenReader {
  let version = "";
  let tokens: readonly StoredToken[] | undefined;
  function current(): readonly StoredToken[] | undefined {
    const info = statSync(pathOf(home), { throwIfNoEntry: false, bigint: true });
    const now = info === undefined ? "" : `${info.ino} ${info.mtimeNs} ${info.size}`;
    if (now !== version) {
      tokens = readTokens(home);
      version = now;
    }
    return tokens;
  }
  return {
    isConfigured: () => current() !== undefined,
    authenticate(secret) {
      const given = Buffer.from(digestOf("sha256", secret), "hex");
      let found: StoredToken | undefined;
      for (const token of current() ?? []) {
        if (timingSafeEqual(Buffer.from(token.sha256, "hex"), given)) found = token;
      }
      if (found === undefined) return undefined;
      if (found.expiresAt !== undefined && Date.parse(found.expiresAt) <= Date.now()) {
        return undefined;
      }
      return {
        principal: found.name,
        roles: [found.role],
        project,
        ...(found.scopes === undefined ? {} : { scopes: found.scopes }),
      };
    },
  };
}

/**
 * The caller whose secret this is, or undefined; servers hold {@link openTokens} instead.
 * @param home the project's `.waybill` folder
 */
export function authenticateToken(
  home: string,
  project: string,
  secret: string,
): Caller | undefined {
  return openTokens(home, project).authenticate(secret);
}

function pathOf(home: string): string {
  return join(home, "tokens.json");
}

/** The tokens on disk, or undefined when there never was one. */
function readTokens(home: string): readonly StoredToken[] | undefined {
  const path = pathOf(home);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const failure = WaybillError.from(error);
    if (failure.code === "not_found") return undefined;
    throw failure;
  }
  try {
    return parseTokens(JSON.parse(text));
  } catch (cause) {
    // Whoever cannot read who may enter lets nobody in.
    throw new WaybillError("data_loss", `The token file "${path}" is damaged.`, {
      hint: "Restore it from a backup, or delete it and make the tokens anew.",
      cause,
    });
  }
}

function parseTokens(document: unknown): readonly StoredToken[] {
  const listed: unknown = Object(document)["tokens"];
  if (!Array.isArray(listed)) throw new WaybillError("data_loss", "It has no list of tokens.");
  return listed.map((entry: unknown) => {
    const { name, role, scopes, createdAt, expiresAt, sha256 } = Object(entry);
    const isSound =
      typeof name === "string" &&
      ROLES.includes(role) &&
      typeof createdAt === "string" &&
      (expiresAt === undefined || Number.isFinite(Date.parse(expiresAt))) &&
      typeof sha256 === "string" &&
      /^[0-9a-f]{64}$/u.test(sha256) &&
      (scopes === undefined || Array.isArray(scopes));
    if (!isSound) throw new WaybillError("data_loss", "One of its tokens lacks a member.");
    return {
      name,
      role,
      createdAt,
      sha256,
      ...(scopes === undefined ? {} : { scopes: scopes.map(String) }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  });
}

/** Reads, changes and replaces the file while holding its lock, so that no change is lost. */
async function changeTokens(
  home: string,
  change: (tokens: readonly StoredToken[]) => readonly StoredToken[],
): Promise<void> {
  const path = pathOf(home);
  await mkdir(dirname(path), { recursive: true });
  const lockPath = `${path}.lock`;
  await takeLock(lockPath);
  try {
    const tokens = change(readTokens(home) ?? []);
    await publishFile(path, async (file) => {
      await file.chmod(0o600);
      await file.writeFile(`${JSON.stringify({ tokens }, null, 2)}\n`);
    });
  } finally {
    await rm(lockPath, { force: true });
  }
}

async function takeLock(lockPath: string): Promise<void> {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await (await open(lockPath, "wx")).close();
      return;
    } catch (error) {
      const failure = WaybillError.from(error);
      if (failure.code !== "already_exists") throw failure;
    }
    const info = await stat(lockPath).catch(() => undefined);
    // A lock this old was left by a kill: holding it takes milliseconds.
    if (info !== undefined && Date.now() - info.mtimeMs > LOCK_STALE_MS) {
      await rm(lockPath, { force: true });
    } else if (Date.now() > deadline) {
      throw new WaybillError("aborted", `Another process is changing the tokens ("${lockPath}").`);
    } else {
      await sleep(LOCK_POLL_MS);
    }
  }
}
