import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { WaybillError } from "../foundation/index.ts";
import type { Caller } from "../protection/index.ts";
import { type Frame, logRequest } from "./frame.ts";
import { encodeGrpcMessage, timeoutMsOf } from "./grpc-wire.ts";
import type { BoundMethod, RpcCall } from "./rpc.ts";
import { grpcStatusOf, presentable } from "./status.ts";

const CONTENT_TYPE = "application/grpc+proto";
const CODINGS = "identity,gzip";
const AFTERMATH_MS = 1_000;
/** Beyond this a trailer would burst the limits that clients have for headers. */
const MESSAGE_CHARACTERS_MAX = 4096;

/** The state of one call between the frames of its stream. */
export interface Call {
  readonly frame: Frame;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly startedMs: number;
  readonly id: string;
  readonly remote: string;
  leave: () => void;
  caller: Caller | undefined;
  bytesIn: number;
  /** What had come when it was last looked at whether the request goes on. */
  bytesSeen: number;
  abort: AbortController | undefined;
  timer: NodeJS.Timeout | undefined;
  isAnswered: boolean;
  /** What ends the call after its messages. */
  trailers: Readonly<Record<string, string>>;
}

/** Takes up a new stream as a call; it counts as cancelled when it closes without an answer. */
export function openCall(
  frame: Frame,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Call {
  const call: Call = {
    frame,
    stream,
    headers,
    startedMs: performance.now(),
    id: frame.requestId(headers["x-request-id"]),
    remote: stream.session?.socket.remoteAddress ?? "",
    leave: () => {},
    caller: undefined,
    bytesIn: 0,
    bytesSeen: -1,
    abort: undefined,
    timer: undefined,
    isAnswered: false,
    trailers: { "grpc-status": "0" },
  };
  stream.on("error", () => {});
  stream.on("close", () => {
    clearTimeout(call.timer);
    if (!call.isAnswered) {
      finish(call, 1, 0, new WaybillError("cancelled", "The client cancelled the call."));
      call.abort?.abort();
    }
    call.leave();
  });
  return call;
}

/** The checks before any byte of the request is looked at. */
export function admit(call: Call, methods: ReadonlyMap<string, BoundMethod>): BoundMethod {
  const { frame, headers } = call;
  const host = textOf(headers[":authority"]) ?? headers.host;
  frame.guard.checkHost(host);
  frame.guard.checkOrigin("POST", host, headers);
  call.leave = frame.admission.enter(call.remote);
  const path = headers[":path"] ?? "";
  const method = headers[":method"] === "POST" ? methods.get(path) : undefined;
  if (method === undefined) {
    throw new WaybillError("unimplemented", `The method ${path.slice(0, 200)} is not served here.`);
  }
  const coding = textOf(headers["grpc-encoding"]);
  if (coding !== undefined && coding !== "identity" && coding !== "gzip") {
    throw new WaybillError("unimplemented", `The coding "${coding}" is not known.`);
  }
  const timeoutMs = timeoutMsOf(textOf(headers["grpc-timeout"]));
  if (timeoutMs !== undefined) {
    const expire = () => {
      fail(call, new WaybillError("deadline_exceeded", "The call's deadline has passed."));
      call.abort?.abort();
    };
    // Timers hold 31 bits; a deadline of weeks is as good as none.
    if (timeoutMs < 2 ** 31) call.timer = setTimeout(expire, timeoutMs);
  }
  call.caller = frame.authentication.authenticate(headers.authorization, call.remote);
  return method;
}

/** Sends the headers of an answer; its trailers follow when the stream is ended. */
export function begin(call: Call): void {
  const { stream } = call;
  stream.on("wantTrailers", () => {
    if (!stream.destroyed) stream.sendTrailers(call.trailers);
  });
  stream.respond(
    { ":status": 200, "content-type": CONTENT_TYPE, "grpc-accept-encoding": CODINGS },
    { waitForTrailers: true },
  );
}

/** A request's message; what is none is `internal`, as other servers say. */
export function decode(type: DescMessage, bytes: Uint8Array): MessageShape<DescMessage> {
  try {
    return fromBinary(type, bytes);
  } catch (cause) {
    throw new WaybillError("internal", `The request is not a valid ${type.typeName}.`, { cause });
  }
}

/**
 * Ends a call with an error: a status alone in one frame of headers, or behind the messages that went out.
 */
export function fail(call: Call, caught: unknown): void {
  const { stream } = call;
  if (call.isAnswered) return;
  const error = presentable(caught, call.id);
  const number = grpcStatusOf(error);
  finish(call, number, 0, error, caught);
  if (stream.destroyed) return;
  const status = {
    "grpc-status": String(number),
    "grpc-message": encodeGrpcMessage(error.message.slice(0, MESSAGE_CHARACTERS_MAX)),
  };
  if (stream.headersSent) {
    call.trailers = status;
    stream.end();
  } else {
    stream.respond(
      {
        ":status": 200,
        "content-type": CONTENT_TYPE,
        "grpc-accept-encoding": CODINGS,
        ...status,
      },
      { endStream: true },
    );
  }
  // What the client still sends is thrown away; one that goes on is cut off, once the answer is out.
  if (stream.readableEnded) return;
  setTimeout(() => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
  }, AFTERMATH_MS).unref();
}

/** Gives the call's place back and writes its line; what comes after it has no effect. */
export function finish(
  call: Call,
  status: number,
  bytesOut: number,
  error?: WaybillError,
  caught?: unknown,
): void {
  call.isAnswered = true;
  clearTimeout(call.timer);
  call.leave();
  const isFault = status === 13 || status === 2 || status === 15;
  const line = {
    id: call.id,
    protocol: "grpc" as const,
    method: "POST",
    path: call.headers[":path"] ?? "",
    status,
    ms: Math.round((performance.now() - call.startedMs) * 10) / 10,
    bytesIn: call.bytesIn,
    bytesOut,
    principal: call.caller?.principal,
    remote: call.remote,
    error: error?.message,
  };
  logRequest(call.frame, line, isFault ? caught : undefined);
}

/** The handler's view of a call. Its signal is made when asked for: most handlers never do. */
export function rpcCallOf(call: Call): RpcCall {
  return {
    id: call.id,
    get signal() {
      call.abort ??= new AbortController();
      return AbortSignal.any([call.abort.signal, call.frame.stopped]);
    },
    metadata: (name) => textOf(call.headers[name.toLowerCase()]),
  };
}

/** The first value of a header. */
export function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Requests that stop coming would hold their places for ever; one watch over all costs less than a timer each. */
export function watchCalls(frame: Frame): Set<Call> {
  const calls = new Set<Call>();
  const look = () => {
    for (const call of calls) {
      if (call.stream.readableEnded || call.isAnswered) continue;
      const isStuck = call.bytesIn === call.bytesSeen;
      call.bytesSeen = call.bytesIn;
      if (isStuck) call.stream.close(constants.NGHTTP2_CANCEL);
    }
  };
  const timer = setInterval(look, frame.limits.slowMs).unref();
  frame.stopped.addEventListener("abort", () => clearInterval(timer), { once: true });
  return calls;
}
