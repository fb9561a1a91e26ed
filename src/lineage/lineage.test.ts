import assert from "node:assert/strict";
import { test } from "node:test";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { createRecorder, type MetadataStore, openMetadataStore } from "../metadata/index.ts";
import {
  impact,
  type LineageGraph,
  renderDot,
  renderJson,
  renderText,
  resolveReference,
  upstream,
} from "./index.ts";

test("upstream leads from an artifact back to the raw file, with parameters, code and digests", async () => {
  await using store = await openMetadataStore("memory:");
  const { raw, version, table } = await journey(store);
  const graph = await upstream(store, { kind: "artifact", id: table.id });
  assert.deepEqual(ids(graph), {
    artifacts: [raw.id, version.id, table.id],
    executions: [1n, 2n, 4n],
  });
  const load = graph.executions.at(-1);
  assert.deepEqual(load?.parameters, { mode: "append" });
  assert.deepEqual(load?.code, { code_commit: "0123456789abcdef", code_dirty: true });
  assert.equal(graph.artifacts[0]?.digest, "sha256:aa11");
  assert.deepEqual(
    graph.edges.map((edge) => [edge.executionId, edge.role, edge.artifactId, edge.path]),
    [
      [4n, "output", table.id, "table/0"],
      [4n, "input", version.id, "data/0"],
      [2n, "output", version.id, "version/0"],
      [2n, "input", raw.id, "file/0"],
      [1n, "output", raw.id, "file/0"],
    ],
  );
});

test("impact leads from the raw file to all that was made of it, and to nothing else", async () => {
  await using store = await openMetadataStore("memory:");
  const { raw, version, statistics, table } = await journey(store);
  const graph = await impact(store, { kind: "artifact", id: raw.id });
  assert.deepEqual(ids(graph), {
    artifacts: [raw.id, version.id, statistics.id, table.id],
    executions: [2n, 3n, 4n],
  });
});

test("depth counts executions", async () => {
  await using store = await openMetadataStore("memory:");
  const { table, version, raw } = await journey(store);
  const cases = [
    { depth: 0, want: [table.id] },
    { depth: 1, want: [version.id, table.id] },
    { depth: 2, want: [raw.id, version.id, table.id] },
  ];
  for (const { depth, want } of cases) {
    const graph = await upstream(store, { kind: "artifact", id: table.id }, { depth });
    assert.deepEqual(ids(graph).artifacts, want, `depth ${depth}`);
  }
  const execution = await upstream(store, { kind: "execution", id: 4n }, { depth: 1 });
  assert.deepEqual(ids(execution).artifacts, [version.id]);
});

test("the text names each step once, with what a reader asks for", async () => {
  await using store = await openMetadataStore("memory:");
  const { table } = await journey(store);
  const graph = await upstream(store, { kind: "artifact", id: table.id });
  const text = renderText(graph).replace(/\d{4}-\d\d-\d\d [\d:]+ UTC, [\d.]+ s/g, "TIME");
  assert.equal(
    text,
    `WarehouseTable "flights" [artifact:4]
  /warehouse/flights
   <- table/0: Load COMPLETE TIME [execution:4]
        parameters: mode=append
        code: 0123456789ab with local changes
      <- data/0: DataVersion [artifact:2]
           /data/flights.dvc
           md5:bb22
         <- version/0: Version COMPLETE TIME [execution:2]
              code: 0123456789ab with local changes
            <- file/0: RawFile "flights.csv" [artifact:1]
                 /lake/flights.csv
                 sha256:aa11
               <- file/0: Ingest COMPLETE TIME [execution:1]
                    parameters: source=https://example.org/flights.csv
                    code: 0123456789ab with local changes
`,
  );
});

test("JSON keeps 64-bit ids as text, and DOT quotes what it is given", async () => {
  await using store = await openMetadataStore("memory:");
  const { table } = await journey(store);
  const graph = await upstream(store, { kind: "artifact", id: table.id });
  const parsed = JSON.parse(renderJson(graph));
  assert.equal(parsed.artifacts[0].id, "1");
  assert.equal(parsed.edges.length, 5);
  const dot = renderDot({
    ...graph,
    artifacts: graph.artifacts.map((node) => ({ ...node, name: 'a"b\\' })),
  });
  assert.match(dot, /artifact_1 \[shape=box, label="RawFile\\na\\"b\\\\\\nsha256:aa11"\];/);
  assert.match(dot, /execution_1 -> artifact_1 \[label="file\/0"\];/);
});

test("a reference is an id, a head, a name, a type with a name, or a URI", async () => {
  await using store = await openMetadataStore("memory:");
  const { raw, table } = await journey(store);
  const cases = [
    { text: String(raw.id), want: raw.id },
    { text: `artifact:${raw.id}`, want: raw.id },
    { text: "flights.csv", want: raw.id },
    { text: "RawFile:flights.csv", want: raw.id },
    { text: "/lake/flights.csv", want: raw.id },
    { text: "table:air.flights", want: table.id },
    { text: "air.flights", want: table.id },
  ];
  for (const { text, want } of cases) {
    assert.deepEqual(await resolveReference(store, text), { kind: "artifact", id: want }, text);
  }
  assert.deepEqual(await resolveReference(store, "execution:4"), { kind: "execution", id: 4n });
});

test("an unknown reference suggests the nearest names", async () => {
  await using store = await openMetadataStore("memory:");
  await journey(store);
  await assert.rejects(resolveReference(store, "fligths.csv"), {
    code: "not_found",
    hint: /"flights\.csv"/,
  });
  await assert.rejects(resolveReference(store, "artifact:99"), { code: "not_found" });
});

test("a name that artifacts of several types have is refused with its meanings", async () => {
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  await recorder.step("Twice", {}, async (step) => {
    step.output("a", "RawFile", { uri: "/a", name: "x" });
    step.output("b", "Schema", { uri: "/b", name: "x" });
  });
  await assert.rejects(resolveReference(store, "x"), {
    code: "invalid_argument",
    message: /RawFile:x, Schema:x/,
  });
});

async function journey(store: MetadataStore) {
  const recorder = createRecorder(store, {
    stamp: async () => ({ code_commit: "0123456789abcdef", code_dirty: true, user: "me" }),
  });
  const make = async (
    type: string,
    inputs: Record<string, Artifact>,
    parameters: Record<string, string>,
    output: [key: string, type: string, uri: string, name?: string | undefined, digest?: object],
  ): Promise<Artifact> => {
    const [key, outputType, uri, name, digest] = output;
    const result = await recorder.step(type, { inputs, parameters }, async (step) =>
      step.output(key, outputType, {
        uri,
        ...(name === undefined ? {} : { name }),
        customProperties: { ...digest },
        ...(name === "flights" ? { ref: { name: "table:air.flights", expect: undefined } } : {}),
      }),
    );
    return result.value;
  };
  const source = { source: "https://example.org/flights.csv" };
  const raw = await make("Ingest", {}, source, [
    "file",
    "RawFile",
    "/lake/flights.csv",
    "flights.csv",
    { sha256: "aa11" },
  ]);
  const version = await make("Version", { file: raw }, {}, [
    "version",
    "DataVersion",
    "/data/flights.dvc",
    undefined,
    { md5: "bb22" },
  ]);
  const statistics = await make("StatisticsGen", { examples: version }, {}, [
    "statistics",
    "ExampleStatistics",
    "/statistics",
  ]);
  const table = await make("Load", { data: version }, { mode: "append" }, [
    "table",
    "WarehouseTable",
    "/warehouse/flights",
    "flights",
  ]);
  return { raw, version, statistics, table };
}

function ids(graph: LineageGraph) {
  return {
    artifacts: graph.artifacts.map((node) => node.id),
    executions: graph.executions.map((node) => node.id),
  };
}
