// The walk of ML Metadata's tutorial: record two training runs, then ask the store about them.
import { upstream } from "../src/lineage/index.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../src/metadata/index.ts";

await using store = await openMetadataStore("memory:");
const recorder = createRecorder(store);

// Record: one dataset, and a model trained on it in each of two runs.
const { value: examples } = await recorder.step("ExampleGen", {}, async (step) =>
  step.output("examples", "Examples", { uri: "data/day-1.csv", properties: { span: 1n } }),
);
for (const [id, learningRate] of [
  ["run-1", 0.1],
  ["run-2", 0.01],
] as const) {
  await recorder.step(
    "Trainer",
    {
      run: { pipeline: "taxi", id },
      inputs: { examples },
      parameters: { learning_rate: learningRate },
    },
    async (step) => {
      step.output("model", "Model", {
        uri: `models/${id}`,
        customProperties: { accuracy: learningRate === 0.1 ? 0.81 : 0.86 },
      });
    },
  );
}

// List: all models, and those that a condition holds for.
const { artifacts: models } = await store.getArtifactsByType({ typeName: "Model" });
console.log(`models: ${models.map(({ uri }) => uri).join(", ")}`);
const good = await store.getArtifacts({
  options: { filterQuery: "custom_properties.accuracy.double_value > 0.85" },
});
console.log(`better than 0.85: ${good.artifacts.map(({ uri }) => uri).join(", ")}`);

// Follow: what a model was made from.
const [best] = good.artifacts;
const graph = await upstream(store, { kind: "artifact", id: best?.id ?? 0n });
for (const { type, parameters } of graph.executions) {
  console.log(`made by ${type} ${JSON.stringify(parameters)}`);
}

// Compare: what differed between the runs.
const { executions } = await store.getExecutionsByType({ typeName: "Trainer" });
for (const execution of executions) {
  console.log(
    `execution ${execution.id}: learning rate ${propertiesOf(execution)["learning_rate"]}`,
  );
}

// Verify: the model's inputs are what they should be.
const inputs = graph.artifacts.filter(({ type }) => type === "Examples");
console.log(`trained on ${inputs.map(({ uri }) => uri).join(", ")}`);
