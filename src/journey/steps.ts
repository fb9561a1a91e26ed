import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { clone, create } from "@bufbuild/protobuf";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { AnomaliesSchema } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  FeatureComparatorSchema,
  HistogramSelection_Type,
  IntDomainSchema,
  type Schema,
  SchemaSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { updateSchema, type Validated, validate } from "../anomalies/index.ts";
import type { PutFile } from "../lake/index.ts";
import { type Properties, propertiesOf, type Run, type StepResult } from "../metadata/index.ts";
import { exportFromLake, hasDigest, type Project } from "../project/index.ts";
import {
  generateSchema,
  getFeature,
  type PublishedSchema,
  publishSchema,
  setDomain,
} from "../schema/index.ts";
import { generateStatistics, readMessage, type StatisticsInput } from "../statistics/index.ts";
import { add, init, openRepo, type Repo, status } from "../versioning/index.ts";
import type { TableChange } from "../warehouse/index.ts";
import type { DataFile } from "./data.ts";
import { AIRPORTS_MAX, DELAY_DRIFT_MAX, DELAY_RANGE } from "./story.ts";

/** What every step of the journey is given. */
export interface Journey {
  readonly project: Project;
  readonly run: Run;
}

/** A version of a data file in the workspace. */
export interface Versioned {
  readonly path: string;
  readonly md5: string;
  readonly artifact: Artifact;
}

export interface Counted {
  readonly statistics: DatasetFeatureStatisticsList;
  readonly artifact: Artifact;
}

/** Lands a file: immutable bytes in the lake, named by their digest. */
export async function land({ project, run }: Journey, file: DataFile): Promise<PutFile> {
  const { value } = await project.recorder.step(
    "Ingest",
    { run, parameters: { publisher: file.source, licence: file.licence } },
    (step) => project.lake.put(step, file.path, { tags: ["journey"], description: file.source }),
  );
  return only(value);
}

/** The journey's data repository, `data` in the project's home: a dvc repository without git. */
export async function openDataRepo(project: Project): Promise<Repo> {
  const folder = join(project.home, "data");
  if (existsSync(join(folder, ".dvc", "config"))) return openRepo(folder);
  await mkdir(folder, { recursive: true });
  return init(folder, { noScm: true });
}

/** Versions a landed file in dvc's own format. */
export async function version(
  { project, run }: Journey,
  repo: Repo,
  raw: PutFile,
): Promise<StepResult<Versioned>> {
  const path = join(repo.root, raw.name);
  const isAsRecorded = async () =>
    existsSync(`${path}.dvc`) && Object.keys(await status(repo, { targets: [path] })).length === 0;
  return project.recorder.step(
    "Version",
    {
      run,
      inputs: { raw: raw.artifact },
      reuse: async (outputs) => {
        const artifact = outputs.get("version")?.[0] ?? [...outputs.values()][0]?.[0];
        if (artifact === undefined || !(await isAsRecorded())) return undefined;
        return { path, md5: String(propertiesOf(artifact)["md5"]), artifact };
      },
    },
    async (step) => {
      await exportFromLake(project.lake, raw.name, path, { signal: step.signal });
      const { md5, artifact } = only(await add(step, repo, [path]));
      return { path, md5, artifact };
    },
  );
}

/** Counts a dataset. `span` names the part of it that the input is. */
export async function count(
  { project, run }: Journey,
  examples: Artifact,
  span: string,
  input: StatisticsInput,
  parameters: Properties = {},
): Promise<StepResult<Counted>> {
  return project.recorder.step(
    "StatisticsGen",
    {
      run,
      inputs: { examples },
      parameters: { span, ...parameters },
      reuse: async (outputs) => {
        const artifact = await intact(outputs.get("statistics"));
        if (artifact === undefined) return undefined;
        const statistics = await readMessage(DatasetFeatureStatisticsListSchema, artifact.uri);
        return { statistics, artifact };
      },
    },
    async (step) => {
      const output = project.artifactPath(step, "StatisticsGen", "statistics", "FeatureStats.pb");
      return generateStatistics(step, await project.engine(), { input, output, split: span });
    },
  );
}

/** Infers January's schema and adds what no data can say: a range of delays, and drift to watch. */
export async function inferFirstSchema(
  { project, run }: Journey,
  counted: Counted,
): Promise<StepResult<PublishedSchema>> {
  return project.recorder.step(
    "SchemaGen",
    {
      run,
      inputs: { statistics: counted.artifact },
      parameters: {
        max_string_domain_size: BigInt(AIRPORTS_MAX),
        delay_min: BigInt(DELAY_RANGE.min),
        delay_max: BigInt(DELAY_RANGE.max),
        delay_drift_max: DELAY_DRIFT_MAX,
      },
      reuse: reuseSchema,
    },
    (step) =>
      generateSchema(step, counted.statistics, {
        path: project.artifactPath(step, "SchemaGen", "schema", "schema.pbtxt"),
        maxStringDomainSize: AIRPORTS_MAX,
        transformations: [curate],
      }),
  );
}

/** Holds a month against the schema, and against the month before it. */
export async function examine(
  { project, run }: Journey,
  schema: PublishedSchema,
  month: Counted,
  previous: Counted | undefined,
): Promise<StepResult<Pick<Validated, "anomalies" | "artifact">>> {
  return project.recorder.step(
    "ExampleValidator",
    {
      run,
      inputs: {
        statistics: month.artifact,
        schema: schema.artifact,
        ...(previous === undefined ? {} : { previous_statistics: previous.artifact }),
      },
      reuse: async (outputs) => {
        const artifact = await intact(outputs.get("anomalies"));
        if (artifact === undefined) return undefined;
        return { anomalies: await readMessage(AnomaliesSchema, artifact.uri), artifact };
      },
    },
    (step) =>
      validate(step, month.statistics, schema.schema, {
        path: project.artifactPath(step, "ExampleValidator", "anomalies", "anomalies.pbtxt"),
        ...(previous === undefined ? {} : { previousStatistics: previous.statistics }),
      }),
  );
}

/** Lets the airports that a month brought into the schema; its range and drift limits stay. */
export async function acceptAirports(
  { project, run }: Journey,
  schema: PublishedSchema,
  month: Counted,
): Promise<StepResult<PublishedSchema>> {
  return project.recorder.step(
    "SchemaUpdate",
    {
      run,
      inputs: { schema: schema.artifact, statistics: month.artifact },
      reuse: reuseSchema,
    },
    (step) => {
      const next = clone(SchemaSchema, schema.schema);
      const relaxed = updateSchema(schema.schema, month.statistics, {
        maxStringDomainSize: AIRPORTS_MAX,
      });
      next.stringDomain = relaxed.stringDomain;
      const path = project.artifactPath(step, "SchemaUpdate", "schema", "schema.pbtxt");
      return publishSchema(step, next, { path });
    },
  );
}

/** Rows to load as one snapshot of a table. */
export interface LoadRequest {
  readonly table: string;
  readonly relation: string;
  /** Which rows of the table these are: where some are there already, they are replaced. */
  readonly replaces: string;
  /** What the relation is, in words that stay the same wherever the project lies. */
  readonly parameters: Properties;
  /** What is read, and what allows it to be loaded. */
  readonly inputs: Readonly<Record<string, Artifact>>;
}

/** A snapshot that holds what was loaded. */
type Loaded = Pick<TableChange, "artifact" | "snapshotId" | "totalRows" | "addedRows">;

/**
 * Loads rows into the warehouse; the table is made with the first of them. Loading the same again, after
 * something it rests on has changed, replaces what the last time left.
 */
export async function load(
  { project, run }: Journey,
  { table, relation, replaces, parameters, inputs }: LoadRequest,
): Promise<StepResult<Loaded>> {
  const warehouse = await project.warehouse();
  return project.recorder.step(
    "Load",
    {
      run,
      inputs,
      parameters: { table, ...parameters },
      reuse: async (outputs): Promise<Loaded | undefined> => {
        const artifact = outputs.get("table")?.[0];
        if (artifact === undefined || !(await warehouse.tables()).includes(table)) return undefined;
        const { snapshot_id: wanted } = propertiesOf(artifact);
        const snapshot = (await warehouse.snapshots(table)).find(({ id }) => id === wanted);
        if (snapshot === undefined) return undefined;
        const { id, totalRows, addedRows } = snapshot;
        return { artifact, snapshotId: id, totalRows, addedRows };
      },
    },
    async (step): Promise<Loaded> => {
      if (!(await warehouse.tables()).includes(table)) {
        return warehouse.load(step, table, { relation });
      }
      const current = await warehouse.table(table);
      step.input("table", current.artifact);
      const engine = await project.engine();
      const sql = `SELECT count(*) AS n FROM ${current.relation} AS t WHERE ${replaces}`;
      const [row] = await engine.rows(sql, { signal: step.signal });
      return row?.["n"] === 0n
        ? warehouse.append(step, table, { relation })
        : warehouse.overwrite(step, table, { relation, where: replaces });
    },
  );
}

/** A transformation of inference: the knowledge of people who know flights. */
function curate(schema: Schema): Schema {
  const { min, max } = DELAY_RANGE;
  setDomain(schema, "delay", {
    case: "intDomain",
    value: create(IntDomainSchema, { min: BigInt(min), max: BigInt(max) }),
  });
  getFeature(schema, "delay").driftComparator = create(FeatureComparatorSchema, {
    jensenShannonDivergence: {
      threshold: DELAY_DRIFT_MAX,
      source: { type: HistogramSelection_Type.QUANTILES },
    },
  });
  return schema;
}

async function reuseSchema(
  outputs: ReadonlyMap<string, readonly Artifact[]>,
): Promise<PublishedSchema | undefined> {
  const artifact = await intact(outputs.get("schema"));
  if (artifact === undefined) return undefined;
  return { schema: await readMessage(SchemaSchema, artifact.uri), artifact };
}

/** The one artifact of an output, if its file still has the bytes that were recorded. */
async function intact(artifacts: readonly Artifact[] = []): Promise<Artifact | undefined> {
  const [artifact] = artifacts;
  return artifact !== undefined && (await hasDigest(artifact.uri, artifact)) ? artifact : undefined;
}

function only<T>(values: readonly T[]): T {
  const [value] = values;
  assert.ok(value !== undefined && values.length === 1, "one file in, one file out");
  return value;
}
