import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { propertiesOf } from "../src/metadata/index.ts";
import { connect } from "../src/project/index.ts";

/**
 * What a project's bytes and rows come to, whatever happened on the way: the lake's objects, the dvc
 * cache, the statistics by span, the rows of each table in order, and the rows of the online store.
 */
export async function journeyDigest(home: string): Promise<Record<string, string>> {
  await using project = await connect({ home });
  const engine = await project.engine();
  const warehouse = await project.warehouse();
  const digests: Record<string, string> = {
    lake: filesDigest(join(home, "lake", "objects")),
    cache: filesDigest(join(home, "data", ".dvc", "cache", "files")),
  };
  const { artifacts } = await project.store.getArtifactsByType({ typeName: "ExampleStatistics" });
  for (const artifact of artifacts) {
    const { split_names: span, sha256 } = propertiesOf(artifact);
    const { feature_count: features } = propertiesOf(artifact);
    digests[`statistics ${span} of ${features} features`] = String(sha256);
  }
  for (const name of await warehouse.tables()) {
    const { relation } = await warehouse.table(name);
    const [row] = await engine.rows(
      `SELECT md5(string_agg(CAST(t AS VARCHAR), chr(10) ORDER BY CAST(t AS VARCHAR))) AS digest,
              count(*) AS n
       FROM ${relation} AS t`,
    );
    digests[`table ${name}`] = `${row?.["n"]} rows ${row?.["digest"]}`;
  }
  const online = createHash("sha256");
  const store = await project.onlineStore();
  for await (const rows of store.scan("default/airport_daily")) {
    for (const { key, value, eventUs } of rows)
      online.update(key).update(value).update(`${eventUs}`);
  }
  digests["online"] = online.digest("hex");
  return digests;
}

function filesDigest(folder: string): string {
  const hash = createHash("sha256");
  for (const path of globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  }
  return hash.digest("hex");
}
