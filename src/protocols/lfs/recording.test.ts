import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  GetArtifactsRequestSchema,
  GetExecutionsRequestSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import { createRecorder, openMetadataStore } from "../../metadata/index.ts";
import { openMemoryStore } from "../../storage/index.ts";
import { recordUploads } from "./index.ts";

test("what one caller pushes to one repository is one execution with an artifact an object", async () => {
  await using metadata = await openMetadataStore("memory:");
  const recorder = createRecorder(metadata, { stamp: async () => ({}) });
  const upload = (repository: string, principal: string, digit: string) => ({
    repository,
    principal,
    oid: digit.repeat(64),
    sizeBytes: 5,
  });
  {
    await using recording = recordUploads(recorder, openMemoryStore(), { idleMs: 60_000 });
    await recording.onUpload(upload("team/data", "ann", "1"));
    await recording.onUpload(upload("team/data", "ann", "2"));
    await recording.onUpload(upload("team/data", "bob", "3"));
  }
  const { executions } = await metadata.getExecutions(create(GetExecutionsRequestSchema));
  const { artifacts } = await metadata.getArtifacts(create(GetArtifactsRequestSchema));
  assert.equal(executions.length, 2);
  assert.deepEqual(
    artifacts.map(({ uri }) => uri).sort(),
    ["1", "2", "3"].map((digit) => {
      const oid = digit.repeat(64);
      return `memory:/team/data/objects/${digit}${digit}/${digit}${digit}/${oid}`;
    }),
  );
});
