import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Artifact,
  Artifact_State,
  Event_Type,
  Execution_State,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  propertiesOf,
  type Step,
} from "./index.ts";

const RUN = { pipeline: "taxi", id: "run-1" };

test("a step that returns leaves COMPLETE with its outputs, events and contexts", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store, { stamp: async () => ({ code_commit: "abc" }) });
  const raw = await land(store);
  const { value, executionId, cached } = await recorder.step(
    "StatisticsGen",
    { run: RUN, inputs: { examples: raw }, parameters: { sample: 0.5, rows: 7n } },
    async (step) => {
      step.note("row_count", 10n);
      return step.output("statistics", "ExampleStatistics", {
        uri: "/s/1",
        properties: { span: 3, kind: "full" },
        customProperties: { sha256: "aa" },
      });
    },
  );
  assert.equal(cached, false);
  assert.ok(value.id > 0n);
  const { executions } = await store.getExecutionsByID({ executionIds: [executionId] });
  const execution = executions[0];
  assert.equal(execution?.lastKnownState, Execution_State.COMPLETE);
  assert.deepEqual(execution && propertiesOf(execution), {
    code_commit: "abc",
    sample: 0.5,
    rows: 7n,
    row_count: 10n,
    __parameters__: '["sample","rows"]',
  });
  const { artifacts } = await store.getArtifactsByID({ artifactIds: [value.id] });
  assert.equal(artifacts[0]?.state, Artifact_State.LIVE);
  assert.deepEqual(artifacts[0] && propertiesOf(artifacts[0]), {
    span: 3n,
    kind: "full",
    sha256: "aa",
  });
  assert.deepEqual(await paths(store, executionId), [
    [Event_Type.INPUT, raw.id, ["examples", 0n]],
    [Event_Type.OUTPUT, value.id, ["statistics", 0n]],
  ]);
  const { contexts } = await store.getContextsByArtifact({ artifactId: value.id });
  assert.deepEqual(
    contexts.map((context) => [context.type, context.name]),
    [
      ["pipeline", "taxi"],
      ["pipeline_run", "run-1"],
      ["node", "taxi.StatisticsGen"],
    ],
  );
  const parents = await store.getParentContextsByContext({ contextId: contexts[1]?.id ?? 0n });
  assert.deepEqual(
    parents.contexts.map((context) => context.name),
    ["taxi"],
  );
});

test("a step that throws leaves FAILED with its reason, and its outputs ABANDONED", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  await assert.rejects(
    recorder.step("Load", {}, async (step) => {
      step.output("table", "WarehouseTable", { uri: "/t", name: "flights" });
      throw new WaybillError("resource_exhausted", "the disk is full");
    }),
    { code: "resource_exhausted" },
  );
  const { executions } = await store.getExecutions({});
  assert.equal(executions[0]?.lastKnownState, Execution_State.FAILED);
  const facts = executions[0] && propertiesOf(executions[0]);
  assert.equal(facts?.["error_class"], "WaybillError");
  assert.equal(facts?.["error_message"], "the disk is full");
  assert.match(String(facts?.["error_stack"]), /recorder.test/);
  const { artifacts } = await store.getArtifacts({});
  assert.equal(artifacts[0]?.state, Artifact_State.ABANDONED);
  assert.equal(artifacts[0]?.name, "", "the name stays free for the next attempt");
});

test("a step ended by its signal is CANCELED", async () => {
  await using store = await openMetadataStore("memory:");
  const interrupt = new AbortController();
  const recorder = createRecorder(store, { signal: interrupt.signal });
  await assert.rejects(
    recorder.step("Load", {}, async (step) => {
      interrupt.abort();
      step.signal.throwIfAborted();
    }),
    { name: "AbortError" },
  );
  const { executions } = await store.getExecutions({});
  assert.equal(executions[0]?.lastKnownState, Execution_State.CANCELED);
  await assert.rejects(
    recorder.step("Load", {}, async () => {}),
    { code: "cancelled" },
  );
  assert.equal((await store.getExecutions({})).executions.length, 1);
});

test("a ref moves only from where it was expected, and a lost race writes no output", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const move = (expect: bigint | undefined) =>
    recorder.step("Load", {}, async (step) =>
      step.output("table", "WarehouseTable", {
        uri: "/t",
        ref: { name: "table/flights", expect },
      }),
    );
  assert.equal(await recorder.ref("table/flights"), undefined);
  const first = (await move(undefined)).value;
  assert.equal((await recorder.ref("table/flights"))?.id, first.id);
  await assert.rejects(move(undefined), { code: "aborted" });
  const second = (await move(first.id)).value;
  await assert.rejects(move(first.id), { code: "aborted" });
  assert.equal((await recorder.ref("table/flights"))?.id, second.id);
  assert.equal((await store.getArtifacts({})).artifacts.length, 2);
  const states = (await store.getExecutions({})).executions.map((one) => one.lastKnownState);
  const { COMPLETE, FAILED } = Execution_State;
  assert.deepEqual(states, [COMPLETE, FAILED, COMPLETE, FAILED]);
});

test("of several steps that race for one ref exactly one wins", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, (_, index) =>
      recorder.step("Load", {}, async (step) => {
        step.output("table", "WarehouseTable", {
          uri: `/t/${index}`,
          ref: { name: "table/flights", expect: undefined },
        });
      }),
    ),
  );
  assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
  assert.equal((await store.getArtifacts({})).artifacts.length, 1);
});

test("an equal step is reused as CACHED when its caller accepts the outputs", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const raw = await land(store);
  const copy = await land(store);
  let runs = 0;
  const statistics = (input: Artifact, sample: number, accept = true) =>
    recorder.step(
      "StatisticsGen",
      {
        inputs: { examples: input },
        parameters: { sample },
        reuse: async (outputs) => (accept ? outputs.get("statistics")?.[0] : undefined),
      },
      async (step) => {
        runs += 1;
        return step.output("statistics", "ExampleStatistics", { uri: `/s/${runs}` });
      },
    );
  const first = await statistics(raw, 1);
  const again = await statistics(raw, 1);
  assert.deepEqual([again.cached, again.value.id, runs], [true, first.value.id, 1]);
  assert.equal((await statistics(copy, 1)).cached, true, "equal bytes count as equal inputs");
  assert.equal((await statistics(raw, 2)).cached, false);
  assert.equal((await statistics(raw, 1, false)).cached, false);
  const { executions } = await store.getExecutionsByID({ executionIds: [again.executionId] });
  assert.equal(executions[0]?.lastKnownState, Execution_State.CACHED);
  assert.deepEqual(await paths(store, again.executionId), [
    [Event_Type.INPUT, raw.id, ["examples", 0n]],
    [Event_Type.OUTPUT, first.value.id, ["statistics", 0n]],
  ]);
});

test("outputs that are not LIVE any more are not offered for reuse", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const once = () =>
    recorder.step(
      "SchemaGen",
      { reuse: async (outputs) => outputs.get("schema")?.[0] },
      async (step) => step.output("schema", "Schema", { uri: "/schema" }),
    );
  const { value } = await once();
  await store.putArtifacts({
    artifacts: [{ id: value.id, uri: "/schema", state: Artifact_State.DELETED }],
  });
  assert.equal((await once()).cached, false);
});

test("an artifact under several keys has one event, and an input found while working is added", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const [a, b] = [await land(store), await land(store)];
  const { executionId } = await recorder.step(
    "Join",
    { inputs: { left: [a, b], right: a } },
    async (step: Step) => {
      step.input("extra", a);
      step.input("extra", a);
      step.input("left", await land(store));
    },
  );
  assert.deepEqual(await paths(store, executionId), [
    [Event_Type.INPUT, a.id, ["left", 0n, "right", 0n, "extra", 0n]],
    [Event_Type.INPUT, b.id, ["left", 1n]],
    [Event_Type.INPUT, 3n, ["left", 2n]],
  ]);
});

test("an output cannot be an input before its step has closed", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  await assert.rejects(
    recorder.step("Odd", {}, async (step) => {
      step.input("self", step.output("file", "RawFile", { uri: "/f" }));
    }),
    { code: "invalid_argument" },
  );
});

test("what kill -9 leaves RUNNING is reaped at once, and has no outputs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "waybill-recorder-"));
  try {
    const file = join(folder, "m.db");
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "recorder.fixture.ts"), file],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(child.stdout, "data");
    await using store = await openMetadataStore(file);
    const recorder = createRecorder(store);
    assert.equal(await recorder.reap(), 0, "a step of a living process is left alone");
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(await recorder.reap(), 1);
    assert.equal(await recorder.reap(), 0);
    const { executions } = await store.getExecutions({});
    assert.equal(executions[0]?.lastKnownState, Execution_State.FAILED);
    assert.equal(executions[0] && propertiesOf(executions[0])["error_class"], "Killed");
    assert.deepEqual((await store.getArtifacts({})).artifacts, []);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a step whose lease was taken away is aborted and writes no output", async () => {
  await using store = await openMetadataStore("memory:");
  let nowMs = 1_000_000;
  const recorder = createRecorder(store, { clock: { nowMs: () => nowMs } });
  await assert.rejects(
    recorder.step("Load", {}, async (step) => {
      step.output("table", "WarehouseTable", { uri: "/t" });
      nowMs += 3_600_000;
      assert.equal(await recorder.reap(), 1);
    }),
    { code: "aborted" },
  );
  assert.deepEqual((await store.getArtifacts({})).artifacts, []);
});

async function land(store: MetadataStore): Promise<Artifact> {
  const { value } = await createRecorder(store).step("Ingest", {}, async (step) =>
    step.output("file", "RawFile", { uri: "/raw", customProperties: { sha256: "00ff" } }),
  );
  return value;
}

async function paths(store: MetadataStore, executionId: bigint) {
  const { events } = await store.getEventsByExecutionIDs({ executionIds: [executionId] });
  return events.map((event) => [
    event.type,
    event.artifactId,
    event.path?.steps.map((step) => step.value.value),
  ]);
}
