import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore, type Step } from "../metadata/index.ts";
import { type FeastCase, type FeastStep, feastCases } from "./feast-case.fixture.ts";
import {
  historicalFeatures,
  materialize,
  type OnlineStore,
  onlineFeatures,
  onlineFeaturesJson,
  openOnlineStore,
  type Source,
} from "./index.ts";

// One engine and one record for all cases: each reads and writes files of its own.
const engine = await openEngine({ threads: 1 });
const metadata = await openMetadataStore("memory:");
const recorder = createRecorder(metadata);
after(async () => {
  await metadata[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const cases = feastCases();
if (cases === undefined) {
  test("Feast's answers", { skip: "the reference material is absent" }, () => {});
}

for (const given of cases ?? []) {
  for (const form of ["asof", "union"] as const) {
    const steps = given.steps.filter(({ op }) => op === "historical");
    if (steps.length === 0) continue;
    test(`Feast's training set, ${form} join, ${given.name}: ${given.title}`, async () => {
      for (const step of steps) await checkHistorical(given, step, form);
    });
  }
  if (!given.steps.some(({ op }) => op === "online")) continue;
  for (const kind of ["memory", "lmdb"]) {
    test(`Feast's online answer from ${kind}, ${given.name}: ${given.title}`, async () => {
      using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-feast-"));
      await using store = await openOnlineStore(
        kind === "memory" ? "memory:" : `lmdb:${folder.path}`,
      );
      for (const step of given.steps) await runOnlineStep(store, given, step);
    });
  }
}

async function checkHistorical(
  { registry, folder }: FeastCase,
  step: FeastStep,
  form: "asof" | "union",
): Promise<void> {
  using output = mkdtempDisposableSync(join(tmpdir(), "waybill-feast-"));
  const result = await recorded((open) =>
    historicalFeatures(open, engine, {
      registry,
      resolve,
      labels: step.entity_df
        ? { relation: engine.dialect.parquet([join(folder, step.entity_df)]) }
        : { start: new Date(step.start_date ?? ""), end: new Date(step.end_date ?? "") },
      ...selectionOf(step),
      filterByCreatedTimestamp: step.filter_by_created_timestamp === true,
      form,
      path: join(output.path, "training.parquet"),
    }),
  );
  const expected = join(folder, (step.expected ?? "").replace(/json$/, "parquet"));
  const want = engine.dialect.parquet([expected]);
  const got = engine.dialect.parquet([result.path]);
  const wanted = (await engine.columns(want)).map(({ name }) => name);
  assert.deepEqual([...result.columns].sort(), [...wanted].sort());
  const list = wanted.map((name) => engine.dialect.quoteIdentifier(name)).join(", ");
  const [left, right] = [want, got].map((relation) => `SELECT ${list} FROM ${relation}`);
  // Multisets are equal when each minus the other is empty.
  assert.deepEqual(await engine.rows(`(${left}) EXCEPT ALL (${right})`), []);
  assert.deepEqual(await engine.rows(`(${right}) EXCEPT ALL (${left})`), []);
}

async function runOnlineStep(
  store: OnlineStore,
  { registry, folder }: FeastCase,
  step: FeastStep,
): Promise<void> {
  if (step.op === "materialize") {
    const [start, end] = [new Date(step.start ?? ""), new Date(step.end ?? "")];
    for (const view of step.views ?? registry.featureViews.keys()) {
      const options = { registry, resolve, view, start, end };
      await recorded((open) => materialize(open, engine, store, options));
    }
  } else if (step.op === "online") {
    const rows = step.entity_rows ?? [];
    const answer = await onlineFeatures(store, {
      registry,
      ...selectionOf(step),
      entities: Object.fromEntries(
        Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => row[name])]),
      ),
      feastCompatible: true,
    });
    const expected = readFileSync(join(folder, step.expected ?? ""), "utf8");
    assert.deepEqual(byName(onlineFeaturesJson(answer)), byName(expected));
  } else if (step.op !== "historical") {
    assert.fail(`no step "${step.op}" is expected`);
  }
}

/** An answer as results by name, whole numbers with all their digits. */
function byName(json: string) {
  const exact = json.replace(/(?<=[[,\s])-?\d{16,}(?=[\],\s])/g, (digits) => `"${digits}"`);
  const { results, metadata } = JSON.parse(exact);
  return Object.fromEntries(
    metadata.feature_names.map((name: string, index: number) => [name, results[index]]),
  );
}

function selectionOf(step: FeastStep) {
  return {
    ...(step.features ? { features: step.features } : {}),
    ...(step.service ? { service: step.service } : {}),
    fullFeatureNames: step.full_feature_names === true,
  };
}

async function resolve(source: Source) {
  assert.equal(source.kind, "parquet");
  return { relation: engine.dialect.parquet(source.paths), inputs: [] };
}

async function recorded<T>(body: (step: Step) => Promise<T>): Promise<T> {
  return (await recorder.step("Features", {}, body)).value;
}
