import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  applyRegistry,
  historicalFeatures,
  type Materialization,
  materializationRef,
  materialize,
  type Registry,
  readRegistry,
  type TrainingSet,
} from "../features/index.ts";
import { propertiesOf, type StepResult } from "../metadata/index.ts";
import { hasDigest } from "../project/index.ts";
import type { Journey } from "./steps.ts";
import { AIRPORT_DAILY, DEFINITIONS, FEATURES, SERVED } from "./story.ts";

/** Records what features there are; applying the same again changes nothing. */
export async function apply({
  project,
  run,
}: Journey): Promise<StepResult<Awaited<ReturnType<typeof applyRegistry>>>> {
  const current = await readRegistry(project.recorder);
  return project.recorder.step("Apply", { run }, (step) =>
    applyRegistry(step, DEFINITIONS, { folder: join(project.home, "features"), current }),
  );
}

/** Completes labels with the features as they were at each label's time. */
export async function historical(
  { project, run }: Journey,
  registry: Registry,
  request: { readonly labels: string; readonly inputs: readonly Artifact[]; readonly span: string },
): Promise<StepResult<Pick<TrainingSet, "path" | "rowCount" | "artifact">>> {
  const [flights, daily] = request.inputs;
  assert.ok(flights !== undefined && daily !== undefined, "labels and features have a source each");
  return project.recorder.step(
    "HistoricalFeatures",
    {
      run,
      inputs: { labels: flights, sources: daily, ...registryInput(registry) },
      parameters: { labels: request.span, features: FEATURES },
      reuse: async (outputs) => {
        const [artifact] = outputs.get("training_set") ?? [];
        if (artifact === undefined) return undefined;
        const path = fileURLToPath(artifact.uri);
        if (!(await hasDigest(path, artifact))) return undefined;
        return { path, rowCount: Number(propertiesOf(artifact)["row_count"]), artifact };
      },
    },
    async (step) =>
      historicalFeatures(step, await project.engine(), {
        registry,
        resolve: project.resolveSource,
        features: FEATURES,
        labels: { relation: request.labels, timestampField: "event_timestamp" },
        path: project.artifactPath(step, "HistoricalFeatures", "training_set", "june.parquet"),
      }),
  );
}

/** Brings the last day of each airport to the online store. */
export async function serve(
  { project, run }: Journey,
  registry: Registry,
  daily: Artifact,
): Promise<StepResult<Pick<Materialization, "keyCount" | "artifact">>> {
  const store = await project.onlineStore();
  const { start, end } = SERVED;
  return project.recorder.step(
    "Materialize",
    {
      run,
      inputs: { sources: daily, ...registryInput(registry) },
      parameters: { view: AIRPORT_DAILY.name, start: start.toISOString(), end: end.toISOString() },
      reuse: async (outputs) => {
        const [artifact] = outputs.get("materialization") ?? [];
        if (artifact === undefined) return undefined;
        const keyCount = Number(propertiesOf(artifact)["key_count"]);
        const collection = artifact.uri.slice(artifact.uri.lastIndexOf("#") + 1);
        return (await store.count(collection)) === keyCount ? { keyCount, artifact } : undefined;
      },
    },
    async (step) => {
      const name = materializationRef(registry.project, AIRPORT_DAILY.name);
      const head = await project.recorder.ref(name);
      return materialize(step, await project.engine(), store, {
        registry,
        resolve: project.resolveSource,
        view: AIRPORT_DAILY.name,
        start,
        end,
        ref: { name, expect: head?.id },
      });
    },
  );
}

/** The recorded definitions: with others, the same sources give other features. */
function registryInput({ artifact }: Registry): { registry?: Artifact } {
  return artifact === undefined ? {} : { registry: artifact };
}
