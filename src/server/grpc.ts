import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { WaybillError } from "../foundation/index.ts";
import { authorize, type Caller } from "../protection/index.ts";
import { type Frame, logRequest, requestIdFrom } from "./frame.ts";
import {
  encodeGrpcMessage,
  frameMessage,
  type MessageReader,
  messageReader,
  timeoutMsOf,
} from "./grpc-wire.ts";
import type { BoundMethod, RpcCall, RpcService } from "./rpc.ts";
import { grpcStatusOf, presentable } from "./status.ts";

const CONTENT_TYPE = "application/grpc+proto";
const CODINGS = "identity,gzip";
const AFTERMATH_MS = 1_000;
/** Beyond this a trailer would burst the limits that clients have for headers. */
const MESSAGE_CHARACTERS_MAX = 4096;

/** Whether a request is gRPC's, by its content type. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return type !== undefined && /^application\/grpc(\+proto)?(;|$)/u.test(type);
}

/**
 * Builds the handler of gRPC streams over its services. Unary calls go straight from the HTTP/2 stream
 * to the handler: a framework in between costs several times the call.
 */
export function grpcHandler(
  frame: Frame,
  services: readonly RpcService[],
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const methods = new Map<string, BoundMethod>();
  for (const { methods: bound } of services) {
    for (const method of bound) methods.set(method.path, method);
  }
  return (stream, headers) => startCall(frame, methods, stream, headers);
}

/** The state of one call between the frames of its stream. */
interface Call {
  readonly frame: Frame;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly startedMs: number;
  readonly id: string;
  readonly remote: string;
  leave: () => void;
  caller: Caller | undefined;
  bytesIn: number;
  abort: AbortController | undefined;
  timer: NodeJS.Timeout | undefined;
  isAnswered: boolean;
}

function startCall(
  frame: Frame,
  methods: ReadonlyMap<string, BoundMethod>,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  const call: Call = {
    frame,
    stream,
    headers,
    startedMs: performance.now(),
    id: requestIdFrom(headers["x-request-id"]),
    remote: stream.session?.socket.remoteAddress ?? "",
    leave: () => {},
    caller: undefined,
    bytesIn: 0,
    abort: undefined,
    timer: undefined,
    isAnswered: false,
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
  try {
    const method = admit(call, methods);
    const reader = messageReader({
      coding: textOf(headers["grpc-encoding"]),
      bytesMax: frame.limits.messageBytesMax,
    });
    stream.on("data", (chunk: Buffer) => {
      call.bytesIn += chunk.length;
      if (call.isAnswered) return;
      try {
        reader.push(chunk);
      } catch (error) {
        fail(call, error);
      }
    });
    stream.on("end", () => {
      if (!call.isAnswered) answer(call, method, reader);
    });
  } catch (error) {
    fail(call, error);
    stream.resume();
  }
}

/** The checks before any byte of the request is looked at. */
function admit(call: Call, methods: ReadonlyMap<string, BoundMethod>): BoundMethod {
  const { frame, headers, stream } = call;
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
  } else {
    // A request without a deadline that never ends would hold its place for ever.
    stream.setTimeout(frame.limits.slowMs * 3, () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
    });
  }
  call.caller = frame.authentication.authenticate(headers.authorization, call.remote);
  return method;
}

function answer(call: Call, method: BoundMethod, reader: MessageReader): void {
  try {
    const request = decode(method.input, reader.end());
    const caller = call.caller;
    if (caller === undefined) throw new WaybillError("internal", "The call has no caller.");
    authorize(caller, method.action, method.resourceOf(request));
    const response = method.handler(request, caller, rpcCallOf(call));
    if (response instanceof Promise) {
      response.then(
        (message) => respond(call, method, message),
        (error: unknown) => fail(call, error),
      );
    } else {
      respond(call, method, response);
    }
  } catch (error) {
    fail(call, error);
  }
}

function decode(type: DescMessage, bytes: Uint8Array): MessageShape<DescMessage> {
  try {
    return fromBinary(type, bytes);
  } catch (cause) {
    throw new WaybillError("internal", `The request is not a valid ${type.typeName}.`, { cause });
  }
}

function respond(call: Call, method: BoundMethod, message: unknown): void {
  const { stream } = call;
  if (call.isAnswered || stream.destroyed) return;
  try {
    // The handler's type says so: its service's descriptor gave both.
    const bytes = frameMessage(toBinary(method.output, message as MessageShape<DescMessage>));
    stream.on("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers({ "grpc-status": "0" });
    });
    stream.respond(
      { ":status": 200, "content-type": CONTENT_TYPE, "grpc-accept-encoding": CODINGS },
      { waitForTrailers: true },
    );
    stream.end(bytes);
    finish(call, 0, bytes.length);
  } catch (error) {
    fail(call, error);
  }
}

/** Answers with a status alone: one frame of headers, which are the trailers too. */
function fail(call: Call, caught: unknown): void {
  const { stream } = call;
  if (call.isAnswered) return;
  const error = presentable(caught, call.id);
  const status = grpcStatusOf(error);
  finish(call, status, 0, error, caught);
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    {
      ":status": 200,
      "content-type": CONTENT_TYPE,
      "grpc-accept-encoding": CODINGS,
      "grpc-status": String(status),
      "grpc-message": encodeGrpcMessage(error.message.slice(0, MESSAGE_CHARACTERS_MAX)),
    },
    { endStream: true },
  );
  // What the client still sends is thrown away; one that goes on is cut off, once the answer is out.
  if (stream.readableEnded) return;
  setTimeout(() => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
  }, AFTERMATH_MS).unref();
}

function finish(
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
function rpcCallOf(call: Call): RpcCall {
  return {
    id: call.id,
    get signal() {
      call.abort ??= new AbortController();
      return AbortSignal.any([call.abort.signal, call.frame.stopped]);
    },
    metadata: (name) => textOf(call.headers[name.toLowerCase()]),
  };
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
