// The metadata store beside the real ml-metadata: its library reads our file and we read its, its own test
// suite and the differential test run over gRPC against us, and a captured TFX store answers TFX's questions.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Artifact_State,
  Event_Type,
  Execution_State,
  type Value,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { type Service, startMariaDb, startPostgres } from "../../scripts/services.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  upgradeMetadataStore,
} from "../../src/metadata/index.ts";
import { metadataRpc } from "../../src/protocols/mlmd/index.ts";
import { serve } from "../../src/server/index.ts";
import { besidePeers, peerPython, requireShared } from "./peer.ts";

/** Seeds of the differential test, each of 410 operations. */
const SEEDS = (process.env["WAYBILL_DIFFERENTIAL_SEEDS"] ?? "1,2,7").split(",");

/**
 * Differences on purpose, by what the library says: it runs into its own database's error where a name or
 * an external id is taken, refuses a query in which one condition on a state stands twice or `!=` is asked
 * of a neighbour's state, and does not look at the filter of a list that is empty without it.
 */
const KNOWN_DIFFERENCES = [
  /^library: InternalError \(Error when executing query: UNIQUE constraint failed/,
  /Query cannot be rewritten successfully for matched enum predicate/,
  /Invalid `filter_query`: Syntax error: Unexpected "\(" \[at 1:\d+\]/,
  /^library: \('ok', \[\]\) \/ target: \('InvalidArgumentError', 'Invalid `filter_query`'/,
];

/** The newest layout; the library makes files of each before it. */
const SCHEMA_VERSION = 10;
const UPGRADE = `
import sys, ml_metadata
from ml_metadata.proto import metadata_store_pb2 as pb
for name in sys.argv[1:]:
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = name
    config.sqlite.connection_mode = 2
    ml_metadata.MetadataStore(config, enable_upgrade_migration=True)`;

const python = peerPython("mlmd");
const shared = requireShared();
const interop = join(shared, "interop");
using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-mlmd-"));
const file = (name: string) => join(folder.path, name);
const done: string[] = [];

await libraryReadsWhatTheRecorderWrote();
await sharedDatabases();
await olderLayouts();
await capturedTfxStore();
await upstreamSuite();
for (const seed of SEEDS) await differential(seed, "memory:");
for (const { packageName, start } of [
  { packageName: "mysql2", start: startMariaDb },
  { packageName: "pg", start: startPostgres },
]) {
  await onServer(packageName, start);
}
console.log(done.join(", "));

async function libraryReadsWhatTheRecorderWrote(): Promise<void> {
  const database = file("recorded.db");
  {
    await using store = await openMetadataStore(database);
    const recorder = createRecorder(store, { stamp: async () => ({ code_commit: "abc" }) });
    const run = { pipeline: "peer", id: "run-1" };
    const { value: raw } = await recorder.step("Ingest", { run }, async (step) =>
      step.output("file", "RawFile", {
        uri: "/lake/日本語 'x'.csv",
        name: "x.csv",
        customProperties: { sha256: "00", size: 2n ** 40n, ratio: 0.1, list: ["a", 1, true] },
      }),
    );
    await recorder.step(
      "StatisticsGen",
      { run, inputs: { examples: raw }, parameters: { sample: 0.1 } },
      async (step) =>
        step.output("statistics", "ExampleStatistics", { uri: "/s", properties: { span: 3 } }),
    );
    await recorder
      .step("Fails", { run, inputs: { examples: raw } }, async () => {
        throw new RangeError("on purpose");
      })
      .catch(() => {});
  }
  const theirs = JSON.parse(await run(python, [besidePeers("metadata.py"), database]));
  await using store = await openMetadataStore(database);
  assert.deepEqual(theirs, await listing(store));
  assert.equal(theirs.executions.length, 3);
  done.push("the library reads our file");
}

/** The same database read by both, and databases that each made of the same calls. */
async function sharedDatabases(): Promise<void> {
  const script = join(interop, "mlmd_shared_db.py");
  const [theirs, copy] = [file("theirs.db"), file("copy.db")];
  await run(python, [script, "make", theirs]);
  copyFileSync(theirs, copy);
  await served(copy, (address) => run(python, [script, "compare", theirs, address]));
  const [ours, again] = [file("ours.db"), file("again.db")];
  await served(ours, (address) => run(python, [script, "make", address, "--seed", "7"]));
  await run(python, [script, "schema", ours]);
  await run(python, [script, "make", again, "--seed", "7"]);
  await run(python, [script, "compare", ours, again, "--no-times"]);
  await run(python, [script, "compare", ours, again, "--no-times", "--raw"]);
  done.push("databases of either side are alike");
}

/** Files of every older layout, made by the library, upgraded by us and by it. */
async function olderLayouts(): Promise<void> {
  const script = join(interop, "mlmd_shared_db.py");
  const made = file("versions");
  mkdirSync(made);
  await run(python, [script, "versions", made]);
  const pairs: { readonly ours: string; readonly theirs: string }[] = [];
  for (let version = 0; version < SCHEMA_VERSION; version += 1) {
    const pair = { ours: file(`ours${version}.db`), theirs: file(`theirs${version}.db`) };
    for (const copy of Object.values(pair)) copyFileSync(join(made, `v${version}.db`), copy);
    const upgrade = await upgradeMetadataStore(pair.ours);
    assert.equal(upgrade.from, version);
    pairs.push(pair);
  }
  await run(python, ["-c", UPGRADE, ...pairs.map(({ theirs }) => theirs)]);
  for (const { ours, theirs } of pairs) {
    await run(python, [script, "compare", ours, theirs, "--raw"]);
  }
  await run(python, [script, "schema", pairs[0]?.ours ?? ""]);
  done.push("layouts 0 to 9 are upgraded alike");
}

async function capturedTfxStore(): Promise<void> {
  const copy = file("tfx.db");
  writeFileSync(copy, readFileSync(join(shared, "wire", "tfx_run_sample.db")));
  const queries = join(interop, "tfx_capture", "queries.py");
  const answers = join(shared, "wire", "tfx_run_sample_answers.json");
  const out = await served(copy, (address) => run(python, [queries, `--grpc=${address}`, answers]));
  done.push(`TFX's queries: ${lastLine(out)}`);
}

/** ml-metadata's own tests of its client; four of them call a helper of theirs wrongly over gRPC. */
async function upstreamSuite(): Promise<void> {
  const where = "import ml_metadata.metadata_store as m; print(m.__path__[0])";
  const source = (await run(python, ["-c", where])).trim().split("\n").at(-1) ?? "";
  const tests = file("upstream");
  mkdirSync(tests);
  copyFileSync(join(source, "conftest.py"), join(tests, "conftest.py"));
  const text = readFileSync(join(source, "metadata_store_test.py"), "utf8")
    .replaceAll("self.self.cli_args", "self.cli_args")
    .replaceAll("_get_metadata_store(grpc", "_get_metadata_store(self.cli_args, grpc");
  writeFileSync(join(tests, "metadata_store_test.py"), text);
  const out = await served("memory:", (address) => {
    const [host, port] = address.split(":");
    return run(
      python,
      [
        ...["-m", "pytest", "-q", "-p", "no:cacheprovider", "metadata_store_test.py"],
        ...["--use_grpc_backend", `--grpc_host=${host}`, `--grpc_port=${port}`],
      ],
      { cwd: tests },
    );
  });
  assert.match(out, /106 passed, 2 xfailed/);
  done.push("upstream's suite: 106 passed");
}

/** The differential test on a database server, where its package is installed. */
async function onServer(packageName: string, start: () => Promise<Service>): Promise<void> {
  try {
    createRequire(import.meta.url).resolve(packageName);
  } catch {
    done.push(`${packageName} is not installed`);
    return;
  }
  const server = await start();
  if ("missing" in server) {
    done.push(server.missing);
    return;
  }
  try {
    const url = new URL(server.url);
    url.pathname = "/differential";
    await differential("1", url.href);
  } finally {
    await server.stop();
  }
}

async function differential(seed: string, uri: string): Promise<void> {
  const script = join(interop, "mlmd_differential.py");
  const out = await served(uri, (address) =>
    run(python, [script, "--target", address, "--seed", seed], { mayFail: true }),
  );
  const lines = out.split("\n");
  const differences = lines.flatMap((line, index) =>
    line.startsWith("DIFF") ? [{ operation: line, what: (lines[index + 1] ?? "").trim() }] : [],
  );
  const unknown = differences.filter(
    ({ what }) => !KNOWN_DIFFERENCES.some((known) => known.test(what)),
  );
  assert.deepEqual(unknown, [], `seed ${seed}`);
  assert.match(lastLine(out), /passed/);
  const known = differences.length === 0 ? "" : ` (${differences.length} on purpose)`;
  const where = uri.split(":")[0];
  done.push(`${where}, seed ${seed}: ${lastLine(out)}${known}`);
}

/** Runs `work` against a server over the store, at `127.0.0.1:PORT`. */
async function served<T>(uri: string, work: (address: string) => Promise<T>): Promise<T> {
  await using store = await openMetadataStore(uri);
  await using server = await serve({ rpc: [metadataRpc(store)] });
  return await work(`127.0.0.1:${server.port}`);
}

/** The output of a program; it must exit 0 unless it may fail. */
async function run(
  program: string,
  args: readonly string[],
  { cwd = ".", mayFail = false }: { cwd?: string; mayFail?: boolean } = {},
): Promise<string> {
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const errors = Array.fromAsync(child.stderr);
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const out = Buffer.concat(await Array.fromAsync(child.stdout)).toString();
  const code = await exited;
  const why = `${args.join(" ")} exited ${code}\n${out}\n${Buffer.concat(await errors)}`;
  assert.ok(mayFail || code === 0, why);
  return out;
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

async function listing(store: MetadataStore) {
  const { artifacts } = await store.getArtifacts({});
  const { executions } = await store.getExecutions({});
  const { contexts } = await store.getContexts({});
  const { events } = await store.getEventsByExecutionIDs({
    executionIds: executions.map((execution) => execution.id),
  });
  type Listed = (typeof artifacts)[0] | (typeof executions)[0] | (typeof contexts)[0];
  const node = (message: Listed) => ({
    id: String(message.id),
    type: message.type,
    name: message.name,
    properties: values(message.properties),
    customProperties: values(message.customProperties),
  });
  return {
    artifacts: artifacts.map((one) => ({
      ...node(one),
      uri: one.uri,
      state: wordOf(Artifact_State, one.state),
    })),
    executions: executions.map((one) => ({
      ...node(one),
      state: wordOf(Execution_State, one.lastKnownState),
    })),
    contexts: contexts.map(node),
    events: events.map((event) => [
      String(event.executionId),
      wordOf(Event_Type, event.type),
      String(event.artifactId),
      (event.path?.steps ?? []).map((step) => String(step.value.value)),
    ]),
  };
}

function values(map: { readonly [name: string]: Value }) {
  const snake = (text = "") => text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(map).map(([name, { value }]) => {
      const plain = typeof value.value === "bigint" ? String(value.value) : value.value;
      return [name, [snake(value.case), plain]];
    }),
  );
}

function wordOf(words: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(words).find((word) => words[word] === value) ?? String(value);
}
