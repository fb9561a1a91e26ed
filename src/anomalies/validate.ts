import { create } from "@bufbuild/protobuf";
import {
  type Anomalies,
  Anomalies_AnomalyNameFormat,
  AnomaliesSchema,
  type AnomalyInfo,
  AnomalyInfo_ReasonSchema,
  type AnomalyInfo_Severity,
  type AnomalyInfo_Type,
  AnomalyInfoSchema,
  type DiffRegion,
  type DriftSkewInfo,
  DriftSkewInfoSchema,
  AnomalyInfo_Severity as Severity,
  AnomalyInfo_Type as Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { PathSchema } from "../../gen/tensorflow_metadata/proto/v0/path_pb.ts";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import {
  checkEnvironment,
  comparePaths,
  DatasetView,
  DEFAULT_MAX_STRING_DOMAIN_SIZE,
  defaultDataset,
  type FeaturePath,
  indexSchema,
  SchemaDraft,
  serializePath,
} from "../schema/index.ts";
import { printMessageText } from "../statistics/index.ts";
import type { Measured, Reason } from "./check.ts";
import { type Diagnoses, diagnose, relax, type SeverityOf } from "./diagnose.ts";
import { diffRegions } from "./diff-regions.ts";

/** Distinct texts up to which the fix of a new column lists them. TFDV's number. */
const MAX_STRING_DOMAIN_SIZE_OF_FIX = 400;

/** Changes what counts as an anomaly and how grave it is. Names are TFDV's. */
export interface ValidationOptions {
  /** Only these new features are anomalies; by default all are. */
  readonly featuresNeeded?: readonly FeaturePath[];
  /** New columns are warnings. */
  readonly newFeaturesAreWarnings?: boolean;
  /**
   * Adds to each anomaly the way from the schema's text to that of its fix. It prints the schema once for
   * each anomaly. (TFDV ends its process when it is asked for this.)
   */
  readonly diffRegions?: boolean;
  /** The last entry of a type counts. */
  readonly severityOverrides?: readonly {
    readonly type: AnomalyInfo_Type;
    readonly severity: AnomalyInfo_Severity;
  }[];
}

/** What data is validated against, beside the schema. */
export interface ValidateInput {
  /** One of the schema's default environments. */
  readonly environment?: string | undefined;
  /** The span before: drift, and the number of examples. */
  readonly previousStatistics?: DatasetFeatureStatisticsList | undefined;
  /** What is served: skew. */
  readonly servingStatistics?: DatasetFeatureStatisticsList | undefined;
  /** The version before of the same span: the number of examples. */
  readonly previousVersionStatistics?: DatasetFeatureStatisticsList | undefined;
  readonly options?: ValidationOptions | undefined;
}

/**
 * Compares statistics with a schema. Anomalies are keyed by serialized path; what was measured for
 * drift and skew is given whether or not it is too much. A dataset without examples has no anomalies
 * but `dataMissing`.
 * @throws WaybillError `invalid_argument` for an environment the schema lacks, and for statistics of
 *   several slices without the slice of all examples
 * Source: measured with TFDV 1.16.1; messages are equal to its, byte for byte.
 */
export function validateStatistics(
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  input: ValidateInput = {},
): Anomalies {
  const diagnoses = diagnoseStatistics(statistics, schema, input);
  const anomalies = create(AnomaliesSchema, {
    baselineSchema: { case: "baseline", value: schema },
  });
  if (diagnoses === undefined) {
    anomalies.dataMissing = true;
    return anomalies;
  }
  anomalies.anomalyNameFormat = Anomalies_AnomalyNameFormat.SERIALIZED_PATH;
  const before =
    input.options?.diffRegions === true ? printMessageText(SchemaSchema, schema) : undefined;
  const regionsTo = (fixed: SchemaDraft): DiffRegion[] =>
    before === undefined ? [] : diffRegions(before, printMessageText(SchemaSchema, fixed.build()));
  for (const { path, reasons, severity, fixed } of diagnoses.features) {
    const info = describe(reasons, severity, path);
    info.diffRegions = regionsTo(fixed);
    anomalies.anomalyInfo[serializePath(path)] = info;
  }
  if (diagnoses.dataset !== undefined) {
    const { reasons, severity, fixed } = diagnoses.dataset;
    anomalies.datasetAnomalyInfo = describe(reasons, severity);
    anomalies.datasetAnomalyInfo.diffRegions = regionsTo(fixed);
  }
  anomalies.driftSkewInfo = [...diagnoses.measured]
    .sort((a, b) => comparePaths(a.path, b.path))
    .map(({ path, measured }) => driftSkewInfo(path, measured));
  return anomalies;
}

/** As {@link validateStatistics}, with the fix of each anomaly; undefined without examples. */
export function diagnoseStatistics(
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  input: ValidateInput = {},
): Diagnoses | undefined {
  const dataset = defaultDataset(statistics);
  checkEnvironment(schema, input.environment);
  const { byWeight } = new DatasetView(dataset);
  const controlOf = (list: DatasetFeatureStatisticsList | undefined): DatasetView | undefined =>
    list === undefined ? undefined : new DatasetView(defaultDataset(list), { byWeight });
  const view = new DatasetView(dataset, {
    byWeight,
    environment: input.environment,
    previousSpan: controlOf(input.previousStatistics),
    serving: controlOf(input.servingStatistics),
    previousVersion: controlOf(input.previousVersionStatistics),
  });
  if (view.exampleCount === 0) return undefined;
  return diagnose(view, schema, {
    maxStringDomainSize: MAX_STRING_DOMAIN_SIZE_OF_FIX,
    featuresNeeded: input.options?.featuresNeeded,
    severityOf: severities(input.options ?? {}),
  });
}

/**
 * The schema relaxed until the statistics pass: every anomaly's fix. New columns are added, required
 * ones that are gone and ones of another type are deprecated, presence is lowered, ranges and sets of
 * texts are widened, domains and shapes that no longer hold are dropped. The schema given stays as it is.
 * @throws WaybillError `invalid_argument` for several slices without the slice of all examples
 * Source: measured with TFDV 1.16.1.
 */
export function updateSchema(
  schema: Schema,
  statistics: DatasetFeatureStatisticsList,
  options: { readonly maxStringDomainSize?: number } = {},
): Schema {
  const draft = new SchemaDraft(indexSchema(schema));
  relax(
    draft,
    new DatasetView(defaultDataset(statistics)),
    options.maxStringDomainSize ?? DEFAULT_MAX_STRING_DOMAIN_SIZE,
  );
  return draft.build();
}

function severities(options: ValidationOptions): SeverityOf {
  const severityOf = new Map<AnomalyInfo_Type, AnomalyInfo_Severity>();
  if (options.newFeaturesAreWarnings === true) {
    severityOf.set(Type.SCHEMA_NEW_COLUMN, Severity.WARNING);
  }
  for (const { type, severity } of options.severityOverrides ?? []) severityOf.set(type, severity);
  return (type) => severityOf.get(type) ?? Severity.ERROR;
}

/** The anomaly of one path: its reasons, and what they come to together. */
export function describe(
  reasons: readonly Reason[],
  severity: AnomalyInfo_Severity,
  path?: FeaturePath,
): AnomalyInfo {
  const isAllNew = reasons.every(({ type }) => type === Type.SCHEMA_NEW_COLUMN);
  const told = isAllNew ? reasons.slice(0, 1) : reasons;
  // Reasons without a description stand back behind those with one.
  const speaking = told.filter(({ description }) => description !== "");
  const only = speaking.length === 0 ? told.at(-1) : speaking[0];
  return create(AnomalyInfoSchema, {
    ...(path === undefined ? {} : { path: create(PathSchema, { step: [...path] }) }),
    severity,
    shortDescription: speaking.length > 1 ? "Multiple errors" : (only?.shortDescription ?? ""),
    description: speaking.map(({ description }) => description).join(" "),
    reason: told.map((reason) => create(AnomalyInfo_ReasonSchema, reason)),
  });
}

function driftSkewInfo(path: FeaturePath, measured: readonly Measured[]): DriftSkewInfo {
  const of = (wanted: Measured["comparison"]) =>
    measured
      .filter(({ comparison }) => comparison === wanted)
      .map(({ measurement }) => measurement);
  return create(DriftSkewInfoSchema, {
    path: create(PathSchema, { step: [...path] }),
    driftMeasurements: of("drift"),
    skewMeasurements: of("skew"),
  });
}
