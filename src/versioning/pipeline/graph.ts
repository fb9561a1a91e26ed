import { posix } from "node:path";
import { WaybillError } from "../../foundation/index.ts";
import type { Stage } from "./stage.ts";

/** Stages and which of them need which. */
export interface PipelineGraph {
  /** Every stage after all that it needs. */
  readonly ordered: readonly Stage[];
  /** The stages whose outputs a stage reads. */
  readonly needs: ReadonlyMap<Stage, readonly Stage[]>;
}

/** Something that makes an output: a stage, or a `.dvc` file. */
export interface Producer {
  readonly name: string;
  readonly places: readonly string[];
}

/** A path of a stage as a place in the repository. */
export function stagePlace(stage: Stage, path: string): string {
  if (posix.isAbsolute(path) || /^[a-z][a-z0-9+.-]*:\/\//iu.test(path)) return path;
  return posix.normalize(posix.join(stage.wdir, path));
}

/** A stage's name as dvc shows it: with its file, unless that lies at the repository's root. */
export function stageAddress(stage: Stage): string {
  return stage.file === "dvc.yaml" ? stage.name : `${stage.file}:${stage.name}`;
}

/**
 * Finds what needs what: a stage reads another's output when a dependency is the output, lies in it, or holds it.
 * @param others outputs of `.dvc` files, which no stage may write too
 * @throws WaybillError `failed_precondition` for a cycle, or for outputs that overlap
 */
export function buildGraph(
  stages: readonly Stage[],
  others: readonly Producer[] = [],
): PipelineGraph {
  const producers = [
    ...stages.map((stage) => ({
      name: `stage "${stageAddress(stage)}"`,
      places: stage.outs.map(({ path }) => stagePlace(stage, path)),
    })),
    ...others,
  ];
  refuseOverlaps(producers);
  const byPlace = new Map<string, Stage>();
  for (const stage of stages) {
    for (const { path } of stage.outs) byPlace.set(stagePlace(stage, path), stage);
  }
  const inFolder = new Map<string, Set<Stage>>();
  for (const [place, stage] of byPlace) {
    for (const folder of foldersAbove(place)) {
      const makers = inFolder.get(folder) ?? new Set();
      inFolder.set(folder, makers.add(stage));
    }
  }
  const needs = new Map<Stage, readonly Stage[]>();
  for (const stage of stages) {
    const found = new Set<Stage>();
    for (const dep of stage.deps) {
      const place = stagePlace(stage, dep);
      for (const at of [place, ...foldersAbove(place)]) {
        const maker = byPlace.get(at);
        if (maker !== undefined) found.add(maker);
      }
      for (const maker of inFolder.get(place) ?? []) found.add(maker);
    }
    needs.set(stage, [...found]);
  }
  return { ordered: orderOf(stages, needs), needs };
}

/** The stages of a graph that these stages need, themselves among them, in order. */
export function withUpstream(graph: PipelineGraph, wanted: readonly Stage[]): readonly Stage[] {
  const included = new Set<Stage>();
  const pending = [...wanted];
  for (let stage = pending.pop(); stage !== undefined; stage = pending.pop()) {
    if (included.has(stage)) continue;
    included.add(stage);
    pending.push(...(graph.needs.get(stage) ?? []));
  }
  return graph.ordered.filter((stage) => included.has(stage));
}

function orderOf(
  stages: readonly Stage[],
  needs: ReadonlyMap<Stage, readonly Stage[]>,
): readonly Stage[] {
  const ordered: Stage[] = [];
  const states = new Map<Stage, "open" | "done">();
  // Depth first with a stack of our own, since pipelines may be longer than the call stack is deep.
  for (const first of stages) {
    const stack = [{ stage: first, next: 0 }];
    if (states.has(first)) continue;
    states.set(first, "open");
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const need = needs.get(top.stage)?.[top.next];
      if (need === undefined) {
        states.set(top.stage, "done");
        ordered.push(top.stage);
        stack.pop();
        continue;
      }
      top.next += 1;
      if (states.get(need) === "open") {
        const cycle = stack.slice(stack.findIndex(({ stage }) => stage === need));
        const names = [...cycle.map(({ stage }) => stageAddress(stage)), stageAddress(need)];
        throw new WaybillError(
          "failed_precondition",
          `Stages need each other: ${names.join(" -> ")}.`,
          {
            hint: "Take one of these dependencies out of dvc.yaml.",
          },
        );
      }
      if (states.get(need) === undefined) {
        states.set(need, "open");
        stack.push({ stage: need, next: 0 });
      }
    }
  }
  return ordered;
}

function refuseOverlaps(producers: readonly Producer[]): void {
  const makers = new Map<string, string>();
  for (const { name, places } of producers) {
    for (const place of places) {
      const other = makers.get(place);
      if (other !== undefined) throw overlap(place, other, place, name);
      makers.set(place, name);
    }
  }
  for (const [place, name] of makers) {
    for (const at of foldersAbove(place)) {
      const other = makers.get(at);
      if (other !== undefined) throw overlap(at, other, place, name);
    }
  }
}

/** The folders that a place lies in, the nearest first, without the root. */
function foldersAbove(place: string): string[] {
  const folders: string[] = [];
  for (let at = posix.dirname(place); at !== "." && at !== "/"; at = posix.dirname(at)) {
    folders.push(at);
  }
  return folders;
}

function overlap(outer: string, maker: string, inner: string, other: string): WaybillError {
  return new WaybillError(
    "failed_precondition",
    outer === inner
      ? `"${outer}" is an output of both ${maker} and ${other}.`
      : `"${inner}", an output of ${other}, lies in "${outer}", an output of ${maker}.`,
    { hint: "Every output has one maker: change one of the two." },
  );
}

/** Stages and `.dvc` files as a graph, for `dvc dag`: which reads what which makes. */
export interface Dag {
  readonly nodes: readonly string[];
  /** From what makes something to what reads it. */
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** The graph of a repository's stages, with the `.dvc` files whose data they read. */
export function dagOf(graph: PipelineGraph, others: readonly Producer[] = []): Dag {
  const edges: (readonly [string, string])[] = [];
  const nodes = new Set(graph.ordered.map(stageAddress));
  for (const stage of graph.ordered) {
    for (const need of graph.needs.get(stage) ?? []) {
      edges.push([stageAddress(need), stageAddress(stage)]);
    }
    const places = stage.deps.map((dep) => stagePlace(stage, dep));
    for (const other of others) {
      const isRead = other.places.some((made) =>
        places.some(
          (place) => place === made || place.startsWith(`${made}/`) || made.startsWith(`${place}/`),
        ),
      );
      if (isRead) edges.push([other.name, stageAddress(stage)]);
    }
  }
  for (const { name } of others) nodes.add(name);
  return { nodes: [...nodes], edges };
}
