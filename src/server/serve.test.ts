import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Log, WaybillError } from "../foundation/index.ts";
import { addToken, authorize, revokeToken } from "../protection/index.ts";
import { defineRoute, jsonResponse, serve, tokenAuthentication } from "./index.ts";
import { ask, raw } from "./serve.fixture.ts";

const lake = { kind: "lake" } as const;
const routes = [
  defineRoute({
    method: "GET",
    path: "/hello/:name",
    action: "read",
    resource: ({ name }) => ({ kind: "lake", name }),
    handler: ({ params, query, caller, origin }) =>
      jsonResponse({ name: params.name, q: query.get("q"), by: caller.principal, origin }),
  }),
  defineRoute({
    method: "POST",
    path: "/echo",
    action: "write",
    resource: lake,
    bodyBytesMax: 1000,
    handler: async (request) => jsonResponse(await request.json()),
  }),
  defineRoute({
    method: "PUT",
    path: "/digest",
    action: "write",
    resource: lake,
    bodyBytesMax: 1 << 30,
    handler: async (request) => {
      const hash = createHash("sha256");
      for await (const chunk of request.body()) hash.update(chunk);
      return { body: hash.digest("hex") };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/stream",
    action: "read",
    resource: lake,
    handler: () => ({ body: numbers(1000) }),
  }),
  defineRoute({
    method: "GET",
    path: "/broken-stream",
    action: "read",
    resource: lake,
    handler: () => ({ headers: { "content-length": "4000000" }, body: numbers(50, "fails") }),
  }),
  defineRoute({
    method: "GET",
    path: "/fail/:how",
    action: "read",
    resource: lake,
    handler: ({ params }) => {
      if (params.how === "ours") {
        throw new WaybillError("aborted", "Somebody was faster.", { hint: "Try again." });
      }
      const system = { code: params.how, syscall: "open" };
      throw Object.assign(new TypeError("secret /etc/waybill path"), system);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/slow",
    action: "read",
    resource: lake,
    handler: async ({ signal }) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
        signal.addEventListener("abort", resolve);
      });
      return { body: signal.aborted ? "aborted" : "done" };
    },
  }),
  defineRoute({
    method: "POST",
    path: "/stricter",
    action: "read",
    resource: lake,
    handler: ({ caller }) => {
      authorize(caller, "administer", lake);
      return { body: "in" };
    },
  }),
];

async function* numbers(count: number, end?: string): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(1000, index % 256);
  if (end !== undefined) throw new WaybillError("data_loss", end);
}

function linesOf(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, log: { log: (_, message) => void lines.push(message) } };
}

test("one port answers HTTP/1.1 and HTTP/2, told apart by the first bytes", async () => {
  await using server = await serve({ routes });
  const first = await ask(`${server.url}/hello/w%C3%B6?q=1`);
  assert.deepEqual(JSON.parse(first.body), {
    name: "wö",
    q: "1",
    by: "local",
    origin: server.url,
  });
  const { connect } = await import("node:http2");
  const session = connect(server.url);
  const stream = session.request({ ":path": "/hello/two" });
  const body = Buffer.concat(await Array.fromAsync(stream)).toString();
  session.close();
  assert.equal(JSON.parse(body).name, "two");
});

test("first bytes may come one by one", async () => {
  await using server = await serve({ routes });
  const text = `P|U|T| /digest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi`;
  const answer = await raw(server.port, text.split("|"));
  assert.match(answer, /^HTTP\/1.1 200 /u);
  assert.ok(answer.endsWith(createHash("sha256").update("hi").digest("hex")));
});

test("answers carry a request id and headers that browsers keep to", async () => {
  await using server = await serve({ routes });
  const given = await ask(`${server.url}/hello/x`, { headers: { "x-request-id": "abc-1" } });
  assert.equal(given.headers["x-request-id"], "abc-1");
  const own = await ask(`${server.url}/hello/x`, { headers: { "x-request-id": "a b\u00e4" } });
  assert.match(String(own.headers["x-request-id"]), /^[0-9a-f]{16}$/u);
  assert.equal(own.headers["x-content-type-options"], "nosniff");
  assert.match(String(own.headers["content-security-policy"]), /frame-ancestors 'none'/u);
});

const refusals: readonly (readonly [string, Parameters<typeof ask>[1], string, number])[] = [
  ["an unknown path", {}, "/none", 404],
  ["a wrong method", { method: "DELETE" }, "/echo", 405],
  ["a name that is not ours", { headers: { host: "evil.example" } }, "/hello/x", 421],
  [
    "a name that only starts like ours",
    { headers: { host: "127.0.0.1.evil.example" } },
    "/hello/x",
    421,
  ],
  ["a write of another origin", post({ origin: "http://evil.example" }), "/echo", 403],
  ["a write of a sandboxed page", post({ origin: "null" }), "/echo", 403],
  ["a cross-site write", post({ "sec-fetch-site": "cross-site" }), "/echo", 403],
  ["no JSON", { method: "POST", body: "{" }, "/echo", 400],
  ["too large a body", { method: "POST", body: "x".repeat(1001) }, "/echo", 413],
  ["an unknown coding", post({ "content-encoding": "br" }), "/echo", 415],
  ["what is not gzip", post({ "content-encoding": "gzip" }), "/echo", 400],
  ["our own error", {}, "/fail/ours", 409],
  ["a full disk", {}, "/fail/ENOSPC", 507],
  ["a mistake in the code", {}, "/fail/other", 500],
];
function post(headers: Record<string, string>): Parameters<typeof ask>[1] {
  return { method: "POST", headers, body: "{}" };
}
test("refusals have their status and say why, and never what our disk looks like", async () => {
  await using server = await serve({ routes });
  for (const [name, options, path, status] of refusals) {
    const answer = await ask(`${server.url}${path}`, options);
    assert.equal(answer.status, status, name);
    const { message, requestId } = JSON.parse(answer.body);
    assert.ok(message.length > 5 && requestId !== "", name);
    assert.doesNotMatch(answer.body, /secret/u, name);
  }
});

test("a write of the server's own page, or of one that is trusted, passes", async () => {
  await using server = await serve({ routes, allowedOrigins: ["https://ui.example"] });
  for (const origin of [server.url, "https://ui.example"]) {
    const answer = await ask(`${server.url}/echo`, post({ origin }));
    assert.equal(answer.status, 200, origin);
  }
});

test("a gzip body is taken off its coding, and a bomb is refused by the same limit", async () => {
  await using server = await serve({ routes });
  const send = (body: Buffer) =>
    ask(`${server.url}/echo`, {
      method: "POST",
      headers: { "content-encoding": "gzip" },
      body,
    });
  assert.equal((await send(gzipSync('{"a":1}'))).body, '{"a":1}');
  assert.equal((await send(gzipSync(Buffer.alloc(500_000)))).status, 413);
});

test("a large upload streams, and a large download arrives whole", async () => {
  await using server = await serve({ routes });
  const body = randomBytes(3_000_000);
  const digest = createHash("sha256").update(body).digest("hex");
  assert.equal((await ask(`${server.url}/digest`, { method: "PUT", body })).body, digest);
  assert.equal((await ask(`${server.url}/stream`)).body.length > 0, true);
  const head = await ask(`${server.url}/stream`, { method: "HEAD" });
  assert.deepEqual([head.status, head.body], [200, ""]);
});

test("an answer that fails half way does not look whole", async () => {
  await using server = await serve({ routes });
  await assert.rejects(ask(`${server.url}/broken-stream`));
  assert.equal((await ask(`${server.url}/healthz`)).status, 200);
});

test("what is no HTTP at all is ended, and the server goes on", async () => {
  await using server = await serve({ routes });
  const garbage = [
    "\x16\x03\x01\x02\x00",
    "GET\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "\0\0",
  ];
  for (const bytes of garbage) await raw(server.port, [bytes, bytes]);
  assert.equal((await ask(`${server.url}/healthz`)).status, 200);
});

test("headers and bodies that trickle in are cut off in time", async () => {
  const limits = { headersMs: 200, slowMs: 200 };
  await using server = await serve({ routes, limits });
  const started = performance.now();
  const silent = raw(server.port, []);
  const start = raw(server.port, ["PR"]);
  const body = raw(server.port, [
    "PUT /digest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nx",
  ]);
  const head = raw(server.port, ["GET /hello/x HTTP/1.1\r\nhost: local"]);
  await Promise.all([silent, start, body, head]);
  assert.ok(performance.now() - started < 5_000);
});

test("beyond its places the server refuses at once with Retry-After", async () => {
  await using server = await serve({ routes, limits: { requestsMax: 2 } });
  const busy = [ask(`${server.url}/slow`), ask(`${server.url}/slow`)];
  await new Promise((resolve) => setTimeout(resolve, 100));
  const refused = await ask(`${server.url}/slow`);
  assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
  assert.equal((await ask(`${server.url}/healthz`)).status, 200);
  assert.deepEqual(
    (await Promise.all(busy)).map(({ body }) => body),
    ["done", "done"],
  );
});

test("one address gets its share only", async () => {
  await using server = await serve({ routes, limits: { requestsPerAddressMax: 1 } });
  const busy = ask(`${server.url}/slow`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await ask(`${server.url}/slow`)).status, 429);
  await busy;
});

test("closing waits for what is in work and refuses the rest", async () => {
  const server = await serve({ routes });
  const busy = ask(`${server.url}/slow`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close();
  assert.equal((await busy).body, "done");
  await assert.rejects(ask(`${server.url}/healthz`));
});

test("a signal stops the server", async () => {
  const controller = new AbortController();
  const server = await serve({ routes, signal: controller.signal });
  controller.abort();
  await server.stopped;
});

test("readiness names what is missing", async () => {
  await using server = await serve({ readiness: async () => ({ metadata: "is migrating" }) });
  const answer = await ask(`${server.url}/readyz`);
  assert.equal(answer.status, 503);
  assert.deepEqual(JSON.parse(answer.body).waitingFor, { metadata: "is migrating" });
});

test("an address that others reach needs an authentication that is required", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "serve-"));
  const isRefused = (error: unknown) =>
    error instanceof WaybillError && error.code === "failed_precondition";
  await assert.rejects(serve({ host: "0.0.0.0" }), isRefused);
  const authentication = tokenAuthentication(home.path, "p");
  await assert.rejects(serve({ host: "0.0.0.0", authentication }), isRefused);
  await assert.rejects(serve({ host: "::", authentication }), isRefused);
});

test("a port that is taken is unavailable", async () => {
  await using server = await serve();
  const second = serve({ port: server.port });
  await assert.rejects(second, (e) => e instanceof WaybillError && e.code === "unavailable");
});

test("with tokens each role may do what it may, and nobody else anything", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "serve-"));
  const viewer = await addToken(home.path, { name: "v", role: "viewer" });
  const editor = await addToken(home.path, { name: "e", role: "editor", scopes: ["lake"] });
  const narrow = await addToken(home.path, { name: "n", role: "admin", scopes: ["lake:x"] });
  const { log, lines } = linesOf();
  await using server = await serve({
    routes,
    log,
    authentication: tokenAuthentication(home.path, "p"),
  });
  const basic = (name: string, secret: string) =>
    `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
  const cells: readonly (readonly [string | undefined, string, string, number])[] = [
    [undefined, "GET", "/hello/x", 401],
    ["Bearer wrong", "GET", "/hello/x", 401],
    ["Digest x", "GET", "/hello/x", 401],
    [basic("e", viewer.secret), "GET", "/hello/x", 401],
    [`Bearer ${viewer.secret}`, "GET", "/hello/x", 200],
    [basic("v", viewer.secret), "GET", "/hello/x", 200],
    [`Bearer ${viewer.secret}`, "POST", "/echo", 403],
    [`Bearer ${editor.secret}`, "POST", "/echo", 200],
    [`Bearer ${editor.secret}`, "POST", "/stricter", 403],
    [`Bearer ${narrow.secret}`, "GET", "/hello/x", 200],
    [`Bearer ${narrow.secret}`, "GET", "/hello/y", 403],
    [undefined, "GET", "/healthz", 200],
  ];
  for (const [authorization, method, path, status] of cells) {
    const headers: Record<string, string> = authorization ? { authorization } : {};
    const body = method === "POST" ? { body: "{}" } : {};
    const answer = await ask(`${server.url}${path}?token=canary`, { method, headers, ...body });
    assert.equal(answer.status, status, `${authorization} ${method} ${path}`);
    if (status === 401) assert.match(String(answer.headers["www-authenticate"]), /^Basic realm=/u);
  }
  await revokeToken(home.path, "v");
  const after = await ask(`${server.url}/hello/x`, {
    headers: { authorization: `Bearer ${viewer.secret}` },
  });
  assert.equal(after.status, 401);
  const written = lines.join("\n");
  for (const secret of [viewer.secret, editor.secret, "canary"]) {
    assert.equal(written.includes(secret), false, "a secret is in the log");
  }
  assert.equal(lines.length, cells.length + 1);
  for (const line of lines) assert.ok(Number.isInteger(JSON.parse(line).status));
});
