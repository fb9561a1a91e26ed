import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { MetadataStoreService } from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import { openMetadataStore } from "../../metadata/index.ts";
import { serve } from "../../server/index.ts";
import { call } from "../../server/serve.fixture.ts";
import { metadataRpc } from "./index.ts";

test("every method of the service is served", async () => {
  await using store = await openMetadataStore("memory:");
  const { methods } = metadataRpc(store);
  assert.deepEqual(
    methods.map((method) => method.path),
    MetadataStoreService.methods.map(
      (method) => `/ml_metadata.MetadataStoreService/${method.name}`,
    ),
  );
  assert.equal(methods.length, 52);
  for (const { path, action } of methods) {
    assert.equal(action, /\/Put/.test(path) ? "write" : "read", path);
  }
});

test("what a client puts it gets back, and errors carry ML Metadata's status and text", async () => {
  await using store = await openMetadataStore("memory:");
  await using server = await serve({ rpc: [metadataRpc(store)] });
  const { method } = MetadataStoreService;

  const type = await ask(server.url, method.putArtifactType, {
    artifactType: { name: "Data" },
  });
  const put = await ask(server.url, method.putArtifacts, {
    artifacts: [{ typeId: type.typeId, uri: "s3://ü/1", name: "a" }],
  });
  const got = await ask(server.url, method.getArtifactsByID, { artifactIds: put.artifactIds });
  assert.deepEqual(
    got.artifacts.map(({ uri, name, type }) => [uri, name, type]),
    [["s3://ü/1", "a", "Data"]],
  );

  await assert.rejects(ask(server.url, method.putArtifacts, { artifacts: [{ uri: "x" }] }), {
    message: "3 Type id is missing.",
  });
  await assert.rejects(ask(server.url, method.getArtifactType, { typeName: "No" }), {
    message: "5 No type found for query, name: `No`, version: `nullopt`",
  });
  await assert.rejects(ask(server.url, method.getLineageGraph, {}), {
    message: "12 GetLineageGraph is not implemented.",
  });
});

async function ask<I extends DescMessage, O extends DescMessage>(
  url: string,
  method: { readonly name: string; readonly input: I; readonly output: O },
  fields: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const bytes = toBinary(method.input, create(method.input, fields));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  const path = `/ml_metadata.MetadataStoreService/${method.name}`;
  const { status, message, data } = await call(url, path, [Buffer.concat([prefix, bytes])]);
  if (status !== 0) throw new RangeError(`${status} ${message}`);
  return fromBinary(method.output, data.subarray(5));
}
