// Evaluates the point-in-time join on Spark for training sets that Feast's own answer is known of: one for
// each rule, since Spark takes seconds for each.
import { join } from "node:path";
import { openEngine, sparkDialect } from "../../src/engine/index.ts";
import { feastCases } from "../../src/features/feast-case.fixture.ts";
import { planTrainingSet } from "../../src/features/training-set.ts";
import { besidePeers, mustRun, peerPython, skip } from "./peer.ts";

const RULES = [
  "v02_ttl_edge",
  "v06_created_tie",
  "v08_late_data",
  "v10_two_ttls",
  "v11_composite_key",
  "v12_join_key_map",
  "v16_naive_source",
  "v20_on_demand",
  "v22_no_entity",
  "v23_types",
  "v33_random",
];

const python = peerPython("spark");
const cases = feastCases() ?? skip("no shared folder (WAYBILL_SHARED) with Feast's answers");
await using duckdb = await openEngine();
// The query is Spark's; the types of columns, which both engines name alike enough, are looked up here.
const engine = {
  dialect: sparkDialect,
  columns: (relation: string) =>
    duckdb.columns(relation.replace(/parquet\.`([^`]*)`/g, "read_parquet('$1')")),
};
const queries: { name: string; sql: string; want: string }[] = [];
for (const { name, folder, registry, steps } of cases) {
  if (!RULES.includes(name)) continue;
  for (const step of steps) {
    if (step.op !== "historical" || !step.entity_df) continue;
    const { sql } = await planTrainingSet(engine, {
      registry,
      resolve: async (source) => ({
        relation: sparkDialect.parquet(source.kind === "parquet" ? source.paths : []),
        inputs: [],
      }),
      labels: { relation: sparkDialect.parquet([join(folder, step.entity_df)]) },
      ...(step.features ? { features: step.features } : {}),
      ...(step.service ? { service: step.service } : {}),
      fullFeatureNames: step.full_feature_names === true,
      filterByCreatedTimestamp: step.filter_by_created_timestamp === true,
    });
    const want = join(folder, (step.expected ?? "").replace(/json$/, "parquet"));
    queries.push({ name, sql, want });
  }
}
mustRun(python, [besidePeers("features.py")], JSON.stringify(queries));
