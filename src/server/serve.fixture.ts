import { request } from "node:http";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";

/** An answer of the server under test. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One HTTP/1.1 request with exactly the headers and the target that are given. */
export function ask(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Uint8Array;
    readonly path?: string;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, path, body } = options;
    const sent = request(url, { method, headers, agent: false, ...(path && { path }) });
    sent.on("error", reject);
    sent.on("response", async (response) => {
      const chunks = await Array.fromAsync(response).catch(reject);
      if (chunks === undefined) return;
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
    });
    sent.end(body);
  });
}

/** What a gRPC call gave: its messages' bytes and its trailers, those of trailers-only answers too. */
export interface CallResult {
  readonly status: number;
  readonly message: string;
  readonly data: Buffer;
  readonly trailersOnly: boolean;
}

/** One gRPC call over HTTP/2 whose request is sent in the given pieces, each a frame of its own. */
export async function call(
  url: string,
  path: string,
  pieces: readonly Uint8Array[],
  headers: Record<string, string> = {},
): Promise<CallResult> {
  const session = connect(url);
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      let head: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      stream.on("response", (given) => {
        head = given;
      });
      stream.on("trailers", (given) => {
        trailers = given;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        const trailersOnly = head["grpc-status"] !== undefined;
        const last = trailersOnly ? head : trailers;
        resolve({
          status: Number(last["grpc-status"] ?? -1),
          message: decodeURIComponent(String(last["grpc-message"] ?? "")),
          data: Buffer.concat(chunks),
          trailersOnly,
        });
      });
      void (async () => {
        for (const piece of pieces) {
          if (!stream.writable) return;
          await new Promise((done) => stream.write(piece, done));
        }
        stream.end();
      })();
    });
  } finally {
    session.destroy();
  }
}

/** Sends raw bytes and returns what comes back until the other side ends the connection. */
export function raw(port: number, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    void (async () => {
      for (const piece of pieces) {
        await new Promise((done) => socket.write(piece, done));
        await new Promise((done) => setTimeout(done, 10));
      }
    })();
  });
}
