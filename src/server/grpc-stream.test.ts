import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  type StringValue,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { WaybillError } from "../foundation/index.ts";
import { frameMessage, splitMessages } from "./grpc-wire.ts";
import { defineRpc, type RpcService, serve } from "./index.ts";
import { call } from "./serve.fixture.ts";

type Streaming<Kind extends string> = {
  methodKind: Kind;
  input: typeof StringValueSchema;
  output: typeof StringValueSchema;
};
type Echo = GenService<{
  repeat: Streaming<"server_streaming">;
  join: Streaming<"client_streaming">;
  talk: Streaming<"bidi_streaming">;
}>;

/** A service such as the generator makes from a .proto; there is none with streams in the tree. */
function echoService(): Echo {
  const type = ".google.protobuf.StringValue";
  const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
    name,
    inputType: type,
    outputType: type,
    clientStreaming,
    serverStreaming,
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "echo.proto",
    package: "test",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "Echo",
        method: [
          method("Repeat", false, true),
          method("Join", true, false),
          method("Talk", true, true),
        ],
      },
    ],
  });
  const registry = createFileRegistry(file, (name) =>
    name === "google/protobuf/wrappers.proto" ? file_google_protobuf_wrappers : undefined,
  );
  const service = registry.getService("test.Echo");
  assert.ok(service);
  // Exactly the methods that are described above.
  return service as unknown as Echo;
}

const text = (value: string) => create(StringValueSchema, { value });
let left: string[] = [];

const echo: RpcService = defineRpc({
  service: echoService(),
  resource: { kind: "features" },
  methods: {
    repeat: {
      action: "read",
      resource: (request) => ({ kind: "features", name: request.value }),
      handler: async function* (request, caller, { signal }) {
        for (let index = 0; ; index++) {
          if (request.value === "thrice" && index === 3) return;
          if (request.value === "fails" && index === 1) {
            throw new WaybillError("data_loss", "Broken: ü.");
          }
          if (request.value === "hangs" && index === 1) {
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
            left.push("hangs");
            return;
          }
          if (request.value === "endless" && index === 20_000) return;
          yield text(`${index} for ${caller.principal}${"!".repeat(100)}`);
        }
      },
    },
    join: {
      action: "read",
      handler: async (requests) => {
        const values: string[] = [];
        for await (const { value } of requests) {
          if (value === "enough") break;
          values.push(value);
        }
        return text(values.join("+"));
      },
    },
    talk: {
      action: "write",
      handler: async function* (requests) {
        for await (const { value } of requests) yield text(value.toUpperCase());
      },
    },
  },
});

const framed = (value: string) => frameMessage(toBinary(StringValueSchema, text(value)));

async function valuesIn(data: Buffer): Promise<string[]> {
  async function* whole() {
    yield data;
  }
  const values: string[] = [];
  for await (const bytes of splitMessages(whole(), { coding: undefined, bytesMax: 1 << 20 })) {
    const message: StringValue = fromBinary(StringValueSchema, bytes);
    values.push(message.value.replaceAll("!", ""));
  }
  return values;
}

const cases: readonly (readonly [string, string, readonly string[], readonly string[], number])[] =
  [
    ["an answer is many messages", "Repeat", ["thrice"], ["0", "1", "2"].map(forLocal), 0],
    ["an error ends an answer that has begun", "Repeat", ["fails"], [forLocal("0")], 15],
    ["two requests where one is taken are refused", "Repeat", ["a", "b"], [], 12],
    ["no request where one is needed is refused", "Repeat", [], [], 13],
    ["a request is many messages", "Join", ["a", "b", "c"], ["a+b+c"], 0],
    ["a request of no messages is one too", "Join", [], [""], 0],
    ["a handler may stop reading early", "Join", ["a", "enough", "b", "c"], ["a"], 0],
    ["both sides stream", "Talk", ["a", "b"], ["A", "B"], 0],
  ];
function forLocal(index: string): string {
  return `${index} for local`;
}
test("streams of messages go in, out, and both ways", async () => {
  await using server = await serve({ rpc: [echo] });
  for (const [name, method, requests, want, status] of cases) {
    const result = await call(server.url, `/test.Echo/${method}`, requests.map(framed));
    assert.equal(result.status, status, name);
    assert.deepEqual(await valuesIn(result.data), want, name);
    if (status === 15) assert.equal(result.message, "Broken: ü.");
  }
});

test("messages that are cut anywhere are found, and one that is too large is refused", async () => {
  await using server = await serve({ rpc: [echo], limits: { messageBytesMax: 1000 } });
  const bytes = Buffer.concat([framed("a"), framed("bc"), framed("d")]);
  const pieces = [...bytes].map((byte) => Buffer.of(byte));
  const result = await call(server.url, "/test.Echo/Join", pieces);
  assert.deepEqual(await valuesIn(result.data), ["a+bc+d"]);
  const large = [framed("a"), framed("x".repeat(1001))];
  assert.equal((await call(server.url, "/test.Echo/Join", large)).status, 8);
  const cut = [framed("a"), framed("b").subarray(0, 4)];
  assert.equal((await call(server.url, "/test.Echo/Join", cut)).status, 13);
});

test("a deadline ends a stream that has begun, and its handler", async () => {
  left = [];
  await using server = await serve({ rpc: [echo] });
  const timeout = { "grpc-timeout": "200m" };
  const result = await call(server.url, "/test.Echo/Repeat", [framed("hangs")], timeout);
  assert.deepEqual([result.status, await valuesIn(result.data)], [4, [forLocal("0")]]);
  assert.deepEqual(left, ["hangs"]);
});

test("an answer of many messages arrives whole", async () => {
  await using server = await serve({ rpc: [echo] });
  const result = await call(server.url, "/test.Echo/Repeat", [framed("endless")]);
  assert.equal(result.status, 0);
  assert.equal((await valuesIn(result.data)).length, 20_000);
});

test("access is decided on the request where there is one", async () => {
  const scopes = ["features:thrice"];
  const caller = { principal: "v", roles: ["viewer"] as const, project: "p", scopes };
  const authentication = { isRequired: () => true, authenticate: () => caller };
  await using server = await serve({ rpc: [echo], authentication });
  const status = async (method: string, value: string) =>
    (await call(server.url, `/test.Echo/${method}`, [framed(value)])).status;
  assert.equal(await status("Repeat", "thrice"), 0);
  assert.equal(await status("Repeat", "other"), 7);
  assert.equal(await status("Join", "thrice"), 7);
  assert.equal(await status("Talk", "thrice"), 7);
});

test("messages come out of any cuts as they went in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 })), fc.nat(40), async (sent, cut) => {
      const bytes = Buffer.concat(sent.map((message) => frameMessage(message)));
      async function* chunks() {
        const step = cut + 1;
        for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
      }
      const options = { coding: undefined, bytesMax: 100 };
      const found = await Array.fromAsync(splitMessages(chunks(), options), (each) => [...each]);
      assert.deepEqual(
        found,
        sent.map((message) => [...message]),
      );
    }),
    { numRuns: 50 },
  );
});
