import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import {
  createServer as createHttp2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer, type Socket } from "node:net";
import { type Clock, type Log, silentLog, systemClock, WaybillError } from "../foundation/index.ts";
import { makeAdmission } from "./admission.ts";
import { type Authentication, openAuthentication } from "./authentication.ts";
import { DEFAULT_LIMITS, type Frame, type Limits, makeRequestIds } from "./frame.ts";
import { grpcHandler, isGrpc } from "./grpc.ts";
import { isLoopback, makeGuard } from "./guard.ts";
import { healthRoutes, type Readiness } from "./health.ts";
import { handleHttp } from "./http.ts";
import { type Route, routeTable } from "./route.ts";
import type { RpcService } from "./rpc.ts";

/** What a server serves, and to whom. */
export interface ServeOptions {
  /** Default `127.0.0.1`. Any other address than loopback needs an authentication that is required. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly routes?: readonly Route[];
  readonly rpc?: readonly RpcService[];
  /** Default: everyone on this machine is `local`. */
  readonly authentication?: Authentication;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Names by which clients may call the server, besides loopback's and `host`. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may write, besides the server's own. */
  readonly allowedOrigins?: readonly string[];
  /** Where clients reach the server when a proxy stands before it, for links in answers. */
  readonly publicUrl?: string;
  readonly limits?: Partial<Limits>;
  /** Asked by `/readyz`: what does not work yet, by name. */
  readonly readiness?: Readiness;
  /** Stops the server, as `close` does. */
  readonly signal?: AbortSignal;
}

/** A server that answers. */
export interface Server extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Resolves when the server has stopped, by `close` or by its signal. */
  readonly stopped: Promise<void>;
  /** Takes no new work, waits for what is in work (at most 10 s), then ends what is left. */
  close(): Promise<void>;
}

const GRACE_MS = 10_000;
/** Clients of gRPC keep their connection; one that is forgotten ends after this. */
const SESSION_IDLE_MS = 10 * 60_000;
const PREFACE = "PRI";
const CLOSE_POLL_MS = 20;

/**
 * Serves HTTP/1.1, HTTP/2 and gRPC on one port, told apart by a connection's first bytes.
 * @throws WaybillError `failed_precondition` for an address that others reach without authentication,
 *   `unavailable` when the port is taken
 */
export async function serve(options: ServeOptions = {}): Promise<Server> {
  const host = options.host ?? "127.0.0.1";
  const authentication = options.authentication ?? openAuthentication("default");
  if (!isLoopback(host) && !authentication.isRequired()) {
    throw new WaybillError(
      "failed_precondition",
      `The server would answer everyone who reaches ${host}, without asking who they are.`,
      { hint: `Make a token first: "waybill token add NAME --role admin".` },
    );
  }
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const ended = new AbortController();
  const frame: Frame = {
    guard: makeGuard({
      boundHost: host,
      hosts: options.allowedHosts ?? [],
      origins: options.allowedOrigins ?? [],
    }),
    admission: makeAdmission({
      max: limits.requestsMax,
      maxPerAddress: limits.requestsPerAddressMax,
    }),
    authentication,
    log: options.log ?? silentLog,
    clock: options.clock ?? systemClock,
    requestId: makeRequestIds(),
    limits,
    stopped: ended.signal,
    publicUrl: options.publicUrl?.replace(/\/+$/u, ""),
  };
  const health = healthRoutes(() => frame.admission.isStopping, options.readiness);
  const find = routeTable([...health, ...(options.routes ?? [])]);

  const http = createHttpServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.headersMs / 4,
      // Bodies may take long, but not be slow: body.ts watches their rate.
      requestTimeout: 0,
    },
    (message, response) => void handleHttp(frame, find, message, response),
  );
  http.keepAliveTimeout = 30_000;
  http.maxRequestsPerSocket = 0;
  // Node starts its watch over slow headers when a server listens; ours is handed its connections.
  http.emit("listening");

  const sessions = new Set<ServerHttp2Session>();
  const handleGrpc = grpcHandler(frame, options.rpc ?? []);
  const http2 = createHttp2Server({
    maxSendHeaderBlockLength: 64 << 10,
    maxSessionMemory: 64,
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerBytesMax,
      initialWindowSize: 1 << 20,
      enablePush: false,
    },
  });
  http2.on("stream", (anyStream, headers, _flags, rawHeaders) => {
    // A server's streams are server streams; the event is typed for both ends.
    const stream = anyStream as ServerHttp2Stream;
    if (isGrpc(headers)) {
      handleGrpc(stream, headers);
      return;
    }
    const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
    const response = new Http2ServerResponse(stream);
    // Node promises that its compatible form can stand in for HTTP/1's; all that we use of it does.
    void handleHttp(frame, find, request as never, response as never);
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(SESSION_IDLE_MS, () => session.close());
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
    session.socket.on("error", () => {});
  });
  http2.on("sessionError", () => {});

  const sockets = new Set<Socket>();
  const perAddress = new Map<string, number>();
  const net = createServer({ noDelay: true }, (socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (perAddress.get(address) ?? 0) + 1;
    socket.on("error", () => {});
    if (count > limits.connectionsPerAddressMax) {
      socket.destroy();
      return;
    }
    perAddress.set(address, count);
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
    sniff(socket, limits.headersMs, (isHttp2) => {
      (isHttp2 ? http2 : http).emit("connection", socket);
      // HTTP/2 reads from the handle; HTTP/1's parser waits for the paused stream to flow.
      if (!isHttp2) socket.resume();
    });
  });
  net.maxConnections = limits.connectionsMax;
  net.listen(options.port ?? 0, host);
  try {
    await once(net, "listening");
  } catch (cause) {
    http.close();
    throw new WaybillError("unavailable", `Port ${options.port} of ${host} cannot be had.`, {
      hint: "Another program may have it; choose one with --port.",
      cause,
    });
  }

  let closing: Promise<void> | undefined;
  const { promise: stopped, resolve: tellStopped } = Promise.withResolvers<void>();
  const close = () => {
    closing ??= stop().finally(tellStopped);
    return closing;
  };
  async function stop(): Promise<void> {
    frame.admission.stop();
    const closed = new Promise<void>((resolve) => net.close(() => resolve()));
    http.closeIdleConnections();
    for (const session of sessions) session.close();
    const deadline = Date.now() + GRACE_MS;
    while (frame.admission.count > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    }
    ended.abort();
    http.close();
    http.closeIdleConnections();
    // One turn for answers that are written but not yet out.
    await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
  if (options.signal?.aborted) void close();
  options.signal?.addEventListener("abort", () => void close(), { once: true });

  const address = net.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    host,
    port,
    url: `http://${shown}:${port}`,
    stopped,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Looks at a connection's first bytes without taking them; silence is ended in time. */
function sniff(socket: Socket, patienceMs: number, decide: (isHttp2: boolean) => void): void {
  const timer = setTimeout(() => socket.destroy(), patienceMs).unref();
  let seen: Buffer = Buffer.alloc(0);
  const look = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const start = seen.toString("latin1", 0, PREFACE.length);
    if (start.length < PREFACE.length && PREFACE.startsWith(start)) return;
    clearTimeout(timer);
    socket.off("data", look);
    socket.pause();
    socket.unshift(seen);
    decide(start === PREFACE);
  };
  socket.on("data", look);
  socket.on("close", () => clearTimeout(timer));
}
