import {
  type Artifact,
  LineageSubgraphQueryOptions_Direction as Direction,
  type Event,
  type Execution,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { walkLineage } from "./rdbms/lineage.ts";
import type { MetadataStore } from "./store.ts";

/** A part of the lineage graph with whole nodes. */
export interface Neighbourhood {
  readonly artifacts: readonly Artifact[];
  readonly executions: readonly Execution[];
  /** The events between them, each once. */
  readonly events: readonly Event[];
}

/** Where a walk through the lineage graph starts and how far it goes. */
export interface NeighbourhoodOptions {
  readonly from: "artifact" | "execution";
  readonly ids: readonly bigint[];
  readonly direction: "upstream" | "downstream" | "both";
  /** Artifact to execution is one hop. */
  readonly hopsMax: number;
}

/**
 * The nodes that can be reached from some, and the events between them, as one committed state. Each hop
 * is one query, whatever the number of its nodes.
 */
export async function neighbourhood(
  store: MetadataStore,
  options: NeighbourhoodOptions,
): Promise<Neighbourhood> {
  const direction = {
    upstream: Direction.UPSTREAM,
    downstream: Direction.DOWNSTREAM,
    both: Direction.BIDIRECTIONAL,
  }[options.direction];
  return store.snapshot(async (calls, rows) => {
    const start = { side: options.from, ids: options.ids };
    const walk = await walkLineage(rows, start, direction, options.hopsMax);
    const { artifacts } = await calls.getArtifactsByID({ artifactIds: [...walk.artifactIds] });
    const { executions } = await calls.getExecutionsByID({ executionIds: [...walk.executionIds] });
    return { artifacts, executions, events: walk.events };
  });
}

/** Artifacts of any type with this name, by id. */
export async function artifactsNamed(store: MetadataStore, name: string): Promise<Artifact[]> {
  return store.snapshot(async (calls, rows) => {
    const found = await rows.all<{ id: bigint }>("SELECT id FROM Artifact WHERE name = ?", [name]);
    return (await calls.getArtifactsByID({ artifactIds: found.map((row) => row.id) })).artifacts;
  });
}

/** Names of artifacts with their types, the newest first, at most `limit`: for suggestions. */
export async function recentArtifactNames(
  store: MetadataStore,
  limit: number,
): Promise<{ readonly type: string; readonly name: string }[]> {
  return store.snapshot((_, rows) =>
    rows.all<{ type: string; name: string }>(
      `SELECT t.name AS type, a.name AS name
       FROM Artifact a JOIN Type t ON t.id = a.type_id
       WHERE a.name IS NOT NULL AND a.name <> ''
       ORDER BY a.id DESC
       LIMIT ?`,
      [BigInt(limit)],
    ),
  );
}
