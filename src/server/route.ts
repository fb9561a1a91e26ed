import type { IncomingHttpHeaders } from "node:http";
import type { WaybillError } from "../foundation/index.ts";
import type { Action, Caller, Resource } from "../protection/index.ts";
import { HttpError } from "./status.ts";

/** The parameters that a path pattern names: `/lfs/:owner/*rest` has `owner` and `rest`. */
export type ParamsOf<Pattern extends string> = string extends Pattern
  ? Readonly<Record<string, string>>
  : { readonly [name in NamesOf<Pattern>]: string };

type NamesOf<Pattern extends string> = Pattern extends `${infer Head}/${infer Rest}`
  ? NameOf<Head> | NamesOf<Rest>
  : NameOf<Pattern>;

type NameOf<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : Segment extends `*${infer Name}`
    ? Name
    : never;

/** One request as its handler sees it: admitted, authenticated and allowed. */
export interface RouteRequest<Params = Readonly<Record<string, string>>> {
  readonly method: string;
  /** Decoded segments of the path; a value may hold any character, `/` included: it is data. */
  readonly params: Params;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  /** Goes into the log, the `x-request-id` header and error bodies. */
  readonly id: string;
  /** Aborted when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  /** Where the client found us, `http://host:port`, to make absolute links of. */
  readonly origin: string;
  /** The body as it arrives, at most the route's `bodyBytesMax` (then 413), not slower than it may be. */
  body(): AsyncIterable<Uint8Array>;
  /** The whole body; gzip is taken off, within the same limit. */
  bytes(): Promise<Buffer>;
  /** The body as JSON; 400 when it is none. */
  json(): Promise<unknown>;
}

/** What a handler answers. A body that is iterated is streamed, as fast as the client reads. */
export interface RouteResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** How a protocol words an error; its status and the frame's headers are set already. */
export type ErrorBody = (
  error: WaybillError,
  about: { readonly status: number; readonly requestId: string },
) => RouteResponse;

/** A route as it is defined. What it does and to what must be said, or it is no route. */
export interface RouteDefinition<Pattern extends string> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Literal segments, `:name` for one segment, `*name` at the end for all that follow. */
  readonly path: Pattern;
  /** The least that the caller must be allowed; a handler may ask `authorize` for more. */
  readonly action: Action;
  readonly resource: Resource | ((params: ParamsOf<Pattern>) => Resource);
  /** Default 1 MiB. */
  readonly bodyBytesMax?: number;
  readonly errorBody?: ErrorBody;
  readonly handler: (
    request: RouteRequest<ParamsOf<Pattern>>,
  ) => RouteResponse | Promise<RouteResponse>;
}

/** A defined route, as the frame and the tests of the table see it. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly action: Action;
  readonly resourceOf: (params: Readonly<Record<string, string>>) => Resource;
  readonly bodyBytesMax: number;
  readonly errorBody: ErrorBody | undefined;
  readonly handler: (request: RouteRequest) => RouteResponse | Promise<RouteResponse>;
}

const BODY_BYTES_MAX = 1 << 20;

/** Defines a route; the types of its parameters follow from its path. */
export function defineRoute<const Pattern extends string>(
  definition: RouteDefinition<Pattern>,
): Route {
  const { resource } = definition;
  return {
    method: definition.method,
    path: definition.path,
    action: definition.action,
    // The table calls both with exactly the parameters that the pattern names.
    resourceOf: (params) =>
      typeof resource === "function" ? resource(params as ParamsOf<Pattern>) : resource,
    bodyBytesMax: definition.bodyBytesMax ?? BODY_BYTES_MAX,
    errorBody: definition.errorBody,
    handler: (request) => definition.handler(request as RouteRequest<ParamsOf<Pattern>>),
  };
}

/** A response with a JSON body. */
export function jsonResponse(
  value: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): RouteResponse {
  return {
    status: options.status ?? 200,
    headers: { "content-type": "application/json", ...options.headers },
    body: JSON.stringify(value),
  };
}

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  rest: Map<string, BoundRoute> | undefined;
  methods: Map<string, BoundRoute>;
}

interface BoundRoute {
  readonly route: Route;
  readonly names: readonly string[];
}

/** A route that a path led to, with its decoded parameters. */
export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Builds the table that finds a route by method and path. Literal segments win over parameters,
 * parameters over rests; HEAD is served by GET.
 * @throws HttpError when asked for a path that none serves (404), or not by this method (405)
 */
export function routeTable(routes: readonly Route[]): (method: string, path: string) => Match {
  const root = emptyNode();
  for (const route of routes) insert(root, route);
  return (method, path) => {
    const segments = path.split("/").slice(1).map(decodeSegment);
    const methods = new Set<string>();
    const wanted = method === "HEAD" ? ["HEAD", "GET"] : [method];
    const match = find(root, segments, 0, wanted, [], methods);
    if (match !== undefined) return match;
    if (methods.size === 0) throw new HttpError(404, "not_found", "Nothing answers at this path.");
    throw new HttpError(405, "unimplemented", `${method} is not answered at this path.`, {
      headers: { allow: [...methods].sort().join(", ") },
    });
  };
}

function insert(root: Node, route: Route): void {
  let node = root;
  const names: string[] = [];
  for (const segment of route.path.split("/").slice(1)) {
    if (segment.startsWith("*")) {
      names.push(segment.slice(1));
      node.rest ??= new Map();
      claim(node.rest, { route, names });
      return;
    }
    if (segment.startsWith(":")) {
      names.push(segment.slice(1));
      node.parameter ??= emptyNode();
      node = node.parameter;
    } else {
      const next = node.literals.get(segment) ?? emptyNode();
      node.literals.set(segment, next);
      node = next;
    }
  }
  claim(node.methods, { route, names });
}

function claim(methods: Map<string, BoundRoute>, bound: BoundRoute): void {
  const { method, path } = bound.route;
  if (methods.has(method)) {
    throw new HttpError(500, "internal", `Two routes answer ${method} ${path}.`);
  }
  methods.set(method, bound);
}

function find(
  node: Node,
  segments: readonly string[],
  at: number,
  wanted: readonly string[],
  values: readonly string[],
  seen: Set<string>,
): Match | undefined {
  const segment = segments[at];
  if (segment === undefined) return pick(node.methods, wanted, values, seen);
  const literal = node.literals.get(segment);
  return (
    (literal && find(literal, segments, at + 1, wanted, values, seen)) ??
    (node.parameter && segment !== ""
      ? find(node.parameter, segments, at + 1, wanted, [...values, segment], seen)
      : undefined) ??
    (node.rest && pick(node.rest, wanted, [...values, segments.slice(at).join("/")], seen))
  );
}

function pick(
  methods: Map<string, BoundRoute>,
  wanted: readonly string[],
  values: readonly string[],
  seen: Set<string>,
): Match | undefined {
  for (const method of methods.keys()) seen.add(method);
  for (const method of wanted) {
    const bound = methods.get(method);
    if (bound === undefined) continue;
    const params: Record<string, string> = Object.create(null);
    bound.names.forEach((name, index) => {
      params[name] = values[index] ?? "";
    });
    return { route: bound.route, params };
  }
  return undefined;
}

/** Takes percent-encoding off once. Dot segments and NUL are refused before any handler sees them. */
function decodeSegment(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch (cause) {
    throw new HttpError(400, "invalid_argument", "The path is not percent-encoded UTF-8.", {
      cause,
    });
  }
  if (decoded === "." || decoded === ".." || decoded.includes("\0")) {
    throw new HttpError(400, "invalid_argument", "The path has a dot segment or a NUL.");
  }
  return decoded;
}

function emptyNode(): Node {
  return { literals: new Map(), parameter: undefined, rest: undefined, methods: new Map() };
}
