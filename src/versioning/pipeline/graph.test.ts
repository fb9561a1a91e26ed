import assert from "node:assert/strict";
import { test } from "node:test";
import { openRepoFixture } from "../versioning.fixture.ts";
import { dag } from "./dag.ts";
import { buildGraph } from "./graph.ts";
import type { Stage } from "./stage.ts";

function stageOf(name: string, deps: readonly string[], outs: readonly string[]): Stage {
  return {
    name,
    file: "dvc.yaml",
    wdir: ".",
    command: "true",
    deps,
    params: [],
    outs: outs.map((path) => ({
      path,
      kind: "outs",
      isCached: true,
      isPersistent: false,
      isPushed: true,
      remote: undefined,
    })),
    isFrozen: false,
    isAlwaysChanged: false,
  };
}

test("a stage comes after those whose outputs it reads, whole, inside, or around", () => {
  const last = stageOf("last", ["all", "folder/inside", "b"], []);
  const stages = [
    last,
    stageOf("around", [], ["all/part"]),
    stageOf("inside", [], ["folder"]),
    stageOf("same", ["x"], ["b"]),
    stageOf("unrelated", [], ["allx"]),
  ];
  const graph = buildGraph(stages);
  const needs = graph.needs
    .get(last)
    ?.map(({ name }) => name)
    .sort();
  assert.deepEqual(needs, ["around", "inside", "same"]);
  assert.deepEqual(graph.ordered.at(-2)?.name, "last");
});

test("a chain of 20,000 stages is put in order", () => {
  const count = 20_000;
  const stages = Array.from({ length: count }, (_, i) =>
    stageOf(`s${i}`, [`o${i + 1}`], [`o${i}`]),
  );
  const { ordered } = buildGraph(stages);
  assert.equal(ordered[0]?.name, `s${count - 1}`);
  assert.equal(ordered.at(-1)?.name, "s0");
});

test("dag shows stages and the data that they read", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({
    "in.txt": "1",
    "dvc.yaml":
      "stages:\n  a: {cmd: x, deps: [in.txt], outs: [m]}\n  b: {cmd: x, deps: [m], outs: [n]}\n",
  });
  await fixture.add("in.txt");
  assert.deepEqual(await dag(fixture.repo), {
    nodes: ["a", "b", "in.txt.dvc"],
    edges: [
      ["in.txt.dvc", "a"],
      ["a", "b"],
    ],
  });
});
