import { createReadStream, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { WaybillError } from "../../foundation/index.ts";
import type { GitConfig } from "./config.ts";

const REDIRECTS_MAX = 3;
const TEXT_BYTES_MAX = 64 << 20;
const IDLE_SECONDS = 30;

/** A request of the LFS API or of a transfer. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or a file of which `size` bytes are streamed. */
  readonly body?: string | { readonly path: string; readonly size: number };
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is still to be read. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly stream: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
}

/** Sends requests over connections that are kept. */
export interface HttpClient extends Disposable {
  /** @throws WaybillError `unavailable` when no answer comes */
  send(request: HttpRequest): Promise<HttpResponse>;
}

/** Opens a client with git's `http.sslcainfo`, `http.sslverify` and `lfs.activitytimeout`. */
export function openHttp(config: GitConfig): HttpClient {
  const authorities = config.get("http.sslcainfo");
  // An import statement of node:http evaluates its every export, a WebSocket client included, at 90 ms of
  // CPU; git starts this program for each checkout, most of which transfer nothing.
  const http = process.getBuiltinModule("node:http");
  const https = process.getBuiltinModule("node:https");
  const agent = new http.Agent({ keepAlive: true });
  const secureAgent = new https.Agent({
    keepAlive: true,
    ...(authorities === undefined ? {} : { ca: readFileSync(authorities) }),
  });
  const idleMs = config.count("lfs.activitytimeout", IDLE_SECONDS) * 1000;

  async function once(request: HttpRequest): Promise<IncomingMessage> {
    const url = parseUrl(request.url);
    const isSecure = url.protocol === "https:";
    const { body } = request;
    const length =
      body === undefined
        ? undefined
        : typeof body === "string"
          ? Buffer.byteLength(body)
          : body.size;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = (isSecure ? https : http).request(url, {
      method: request.method,
      agent: isSecure ? secureAgent : agent,
      headers: {
        ...request.headers,
        "user-agent": "git-lfs/3.3.0 (waybill)",
        ...(length === undefined ? {} : { "content-length": length }),
      },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    if (idleMs > 0) {
      sent.setTimeout(idleMs, () => {
        const message = `${url.host} has not moved a byte in ${idleMs / 1000} s.`;
        sent.destroy(new WaybillError("unavailable", message));
      });
    }
    sent.on("response", resolve);
    sent.on("error", (error) => reject(unreachable(url, error)));
    if (body === undefined || typeof body === "string") {
      sent.end(body);
    } else if (body.size === 0) {
      sent.end();
    } else {
      const content = createReadStream(body.path, { end: body.size - 1, highWaterMark: 1 << 20 });
      // A server that refuses early ends the upload; its answer then says more than the broken pipe.
      pipeline(content, sent).catch((error) => setImmediate(() => reject(unreachable(url, error))));
    }
    return promise;
  }

  return {
    async send(request) {
      let current = request;
      for (let hop = 0; ; hop++) {
        const message = await once(current);
        const status = message.statusCode ?? 0;
        const target = message.headers.location;
        if (![301, 302, 303, 307, 308].includes(status) || target === undefined) {
          return responseOf(message, status);
        }
        message.resume();
        if (hop === REDIRECTS_MAX) {
          throw new WaybillError("unavailable", `${current.url} redirects without end.`);
        }
        current = redirected(current, new URL(target, current.url).href);
      }
    },
    [Symbol.dispose]() {
      agent.destroy();
      secureAgent.destroy();
    },
  };
}

/** Credentials stay with the host that they were for. */
function redirected(request: HttpRequest, url: string): HttpRequest {
  if (parseUrl(url).origin === parseUrl(request.url).origin) return { ...request, url };
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
  return { ...request, url, headers };
}

function responseOf(message: IncomingMessage, status: number): HttpResponse {
  return {
    status,
    headers: message.headers,
    stream: message,
    async text() {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of message) {
        size += chunk.length;
        if (size > TEXT_BYTES_MAX) {
          throw new WaybillError(
            "resource_exhausted",
            "The server's answer is larger than 64 MiB.",
          );
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

/**
 * A URL that this client asks.
 * @throws WaybillError `invalid_argument` for other schemes, and for control characters: a line break in a URL
 *   has carried credentials to another host before (CVE-2024-53263)
 */
export function parseUrl(text: string): URL {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const isClean = !/[\u0000-\u0020\u007f]|%0[ad]/iu.test(text);
  const url = isClean && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new WaybillError("invalid_argument", `${JSON.stringify(text)} is not an HTTP address.`);
}

function unreachable(url: URL, error: unknown): WaybillError {
  const failure = WaybillError.from(error);
  if (failure.code === "cancelled" || failure === error) return failure;
  return new WaybillError("unavailable", `${url.host} cannot be reached: ${failure.message}`, {
    hint: failure.hint,
    cause: error,
  });
}
