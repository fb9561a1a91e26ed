import { WaybillError } from "../../foundation/index.ts";
import { basicHeader, type Credential, findCredential } from "./credentials.ts";
import type { Endpoint, Operation } from "./endpoint.ts";
import {
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  openHttp,
  parseUrl,
} from "./http.ts";
import { folderOf, type LfsRepository, tryGit } from "./repository.ts";

const MEDIA_TYPE = "application/vnd.git-lfs+json";
const PAGES_MAX = 10_000;

/** An object by its name and size. */
export interface ObjectId {
  readonly oid: string;
  readonly size: number;
}

/** Where and how one object is transferred. */
export interface Action {
  readonly href: string;
  readonly header: Readonly<Record<string, string>>;
}

/** What the server says of one object. */
export interface BatchObject extends ObjectId {
  readonly actions: Readonly<Partial<Record<"download" | "upload" | "verify", Action>>>;
  readonly error: { readonly code: number; readonly message: string } | undefined;
}

/** A lock as the server shows it. */
export interface Lock {
  readonly id: string;
  readonly path: string;
  readonly lockedAt: string;
  readonly owner: string;
}

/** A server's answer that is not a success; `status` is HTTP's. */
export class LfsServerError extends WaybillError {
  readonly status: number;
  /** How long the server asks to wait, when it does. */
  readonly retryAfterMs: number | undefined;
  /** The answer's document, where a lock may be the one in the way. */
  readonly document: unknown;

  constructor(status: number, message: string, retryAfterMs?: number, document?: unknown) {
    super(codeOf(status), message, { hint: HINTS[status] });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.document = document;
  }
}

/** An LFS server, as a repository's settings reach it. */
export interface LfsServer extends Disposable {
  batch(
    operation: Operation,
    objects: readonly ObjectId[],
    ref: string | undefined,
    signal?: AbortSignal,
  ): Promise<readonly BatchObject[]>;
  /** Sends a transfer's request, with credentials where the server wants them. */
  transfer(request: HttpRequest): Promise<HttpResponse>;
  lock(path: string, ref: string | undefined): Promise<Lock>;
  unlock(id: string, force: boolean, ref: string | undefined): Promise<Lock>;
  locks(query: Readonly<Record<string, string>>, limit?: number): Promise<readonly Lock[]>;
  /** Ours and others' locks; undefined from a server without locks. */
  verifyLocks(
    ref: string | undefined,
  ): Promise<{ readonly ours: readonly Lock[]; readonly theirs: readonly Lock[] } | undefined>;
}

/** Connects to a server. Nothing is sent before something is asked. */
export function connectServer(
  repository: LfsRepository,
  endpoint: Extract<Endpoint, { kind: "http" }>,
): LfsServer {
  const address = parseUrl(endpoint.url);
  const base = withoutUser(endpoint.url);
  const http: HttpClient = openHttp(repository.config);
  // By origin: what one host was shown is not shown to another.
  const credentials = new Map<string, Credential>();
  const given = new Map<string, string>();
  if (address.username !== "" && address.password !== "") {
    const name = decodeURIComponent(address.username);
    given.set(address.origin, basicHeader(name, decodeURIComponent(address.password)));
  }

  /** Sends with what is known; asks for credentials when refused, and once more when those fail. */
  async function send(request: HttpRequest): Promise<HttpResponse> {
    const { origin } = parseUrl(request.url);
    const hasOwn = Object.keys(request.headers).some((name) => /^authorization$/iu.test(name));
    const extra = extraHeaders(repository, request.url);
    for (let attempt = 0; ; attempt++) {
      const authorization = credentials.get(origin)?.header ?? given.get(origin);
      const headers = {
        ...extra,
        ...request.headers,
        ...(hasOwn || authorization === undefined ? {} : { authorization }),
      };
      const response = await http.send({ ...request, url: withoutUser(request.url), headers });
      if (response.status !== 401 || hasOwn || attempt === 2) {
        if (response.status < 400) credentials.get(origin)?.approve();
        return response;
      }
      await response.text();
      credentials.get(origin)?.reject();
      credentials.delete(origin);
      // An address with a user but no password asks the helpers for that user's.
      const asked = address.origin === origin ? endpoint.url : request.url;
      credentials.set(origin, findCredential(repository, asked));
    }
  }

  async function call(
    method: string,
    path: string,
    document?: unknown,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const response = await send({
      method,
      url: `${base}${path}`,
      headers: {
        accept: MEDIA_TYPE,
        ...(document === undefined ? {} : { "content-type": MEDIA_TYPE }),
        ...endpoint.headers,
      },
      ...(document === undefined ? {} : { body: JSON.stringify(document) }),
      signal,
    });
    return parseAnswer(response, `${base}${path.replace(/\?.*$/u, "")}`);
  }

  return {
    async batch(operation, objects, ref, signal) {
      const document = {
        operation,
        transfers: ["basic"],
        ...(ref === undefined ? {} : { ref: { name: ref } }),
        objects,
        hash_algo: "sha256",
      };
      const answer = await call("POST", "/objects/batch", document, signal);
      const transfer = answer["transfer"] ?? "basic";
      if (transfer !== "basic") {
        throw new WaybillError("unimplemented", `The server wants the transfer "${transfer}".`);
      }
      return parseObjects(answer["objects"]);
    },
    transfer: send,
    async lock(path, ref) {
      const answer = await call("POST", "/locks", { path, ...refMember(ref) });
      return parseLock(answer["lock"]);
    },
    async unlock(id, force, ref) {
      const path = `/locks/${encodeURIComponent(id)}/unlock`;
      const answer = await call("POST", path, { force, ...refMember(ref) });
      return parseLock(answer["lock"]);
    },
    async locks(query, limit = Number.POSITIVE_INFINITY) {
      const locks: Lock[] = [];
      let cursor = "";
      for (let page = 0; page < PAGES_MAX; page++) {
        const parameters = new URLSearchParams({ ...query, ...(cursor === "" ? {} : { cursor }) });
        if (Number.isFinite(limit)) parameters.set("limit", String(limit - locks.length));
        const answer = await call("GET", `/locks${parameters.size === 0 ? "" : `?${parameters}`}`);
        locks.push(...parseLocks(answer["locks"]));
        cursor = String(answer["next_cursor"] ?? "");
        if (cursor === "" || locks.length >= limit) break;
      }
      return locks.slice(0, limit);
    },
    async verifyLocks(ref) {
      const ours: Lock[] = [];
      const theirs: Lock[] = [];
      let cursor = "";
      for (let page = 0; page < PAGES_MAX; page++) {
        let answer: Record<string, unknown>;
        try {
          const document = { ...refMember(ref), ...(cursor === "" ? {} : { cursor }) };
          answer = await call("POST", "/locks/verify", document);
        } catch (error) {
          const isAbsent = error instanceof LfsServerError && [404, 501].includes(error.status);
          if (isAbsent) return undefined;
          throw error;
        }
        ours.push(...parseLocks(answer["ours"]));
        theirs.push(...parseLocks(answer["theirs"]));
        cursor = String(answer["next_cursor"] ?? "");
        if (cursor === "") break;
      }
      return { ours, theirs };
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

/**
 * What a server's failure means to a caller.
 * @throws LfsServerError always
 */
export async function failResponse(response: HttpResponse, where: string): Promise<never> {
  await parseAnswer(response, where);
  throw new LfsServerError(response.status, `${where} answered ${response.status}.`);
}

async function parseAnswer(
  response: HttpResponse,
  where: string,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  let document: unknown;
  try {
    document = text === "" ? {} : JSON.parse(text);
  } catch {
    document = undefined;
  }
  const isObject = typeof document === "object" && document !== null;
  if (response.status >= 200 && response.status < 300) {
    if (isObject) return document as Record<string, unknown>;
    throw new WaybillError("unavailable", `${where} does not answer as an LFS server does.`, {
      hint: "Check lfs.url.",
    });
  }
  const { message } = Object(document);
  const said = typeof message === "string" ? `: ${message.slice(0, 500)}` : ".";
  const seconds = Number(response.headers["retry-after"]);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const line = `${where} answered ${response.status}${said}`;
  throw new LfsServerError(response.status, line, retryAfterMs, document);
}

function parseObjects(listed: unknown): readonly BatchObject[] {
  if (!Array.isArray(listed)) {
    throw new WaybillError("unavailable", "The server's answer has no list of objects.");
  }
  return listed.map((each: unknown) => {
    const { oid, size, actions, error } = Object(each);
    const parsed: Record<string, Action> = {};
    for (const name of ["download", "upload", "verify"]) {
      const { href, header } = Object(Object(actions)[name]);
      if (typeof href !== "string") continue;
      const pairs = Object.entries(Object(header)).map(([key, value]) => [key, String(value)]);
      parsed[name] = { href, header: Object.fromEntries(pairs) };
    }
    const { code, message } = Object(error);
    return {
      oid: String(oid),
      size: Number(size),
      actions: parsed,
      error:
        error === undefined || error === null
          ? undefined
          : { code: Number(code), message: String(message) },
    };
  });
}

function parseLocks(listed: unknown): readonly Lock[] {
  return Array.isArray(listed) ? listed.map(parseLock) : [];
}

function parseLock(shown: unknown): Lock {
  const { id, path, locked_at: lockedAt, owner } = Object(shown);
  if (typeof id !== "string" || typeof path !== "string") {
    throw new WaybillError("unavailable", "The server's answer has a lock without id or path.");
  }
  return { id, path, lockedAt: String(lockedAt ?? ""), owner: String(Object(owner)["name"] ?? "") };
}

/** Git's `http.extraheader` for a URL, by which build servers pass tokens. */
function extraHeaders(repository: LfsRepository, url: string): Record<string, string> {
  const isSet = [...repository.config.all.keys()].some((key) => /^http\..*extraheader$/u.test(key));
  if (!isSet) return {};
  const matched = tryGit(folderOf(repository), [
    "config",
    "--get-urlmatch",
    "http.extraheader",
    withoutUser(url),
  ]);
  const headers: Record<string, string> = {};
  for (const line of matched.stdout.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function withoutUser(text: string): string {
  const url = parseUrl(text);
  if (url.username === "" && url.password === "") return text;
  url.username = "";
  url.password = "";
  return url.href.replace(/\/$/u, "");
}

function refMember(ref: string | undefined): { ref?: { name: string } } {
  return ref === undefined ? {} : { ref: { name: ref } };
}

const HINTS: Readonly<Record<number, string>> = {
  401: "Check the credentials that git has for it.",
  403: "Your token may not do this; ask for one with another role.",
  507: "The server's disk is full; its operator has to make room.",
};

function codeOf(status: number): WaybillError["code"] {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "permission_denied";
  if (status === 404 || status === 410) return "not_found";
  if (status === 409) return "already_exists";
  if (status === 413 || status === 429 || status === 507 || status === 509) {
    return "resource_exhausted";
  }
  if (status === 501) return "unimplemented";
  return status >= 500 ? "unavailable" : "invalid_argument";
}
