import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  GetArtifactTypeRequestSchema,
  GetArtifactTypeResponseSchema,
  MetadataStoreService,
} from "../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Caller } from "../protection/index.ts";
import { encodeGrpcMessage, frameMessage, messageReader, timeoutMsOf } from "./grpc-wire.ts";
import { type Authentication, defineRpc, serve } from "./index.ts";
import { call } from "./serve.fixture.ts";

const PATH = "/ml_metadata.MetadataStoreService/GetArtifactType";
let seenSignal: AbortSignal | undefined;

const service = defineRpc({
  service: MetadataStoreService,
  resource: { kind: "metadata" },
  methods: {
    getArtifactType: {
      action: "read",
      handler: (request, caller, about) => {
        const name = request.typeName ?? "";
        if (name === "missing") {
          throw new WaybillError("not_found", "No type ü 100% here:\n日本");
        }
        if (name === "bug") throw new TypeError("secret path");
        if (name === "slow") {
          seenSignal = about.signal;
          return new Promise(() => {});
        }
        const answer = create(GetArtifactTypeResponseSchema, {
          artifactType: { name: `${name} for ${caller.principal}` },
        });
        return name === "later" ? Promise.resolve(answer) : answer;
      },
    },
    putArtifacts: {
      action: "write",
      handler: () => {
        throw new WaybillError("internal", "This must not be reached.");
      },
    },
  },
});

const typeRequest = (typeName: string) =>
  frameMessage(
    toBinary(GetArtifactTypeRequestSchema, create(GetArtifactTypeRequestSchema, { typeName })),
  );
const nameIn = (data: Buffer) =>
  fromBinary(GetArtifactTypeResponseSchema, data.subarray(5)).artifactType?.name;

test("a unary call is answered, whatever pieces its request comes in", async () => {
  await using server = await serve({ rpc: [service] });
  const whole = typeRequest("x");
  const cuts = [[whole], [...whole].map((byte) => Buffer.of(byte))];
  for (const pieces of cuts) {
    const result = await call(server.url, PATH, pieces);
    assert.deepEqual([result.status, nameIn(result.data)], [0, "x for local"]);
  }
  assert.equal(
    nameIn((await call(server.url, PATH, [typeRequest("later")])).data),
    "later for local",
  );
});

test("a gzip message is accepted", async () => {
  await using server = await serve({ rpc: [service] });
  const compressed = frameMessage(gzipSync(typeRequest("x").subarray(5)));
  compressed[0] = 1;
  const result = await call(server.url, PATH, [compressed], { "grpc-encoding": "gzip" });
  assert.equal(nameIn(result.data), "x for local");
});

test("an error is a trailers-only answer with its status and its message, percent-encoded", async () => {
  await using server = await serve({ rpc: [service] });
  const result = await call(server.url, PATH, [typeRequest("missing")]);
  assert.deepEqual(
    [result.status, result.message, result.trailersOnly],
    [5, "No type ü 100% here:\n日本", true],
  );
});

const bomb = frameMessage(gzipSync(Buffer.alloc(5_000_000)));
bomb[0] = 1;
const flagged = typeRequest("x");
flagged[0] = 1;
const refused: readonly (readonly [
  string,
  string,
  readonly Uint8Array[],
  Record<string, string>,
  number,
])[] = [
  ["an unknown method", "/a.B/C", [typeRequest("x")], {}, 12],
  ["a method without a handler", PATH.replace("Artifact", "Context"), [typeRequest("x")], {}, 12],
  ["no message", PATH, [], {}, 13],
  ["a message cut off", PATH, [typeRequest("x").subarray(0, 6)], {}, 13],
  ["a prefix cut off", PATH, [Buffer.of(0, 0)], {}, 13],
  ["two messages", PATH, [typeRequest("x"), typeRequest("y")], {}, 12],
  ["bytes that are no such message", PATH, [frameMessage(Buffer.of(255, 255, 255))], {}, 13],
  ["a claim of 4 GiB", PATH, [Buffer.of(0, 255, 255, 255, 255)], {}, 8],
  ["a message that is too large", PATH, [frameMessage(Buffer.alloc(1_000_001))], {}, 8],
  ["a gzip bomb", PATH, [bomb], { "grpc-encoding": "gzip" }, 8],
  ["a flag without a coding", PATH, [flagged], {}, 13],
  ["damaged gzip", PATH, [flagged], { "grpc-encoding": "gzip" }, 13],
  ["an unknown coding", PATH, [typeRequest("x")], { "grpc-encoding": "snappy" }, 12],
  ["a timeout that is none", PATH, [typeRequest("x")], { "grpc-timeout": "1x" }, 13],
  ["a name that is not ours", PATH, [typeRequest("x")], { ":authority": "evil.example" }, 7],
  ["a page of another origin", PATH, [typeRequest("x")], { origin: "http://evil.example" }, 7],
  ["a mistake in the code", PATH, [typeRequest("bug")], {}, 13],
];
test("refused calls have their status, and the server goes on", async () => {
  await using server = await serve({ rpc: [service], limits: { messageBytesMax: 1_000_000 } });
  for (const [name, path, pieces, headers, status] of refused) {
    const result = await call(server.url, path, pieces, headers);
    assert.deepEqual([result.status, result.trailersOnly], [status, true], name);
    assert.doesNotMatch(result.message, /secret/u, name);
  }
  assert.equal((await call(server.url, PATH, [typeRequest("x")])).status, 0);
});

test("a deadline ends the call and its handler's signal", async () => {
  await using server = await serve({ rpc: [service] });
  const result = await call(server.url, PATH, [typeRequest("slow")], { "grpc-timeout": "50m" });
  assert.equal(result.status, 4);
  assert.equal(seenSignal?.aborted, true);
});

test("a request that stops coming is ended, and gives its place back", async () => {
  await using server = await serve({ rpc: [service], limits: { slowMs: 100, requestsMax: 1 } });
  const { connect } = await import("node:http2");
  const session = connect(server.url);
  const stream = session.request({
    ":method": "POST",
    ":path": PATH,
    "content-type": "application/grpc",
  });
  stream.on("error", () => {});
  stream.write(typeRequest("x").subarray(0, 3));
  await new Promise((resolve) => stream.on("close", resolve));
  session.destroy();
  assert.equal((await call(server.url, PATH, [typeRequest("x")])).status, 0);
});

test("roles are checked against what each method declares", async () => {
  const caller: Caller = { principal: "v", roles: ["viewer"], project: "p" };
  const authentication: Authentication = {
    isRequired: () => true,
    authenticate(authorization) {
      if (authorization === "Bearer v") return caller;
      throw new WaybillError("unauthenticated", "This needs a token.");
    },
  };
  await using server = await serve({ rpc: [service], authentication });
  const asViewer = { authorization: "Bearer v" };
  const write = PATH.replace("GetArtifactType", "PutArtifacts");
  const empty = [frameMessage(new Uint8Array())];
  assert.equal((await call(server.url, PATH, [typeRequest("x")])).status, 16);
  assert.equal((await call(server.url, PATH, [typeRequest("x")], asViewer)).status, 0);
  assert.equal((await call(server.url, write, empty, asViewer)).status, 7);
});

test("beyond its places the server refuses calls as unavailable", async () => {
  await using server = await serve({ rpc: [service], limits: { requestsMax: 1 } });
  const busy = call(server.url, PATH, [typeRequest("slow")], { "grpc-timeout": "300m" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await call(server.url, PATH, [typeRequest("x")])).status, 14);
  assert.equal((await busy).status, 4);
  assert.equal((await call(server.url, PATH, [typeRequest("x")])).status, 0);
});

test("a method that declares no action does not compile, nor one that the service lacks", () => {
  defineRpc({
    service: MetadataStoreService,
    resource: { kind: "metadata" },
    methods: {
      // @ts-expect-error: it declares no action.
      getArtifactType: { handler: () => create(GetArtifactTypeResponseSchema) },
    },
  });
  assert.throws(() =>
    defineRpc({
      service: MetadataStoreService,
      resource: { kind: "metadata" },
      // @ts-expect-error: there is no such method.
      methods: { getNothing: { action: "read", handler: () => ({}) } },
    }),
  );
});

test("timeouts are read in all units", () => {
  const cases = { "1H": 3_600_000, "2M": 120_000, "3S": 3000, "4m": 4, "5000u": 5, "6000000n": 6 };
  for (const [header, ms] of Object.entries(cases)) {
    assert.ok(Math.abs((timeoutMsOf(header) ?? -1) - ms) < 1e-9, header);
  }
});

test("status messages survive their encoding, and are printable ASCII on the wire", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const encoded = encodeGrpcMessage(text);
      assert.match(encoded, /^[ -~]*$/u);
      assert.equal(decodeURIComponent(encoded), text);
    }),
  );
});

test("a message is found however its bytes are cut", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.nat(20)), (message, cuts) => {
      const reader = messageReader({ coding: undefined, bytesMax: 1000 });
      let framed = frameMessage(message);
      for (const cut of cuts) {
        reader.push(framed.subarray(0, cut));
        framed = framed.subarray(cut);
      }
      reader.push(framed);
      assert.deepEqual(Buffer.from(reader.end()), Buffer.from(message));
    }),
  );
});
