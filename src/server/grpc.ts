import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { WaybillError } from "../foundation/index.ts";
import { authorize } from "../protection/index.ts";
import type { Frame } from "./frame.ts";
import {
  admit,
  begin,
  type Call,
  decode,
  fail,
  finish,
  openCall,
  rpcCallOf,
  textOf,
  watchCalls,
} from "./grpc-call.ts";
import { answerStreaming } from "./grpc-stream.ts";
import { frameMessage, type MessageReader, messageReader } from "./grpc-wire.ts";
import type { BoundMethod, RpcService } from "./rpc.ts";

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
  const unary = watchCalls(frame);
  return (stream, headers) => startCall(frame, methods, unary, stream, headers);
}

function startCall(
  frame: Frame,
  methods: ReadonlyMap<string, BoundMethod>,
  unary: Set<Call>,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): void {
  const call = openCall(frame, stream, headers);
  try {
    const method = admit(call, methods);
    if (method.kind !== "unary") {
      void answerStreaming(call, method);
      return;
    }
    unary.add(call);
    stream.on("close", () => unary.delete(call));
    answerUnary(call, method);
  } catch (error) {
    fail(call, error);
    stream.resume();
  }
}

function answerUnary(call: Call, method: BoundMethod): void {
  const { stream, headers, frame } = call;
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

function respond(call: Call, method: BoundMethod, message: unknown): void {
  const { stream } = call;
  if (call.isAnswered || stream.destroyed) return;
  try {
    // The handler's type says so: its service's descriptor gave both.
    const bytes = frameMessage(toBinary(method.output, message as MessageShape<DescMessage>));
    begin(call);
    stream.end(bytes);
    finish(call, 0, bytes.length);
  } catch (error) {
    fail(call, error);
  }
}
