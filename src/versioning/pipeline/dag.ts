import { openIgnore } from "../ignore.ts";
import type { Repo } from "../repo.ts";
import { findTrackedFiles, placeOf } from "../tracked.ts";
import { buildGraph, type Dag, dagOf } from "./graph.ts";

/**
 * The graph of a repository: its stages, its `.dvc` files, and which reads what which makes.
 * @throws WaybillError `failed_precondition` for cycles and overlapping outputs
 */
export async function dag(repo: Repo): Promise<Dag> {
  const tracked = await findTrackedFiles(repo, openIgnore(repo.root));
  const stages = tracked.flatMap(({ stage }) => (stage === undefined ? [] : [stage]));
  const others = tracked
    .filter(({ stage }) => stage === undefined)
    .map((file) => ({
      name: file.path,
      places: file.content.outs.map((out) => placeOf(file, out)),
    }));
  return dagOf(buildGraph(stages, others), others);
}
