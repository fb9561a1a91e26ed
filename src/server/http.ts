import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { authorize, type Caller } from "../protection/index.ts";
import { type Body, bodyOf, drain } from "./body.ts";
import { type Frame, logRequest } from "./frame.ts";
import type { Match, Route, RouteRequest, RouteResponse } from "./route.ts";
import { jsonResponse } from "./route.ts";
import { HttpError, httpStatusOf, presentable } from "./status.ts";

const ANONYMOUS: Caller = { principal: "anonymous", roles: [], project: "" };

/** On every answer; a route may set its own. */
const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Handles a request of HTTP/1.1, or of HTTP/2 through its compatible form, from first check to log line. */
export async function handleHttp(
  frame: Frame,
  find: (method: string, path: string) => Match,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedMs = performance.now();
  const id = frame.requestId(message.headers["x-request-id"]);
  const remote = message.socket.remoteAddress ?? "";
  const method = message.method ?? "GET";
  const [path = "", query = ""] = splitTarget(message.url ?? "/");
  const gone = new AbortController();
  let leave = () => {};
  let route: Route | undefined;
  let caller: Caller | undefined;
  let body: Body | undefined;
  let caught: unknown;
  let bytesOut = 0;
  response.on("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  message.on("error", () => {});
  response.on("error", () => {});
  response.setHeader("x-request-id", id);
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  try {
    const host = hostOf(message);
    frame.guard.checkHost(host);
    frame.guard.checkOrigin(method, host, message.headers);
    const match = find(method, path);
    route = match.route;
    // Health is asked when the server is full, so it takes no place.
    if (route.action !== "public") leave = frame.admission.enter(remote);
    caller =
      route.action === "public"
        ? ANONYMOUS
        : frame.authentication.authenticate(message.headers.authorization, remote);
    authorize(caller, route.action, route.resourceOf(match.params));
    body = bodyOf(message, route.bodyBytesMax, frame.limits);
    const request: RouteRequest = {
      method,
      params: match.params,
      query: new URLSearchParams(query),
      headers: message.headers,
      caller,
      id,
      signal: AbortSignal.any([gone.signal, frame.stopped]),
      origin: frame.publicUrl ?? `http://${host}`,
      body: body.stream,
      bytes: body.bytes,
      json: body.json,
    };
    bytesOut = await send(frame, response, method, await route.handler(request));
  } catch (error) {
    caught = error;
    if (!response.headersSent && !response.destroyed) {
      bytesOut = await send(frame, response, method, errorResponse(error, id, route)).catch(
        () => 0,
      );
    } else {
      // A half-sent answer must not look whole.
      response.destroy();
    }
  } finally {
    leave();
    drain(message);
    const status = caught === undefined || response.headersSent ? response.statusCode : 499;
    const isFault = caught !== undefined && status >= 500;
    const line = {
      id,
      protocol: "http" as const,
      method,
      path,
      status,
      ms: Math.round((performance.now() - startedMs) * 10) / 10,
      bytesIn: body?.bytesRead ?? 0,
      bytesOut,
      principal: caller?.principal,
      remote,
      error: caught === undefined ? undefined : presentable(caught, id).message,
    };
    logRequest(frame, line, isFault ? caught : undefined);
  }
}

/** The answer to something caught, worded by the route's protocol when it has its own words. */
function errorResponse(
  caught: unknown,
  requestId: string,
  route: Route | undefined,
): RouteResponse {
  const error = presentable(caught, requestId);
  const status = httpStatusOf(error);
  const answer =
    route?.errorBody?.(error, { status, requestId }) ??
    jsonResponse({ code: error.code, message: error.message, hint: error.hint, requestId });
  const challenge =
    status === 401 ? { "www-authenticate": 'Basic realm="Waybill", charset="UTF-8"' } : {};
  const own = error instanceof HttpError ? error.headers : {};
  return { ...answer, status, headers: { ...challenge, ...own, ...answer.headers } };
}

/** Sends an answer and waits until it is out; returns the bytes of its body. */
async function send(
  frame: Frame,
  response: ServerResponse,
  method: string,
  { status = 200, headers = {}, body = "" }: RouteResponse,
): Promise<number> {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const hasNoBody = method === "HEAD" || status === 204 || status === 304;
  if (typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    if (!response.hasHeader("content-length") && status !== 204) {
      response.setHeader("content-length", bytes.length);
    }
    response.end(hasNoBody ? undefined : bytes);
    return hasNoBody ? 0 : bytes.length;
  }
  if (hasNoBody) {
    response.end();
    return 0;
  }
  let sent = 0;
  for await (const chunk of body) {
    sent += chunk.length;
    if (!response.write(chunk)) await drained(frame, response);
    if (response.destroyed) throw new HttpError(499, "cancelled", "The client went away.");
  }
  response.end();
  return sent;
}

/** Waits until a client has read what it was sent; one that does not read is cut off. */
async function drained(frame: Frame, response: ServerResponse): Promise<void> {
  const patience = new AbortController();
  const giveUp = setTimeout(() => response.destroy(), frame.limits.slowMs * 3).unref();
  try {
    await Promise.race([
      once(response, "drain", { signal: patience.signal }),
      once(response, "close", { signal: patience.signal }),
    ]);
  } finally {
    clearTimeout(giveUp);
    patience.abort();
  }
}

function hostOf(message: IncomingMessage): string | undefined {
  const authority = message.headers[":authority"];
  return typeof authority === "string" ? authority : message.headers.host;
}

/** Path and query as they stand; nothing is resolved, so that no `..` can vanish before it is seen. */
function splitTarget(target: string): readonly [string, string] {
  const origin = /^https?:\/\/[^/?#]*/iu.exec(target)?.[0] ?? "";
  const [path = "", query = ""] = target.slice(origin.length).split(/\?(.*)/su);
  return [path === "" ? "/" : path, query];
}
