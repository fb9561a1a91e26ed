import { once } from "node:events";
import { constants } from "node:http2";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { WaybillError } from "../foundation/index.ts";
import { authorize } from "../protection/index.ts";
import { begin, type Call, decode, fail, finish, rpcCallOf, textOf } from "./grpc-call.ts";
import { frameMessage, splitMessages } from "./grpc-wire.ts";
import type { BoundMethod } from "./rpc.ts";

const STREAM_IDLE_MS = 5 * 60_000;

/**
 * Answers a call that streams in one direction or both. Messages are pulled as the handler takes them, and sent as
 * fast as the client reads.
 */
export async function answerStreaming(call: Call, method: BoundMethod): Promise<void> {
  try {
    const { caller } = call;
    if (caller === undefined) throw new WaybillError("internal", "The call has no caller.");
    // A stream may rest between messages, but not for ever: it holds a place.
    call.stream.setTimeout(STREAM_IDLE_MS, () => call.stream.close(constants.NGHTTP2_CANCEL));
    const requests = requestsOf(call, method);
    let request: unknown = requests;
    if (method.kind === "server_streaming") {
      request = await only(requests);
      authorize(caller, method.action, method.resourceOf(request));
    } else {
      authorize(caller, method.action, method.resourceOf(undefined));
    }
    const answer = method.handler(request, caller, rpcCallOf(call));
    const messages = method.kind === "client_streaming" ? single(answer) : answer;
    // Whatever streams is declared to give messages one after the other.
    await send(call, method, messages as AsyncIterable<MessageShape<DescMessage>>);
  } catch (error) {
    fail(call, error);
    call.stream.resume();
  }
}

async function send(
  call: Call,
  method: BoundMethod,
  messages: AsyncIterable<MessageShape<DescMessage>>,
): Promise<void> {
  const { stream } = call;
  let bytesOut = 0;
  for await (const message of messages) {
    // Answered already: the deadline has passed, or the client has gone.
    if (call.isAnswered || stream.destroyed) return;
    if (!stream.headersSent) begin(call);
    const bytes = frameMessage(toBinary(method.output, message));
    bytesOut += bytes.length;
    if (!stream.write(bytes)) await drained(call);
  }
  if (call.isAnswered || stream.destroyed) return;
  if (!stream.headersSent) begin(call);
  stream.end();
  stream.resume();
  finish(call, 0, bytesOut);
}

async function* requestsOf(
  call: Call,
  method: BoundMethod,
): AsyncGenerator<MessageShape<DescMessage>> {
  const { stream, frame, headers } = call;
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      // A handler that stops reading must not end the stream: its answer still has to pass.
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        call.bytesIn += chunk.length;
        yield chunk;
      }
    } catch (cause) {
      throw new WaybillError("cancelled", "The client cancelled the call.", { cause });
    }
  }
  const options = {
    coding: textOf(headers["grpc-encoding"]),
    bytesMax: frame.limits.messageBytesMax,
  };
  for await (const bytes of splitMessages(chunks(), options)) yield decode(method.input, bytes);
}

async function only<T>(messages: AsyncIterable<T>): Promise<T> {
  const found: T[] = [];
  for await (const message of messages) {
    if (found.length === 1) throw new WaybillError("unimplemented", "This call takes one message.");
    found.push(message);
  }
  const [first] = found;
  if (first === undefined) throw new WaybillError("internal", "The request has no message.");
  return first;
}

async function* single(answer: unknown): AsyncGenerator<unknown> {
  yield await answer;
}

/** Waits until the client has read; one that does not read is cut off. */
async function drained({ stream, frame }: Call): Promise<void> {
  const patience = new AbortController();
  const giveUp = setTimeout(() => stream.destroy(), frame.limits.slowMs * 3).unref();
  try {
    await Promise.race([
      once(stream, "drain", { signal: patience.signal }),
      once(stream, "close", { signal: patience.signal }),
    ]);
  } finally {
    clearTimeout(giveUp);
    patience.abort();
  }
}
