import assert from "node:assert/strict";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { anomalyReport } from "../anomalies/index.ts";
import { onlineFeatures } from "../features/index.ts";
import { upstream } from "../lineage/index.ts";
import type { Project } from "../project/index.ts";
import { findDataFiles } from "./data.ts";
import { apply, historical, serve } from "./feature-steps.ts";
import { type Print, Printer } from "./printer.ts";
import {
  acceptAirports,
  type Counted,
  count,
  examine,
  inferFirstSchema,
  type Journey,
  land,
  load,
  openDataRepo,
  type Versioned,
  version,
} from "./steps.ts";
import {
  DAILY_TABLE,
  DELAY_RANGE,
  dailyRelation,
  FEATURES,
  FLIGHTS_FILE,
  FLIGHTS_TABLE,
  labelsOf,
  leakSql,
  MONTHS,
  monthCondition,
  monthOf,
  NEXT_MONTH,
  QUICK_STRIDE,
  quickRelation,
} from "./story.ts";
import {
  bytes,
  correlation,
  domainSize,
  drift,
  exampleCount,
  number,
  summary,
  verdict,
} from "./wording.ts";

export interface JourneyOptions {
  /** Follows one flight in sixteen. */
  readonly quick?: boolean;
  /** Takes each line of the story. */
  readonly print: Print;
}

/** Where the journey ended. */
export interface JourneyResult {
  /** The record of the served features; its lineage is the journey. */
  readonly served: Artifact;
  readonly executionCount: number;
}

/**
 * The main job on real data: raw files land in the lake, are versioned, counted, held against a schema, loaded
 * month by month into the warehouse, made features, and served; then the served features are asked where
 * they came from. Every step is recorded, and a second run reuses what the first left.
 * @throws `not_found` when the data is not installed; what the parts throw
 */
export async function runJourney(
  project: Project,
  { quick = false, print }: JourneyOptions,
): Promise<JourneyResult> {
  const files = await findDataFiles();
  const printer = new Printer(print);
  const run = { pipeline: "journey", id: new Date().toISOString() };
  const journey: Journey = { project, run };
  if (quick)
    print(`--quick: one flight in ${QUICK_STRIDE} is followed; counts below are of those.`);

  printer.heading("1 land", "raw files become immutable bytes in the lake");
  const landed = [];
  for (const file of files) {
    const put = await land(journey, file);
    landed.push(put);
    printer.row(put.isReused, [
      put.name,
      bytes(put.sizeBytes),
      `sha256 ${put.sha256.slice(0, 12)}`,
      `${file.source}; licence ${file.licence}`,
    ]);
  }

  printer.heading("2 version", "datasets in dvc's format, in .waybill/data");
  const repo = await openDataRepo(project);
  const versions = new Map<string, Versioned>();
  for (const raw of landed) {
    const { value, cached } = await version(journey, repo, raw);
    versions.set(raw.name, value);
    printer.row(cached, [`${raw.name}.dvc`, `md5 ${value.md5.slice(0, 12)}`]);
  }

  printer.heading("3 statistics", "every column counted, all rows");
  const engine = await project.engine();
  const flights = versionOf(versions, FLIGHTS_FILE);
  const whole = engine.dialect.parquet([flights.path]);
  const followed = quick ? quickRelation(whole) : whole;
  const sampling = quick ? { one_in: BigInt(QUICK_STRIDE) } : {};
  const months: Counted[] = [];
  for (const month of MONTHS) {
    const input = { relation: monthOf(followed, month) };
    const { value, cached } = await count(journey, flights.artifact, month.name, input, sampling);
    months.push(value);
    printer.row(cached, [`flights ${month.name}`, ...summary(value)]);
  }
  for (const [name, { path, artifact }] of versions) {
    if (!name.endsWith(".csv")) continue;
    const input = { format: "csv", paths: [path] } as const;
    const { value, cached } = await count(journey, artifact, "all", input);
    printer.row(cached, [name, ...summary(value)]);
  }

  printer.heading("4 schema", "inferred from January; people add the range of delays");
  const first = only(months[0]);
  const inferred = await inferFirstSchema(journey, first);
  let schema = inferred.value;
  printer.row(inferred.cached, [
    `${schema.schema.feature.length} features`,
    `${domainSize(schema.schema, "origin")} airports`,
    `delay ${DELAY_RANGE.min}..${DELAY_RANGE.max} minutes`,
  ]);

  printer.heading("5 validate, 6 load", "each month against the schema, then into the warehouse");
  const { min, max } = DELAY_RANGE;
  const inRange = `delay BETWEEN ${min} AND ${max}`;
  let table: Artifact | undefined;
  const snapshots: bigint[] = [];
  for (const [index, month] of MONTHS.entries()) {
    const counted = only(months[index]);
    const checked = await examine(journey, schema, counted, months[index - 1]);
    const { anomalies, artifact } = checked.value;
    printer.row(checked.cached, [`validate ${month.name}`, verdict(anomalies), drift(anomalies)]);
    for (const { feature, long } of anomalyReport(anomalies)) printer.detail(`${feature}: ${long}`);
    if (anomalies.anomalyInfo["origin"] ?? anomalies.anomalyInfo["destination"]) {
      const accepted = await acceptAirports(journey, schema, counted);
      schema = accepted.value;
      printer.row(accepted.cached, [
        "schema",
        `${domainSize(schema.schema, "origin")} airports now known`,
      ]);
    }
    const loaded = await load(journey, {
      table: FLIGHTS_TABLE,
      relation: `(SELECT * FROM ${monthOf(followed, month)} AS m WHERE ${inRange} ORDER BY date)`,
      replaces: monthCondition(month),
      parameters: { month: month.name, where: inRange, ...sampling },
      inputs: {
        examples: flights.artifact,
        anomalies: artifact,
        schema: schema.artifact,
        ...(table === undefined ? {} : { table }),
      },
    });
    table = loaded.value.artifact;
    snapshots.push(loaded.value.snapshotId ?? 0n);
    const held = exampleCount(counted) - loaded.value.addedRows;
    printer.row(loaded.cached, [
      `load ${month.name}`,
      `${number(loaded.value.addedRows)} rows`,
      `snapshot ${loaded.value.snapshotId}`,
      held === 0 ? "" : `${held} rows outside the range held back`,
    ]);
  }
  const warehouse = await project.warehouse();
  const now = await warehouse.table(FLIGHTS_TABLE);
  const then = await warehouse.table(FLIGHTS_TABLE, { asOf: only(snapshots[0]) });
  printer.note(
    `${FLIGHTS_TABLE}: ${number(now.rowCount)} rows now; AS OF snapshot ${snapshots[0]}: ${number(then.rowCount)}`,
  );

  const rest = await engine.rows(`SELECT count(*) AS n FROM ${monthOf(followed, NEXT_MONTH)} AS m`);
  printer.note(`${rest[0]?.["n"]} flights of ${NEXT_MONTH.name} wait for the next batch`);

  printer.heading("7 features", "airport by day, as it was known at each flight's time");
  const daily = await load(journey, {
    table: DAILY_TABLE,
    relation: dailyRelation(now.relation),
    replaces: "true",
    parameters: { query: "delays by airport and day" },
    inputs: { flights: now.artifact },
  });
  printer.row(daily.cached, [DAILY_TABLE, `${number(daily.value.totalRows)} airport days`]);
  const applied = await apply(journey);
  const { registry, changes } = applied.value;
  printer.row(changes.length === 0, ["registry", `${registry.featureViews.size} feature view`]);
  const training = await historical(journey, registry, {
    labels: labelsOf(now.relation),
    inputs: [now.artifact, daily.value.artifact],
    span: "flights of June 2001",
  });
  printer.row(training.cached, [
    "training set",
    `${number(training.value.rowCount)} flights of June with ${FEATURES.length} features`,
  ]);
  const dailyNow = await warehouse.table(DAILY_TABLE);
  const trainingRelation = engine.dialect.parquet([training.value.path]);
  const [leak] = await engine.rows(leakSql(trainingRelation, dailyNow.relation));
  printer.detail("does the airport's mean delay foretell a flight's own? (correlation)");
  printer.detail(`  as it was known then ${correlation(leak?.["as_of"])}`);
  printer.detail(
    `  with a leaky join    ${correlation(leak?.["leaky"])}  (the same day: holds the answer)`,
  );
  const served = await serve(journey, registry, daily.value.artifact);
  printer.row(served.cached, ["online store", `${served.value.keyCount} airports materialized`]);
  await printOnline(project, printer, registry);

  printer.heading("8 ask", "where did the served features come from?");
  const id = served.value.artifact.id;
  const graph = await upstream(project.store, { kind: "artifact", id });
  const raw = graph.artifacts.filter(({ type }) => type === "RawFile");
  printer.row(false, [
    `${graph.executions.length} executions`,
    `${graph.artifacts.length} artifacts back to`,
    raw.map(({ name, digest }) => `${name} (${digest?.slice(0, 19)})`).join(", "),
  ]);
  printer.ending([
    [`lineage ${id}`, "the same as a tree, with parameters and versions"],
    [`lineage lake:${FLIGHTS_FILE} --down`, "what depends on the raw file"],
    [
      `sql "SELECT origin, avg(delay) FROM ${FLIGHTS_TABLE} GROUP BY 1 ORDER BY 2 DESC LIMIT 5"`,
      "",
    ],
    ["runs list", "this run and those before it"],
  ]);
  return { served: served.value.artifact, executionCount: graph.executions.length };
}

async function printOnline(
  project: Project,
  printer: Printer,
  registry: Parameters<typeof onlineFeatures>[1]["registry"],
): Promise<void> {
  const airports = ["ATL", "ORD", "LAX"];
  const { results, metadata } = await onlineFeatures(await project.onlineStore(), {
    registry,
    features: FEATURES,
    entities: { airport: airports },
    maxAgeSeconds: 0,
  });
  for (const [index, airport] of airports.entries()) {
    const values = metadata.feature_names.slice(1).map((name, column) => {
      const value = results[column + 1]?.values[index];
      return `${name} ${typeof value === "number" ? number(value) : String(value)}`;
    });
    printer.detail(`${airport}: ${values.join(", ")}`);
  }
}

function versionOf(versions: ReadonlyMap<string, Versioned>, name: string): Versioned {
  return only(versions.get(name));
}

function only<T>(value: T | undefined): T {
  assert.ok(value !== undefined, "the story has this");
  return value;
}
