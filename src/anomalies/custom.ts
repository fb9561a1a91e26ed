import { clone, create, type DescField, type DescMessage, toJson } from "@bufbuild/protobuf";
import type {
  CustomValidationConfig,
  Validation,
} from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import {
  type Anomalies,
  AnomaliesSchema,
  type AnomalyInfo,
  AnomalyInfo_ReasonSchema,
  AnomalyInfoSchema,
  AnomalyInfo_Type as Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { type Path, PathSchema } from "../../gen/tensorflow_metadata/proto/v0/path_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  type FeatureNameStatistics,
  FeatureNameStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { Engine, JsonShape, SqlType } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import { DatasetView, DEFAULT_SLICE, serializePath } from "../schema/index.ts";

/** What custom validations look at. */
export interface CustomValidateInput {
  /** The statistics that pairs of features compare with: the span before. */
  readonly previousStatistics?: DatasetFeatureStatisticsList | undefined;
  readonly environment?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Evaluates conditions that people wrote in SQL over the statistics of a feature. A condition sees them
 * as `feature`, one over two datasets as `feature_test` and `feature_base`, with the field names of
 * `statistics.proto`: `feature.num_stats.max < 50`. Where it is false there is an anomaly; its severity
 * and short description are the author's.
 * @throws WaybillError `invalid_argument` when a dataset or feature is not in the statistics, when SQL
 *   does not run, or when a condition is neither true nor false
 * Source: measured with TFDV 1.16.1; later versions cannot do it.
 */
export async function customValidate(
  engine: Engine,
  statistics: DatasetFeatureStatisticsList,
  config: CustomValidationConfig,
  input: CustomValidateInput = {},
): Promise<Anomalies> {
  const anomalies = create(AnomaliesSchema);
  for (const { datasetName, featurePath, validations } of config.featureValidations) {
    const feature = featureOf(statistics, datasetName, featurePath);
    await engine.session(async (session) => {
      for (const validation of validations.filter((each) => applies(each, input.environment))) {
        if (await holds(session, validation, { feature }, input.signal)) continue;
        addReason(anomalies, featurePath, validation, testedOn(datasetName));
      }
    });
  }
  for (const pair of config.featurePairValidations) {
    if (input.previousStatistics === undefined) {
      throw new WaybillError(
        "invalid_argument",
        "The custom validations compare with previous statistics, and none are given.",
        { hint: "Give the statistics of the span before (--previous)." },
      );
    }
    const test = featureOf(statistics, pair.datasetName, pair.featureTestPath);
    const base = featureOf(input.previousStatistics, pair.baseDatasetName, pair.featureBasePath);
    const basePath = serializePath(pair.featureBasePath?.step ?? []);
    const where = `${testedOn(pair.datasetName)} Base dataset: ${pair.baseDatasetName} Base path: ${basePath}`;
    const bound = { feature_test: test, feature_base: base };
    await engine.session(async (session) => {
      for (const validation of pair.validations.filter((each) =>
        applies(each, input.environment),
      )) {
        if (await holds(session, validation, bound, input.signal)) continue;
        addReason(anomalies, pair.featureTestPath, validation, where);
      }
    });
  }
  for (const info of Object.values(anomalies.anomalyInfo)) summarize(info);
  return anomalies;
}

/** Adds what custom validations found to what the schema found; a feature with both has both reasons. */
export function mergeAnomalies(anomalies: Anomalies, custom: Anomalies): Anomalies {
  const merged = clone(AnomaliesSchema, anomalies);
  for (const [key, info] of Object.entries(custom.anomalyInfo)) {
    const known = merged.anomalyInfo[key];
    if (known === undefined) {
      merged.anomalyInfo[key] = clone(AnomalyInfoSchema, info);
      continue;
    }
    known.reason.push(...info.reason);
    if (info.severity > known.severity) known.severity = info.severity;
    summarize(known);
  }
  return merged;
}

function applies({ inEnvironment }: Validation, environment: string | undefined): boolean {
  if (inEnvironment.length === 0) return true;
  return environment !== undefined && inEnvironment.includes(environment);
}

function testedOn(datasetName: string): string {
  return ` Test dataset: ${datasetName === "" ? "default slice" : datasetName}`;
}

function addReason(
  anomalies: Anomalies,
  path: Path | undefined,
  validation: Validation,
  where: string,
): void {
  const key = serializePath(path?.step ?? []);
  const info = create(AnomalyInfoSchema, {
    path: create(PathSchema, { step: path?.step ?? [] }),
    severity: validation.severity,
  });
  const known = anomalies.anomalyInfo[key] ?? info;
  anomalies.anomalyInfo[key] = known;
  if (validation.severity > known.severity) known.severity = validation.severity;
  known.reason.push(
    create(AnomalyInfo_ReasonSchema, {
      type: Type.CUSTOM_VALIDATION,
      shortDescription: validation.description,
      description: `Custom validation triggered anomaly. Query: ${validation.sqlExpression}${where}`,
    }),
  );
}

/** What the reasons come to together: here TFDV joins all descriptions, empty ones too. */
function summarize(info: AnomalyInfo): void {
  info.description = info.reason.map(({ description }) => description).join(" ");
  info.shortDescription =
    info.reason.length > 1 ? "Multiple errors" : (info.reason[0]?.shortDescription ?? "");
}

function featureOf(
  statistics: DatasetFeatureStatisticsList,
  datasetName: string,
  path: Path | undefined,
): FeatureNameStatistics {
  const named = (name: string) => statistics.datasets.find((dataset) => dataset.name === name);
  const dataset = named(datasetName) ?? (datasetName === "" ? named(DEFAULT_SLICE) : undefined);
  if (dataset === undefined) {
    const names = statistics.datasets.map(({ name }) => `"${name}"`).join(", ");
    throw new WaybillError(
      "invalid_argument",
      `The custom validations name the dataset "${datasetName}", which the statistics lack.`,
      { hint: `The statistics hold ${names}` },
    );
  }
  const feature = new DatasetView(dataset).byPath(path?.step ?? []);
  if (feature !== undefined) return feature.statistics;
  throw new WaybillError(
    "invalid_argument",
    `The custom validations name the feature "${serializePath(path?.step ?? [])}", which the statistics lack.`,
  );
}

async function holds(
  engine: Engine,
  { sqlExpression }: Validation,
  bound: Readonly<Record<string, FeatureNameStatistics>>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { dialect } = engine;
  const shape = dialect.fromJson("?", shapeOf(FeatureNameStatisticsSchema, []));
  const columns = Object.keys(bound).map((name) => `${shape} AS ${dialect.quoteIdentifier(name)}`);
  // The line break keeps a comment at the end of the condition from swallowing the bracket.
  const sql = `SELECT (${sqlExpression}\n) AS holds FROM (SELECT ${columns.join(", ")}) AS statistics`;
  const rows = await engine
    .rows(sql, {
      parameters: Object.values(bound).map(jsonOf),
      ...(signal === undefined ? {} : { signal }),
    })
    .catch((caught: unknown) => {
      const error = WaybillError.from(caught);
      if (error.code === "cancelled") throw error;
      throw new WaybillError(
        "invalid_argument",
        `The custom validation "${sqlExpression}" does not run: ${error.message}`,
        { hint: "Fields are named as in statistics.proto: feature.num_stats.max", cause: caught },
      );
    });
  const answer = rows[0]?.["holds"];
  if (typeof answer === "boolean") return answer;
  const what = answer === null || answer === undefined ? "NULL" : `"${String(answer)}"`;
  throw new WaybillError(
    "invalid_argument",
    `The custom validation "${sqlExpression}" gave ${what}, not true or false.`,
    { hint: "A field that these statistics do not have reads as NULL." },
  );
}

/** The statistics as JSON with their proto names. What holds messages of any kind is left out. */
function jsonOf(feature: FeatureNameStatistics): string {
  const plain = clone(FeatureNameStatisticsSchema, feature);
  plain.customStats = plain.customStats.filter(({ val }) => val.case !== "any");
  return JSON.stringify(
    toJson(FeatureNameStatisticsSchema, plain, {
      useProtoFieldName: true,
      alwaysEmitImplicit: true,
    }),
  );
}

/** A message as the engine sees it. `Any` and what nests in itself are left out. */
function shapeOf(message: DescMessage, outer: readonly DescMessage[]): JsonShape {
  const fields = message.fields.flatMap((field): [string, JsonShape][] => {
    const inner = field.message;
    if (inner !== undefined && (inner === message || outer.includes(inner))) return [];
    if (inner?.typeName === "google.protobuf.Any" || field.fieldKind === "map") return [];
    const shape =
      inner === undefined ? SCALARS[scalarName(field)] : shapeOf(inner, [...outer, message]);
    // A message without fields is nothing that a condition could speak of.
    if (shape === undefined || Object.keys(shape).length === 0) return [];
    return [[field.name, field.fieldKind === "list" ? [shape] : shape]];
  });
  return Object.fromEntries(fields);
}

/** Enums are texts in JSON. */
function scalarName(field: DescField): string {
  return field.enum !== undefined ? "enum" : String(field.scalar);
}

/** Types of the protobuf library's scalars by their numbers in descriptor.proto. */
const SCALARS: Readonly<Record<string, SqlType>> = {
  1: "double",
  2: "float",
  3: "long",
  4: "long",
  5: "int",
  8: "boolean",
  9: "string",
  13: "long",
  enum: "string",
};
