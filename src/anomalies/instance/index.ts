import {
  type AnomalyInfo,
  type AnomalyInfo_Type,
  AnomalyInfo_Type as Type,
} from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { checkEnvironment, serializePath } from "../../schema/index.ts";
import { describe, diagnoseStatistics, type ValidationOptions } from "../validate.ts";
import { compileAccept } from "./accept.ts";
import { type Example, statisticsOfExample } from "./example.ts";

/** Anomalies of one example by serialized path; empty when it is as its schema expects. */
export type ExampleAnomalies = { readonly [path: string]: AnomalyInfo };

/** What can only be said of many examples together, and so never of one. TFDV's list. */
const GLOBAL_TYPES: ReadonlySet<AnomalyInfo_Type> = new Set([
  Type.FEATURE_TYPE_LOW_FRACTION_PRESENT,
  Type.FEATURE_TYPE_LOW_NUMBER_PRESENT,
  Type.FEATURE_TYPE_NOT_PRESENT,
  Type.SCHEMA_TRAINING_SERVING_SKEW,
  Type.COMPARATOR_CONTROL_DATA_MISSING,
  Type.COMPARATOR_TREATMENT_DATA_MISSING,
  Type.COMPARATOR_L_INFTY_HIGH,
  Type.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
  Type.COMPARATOR_LOW_NUM_EXAMPLES,
  Type.COMPARATOR_HIGH_NUM_EXAMPLES,
  Type.NO_DATA_IN_SPAN,
  Type.DATASET_LOW_NUM_EXAMPLES,
  Type.DATASET_HIGH_NUM_EXAMPLES,
]);

const NO_ANOMALIES: ExampleAnomalies = Object.freeze({});

/**
 * A validator of single examples, made from a schema once. An example that is as expected passes a
 * compiled test and costs about a microsecond; any other is examined by the detectors, so its anomalies
 * read as those of a dataset of that one example. Later changes of the schema are not seen; sparse and
 * weighted features are not examined.
 * @throws WaybillError `invalid_argument` for an environment that the schema lacks; the validator throws
 *   it for an example that mixes kinds of values in one feature
 */
export function instanceValidator(
  schema: Schema,
  options: { readonly environment?: string; readonly validation?: ValidationOptions } = {},
): (example: Example) => ExampleAnomalies {
  checkEnvironment(schema, options.environment);
  const accepts = compileAccept(schema, options.environment);
  return (example) =>
    accepts(example)
      ? NO_ANOMALIES
      : examine(example, schema, options.environment, options.validation);
}

/**
 * The anomalies of one example. To validate many, make one {@link instanceValidator}.
 * @throws as {@link instanceValidator}
 */
export function validateInstance(
  example: Example,
  schema: Schema,
  options: { readonly environment?: string; readonly validation?: ValidationOptions } = {},
): ExampleAnomalies {
  checkEnvironment(schema, options.environment);
  return examine(example, schema, options.environment, options.validation);
}

function examine(
  example: Example,
  schema: Schema,
  environment: string | undefined,
  options: ValidationOptions | undefined,
): ExampleAnomalies {
  const statistics = statisticsOfExample(example, schema);
  const found: Record<string, AnomalyInfo> = {};
  const diagnoses = diagnoseStatistics(statistics, schema, { environment, options });
  for (const { path, reasons, severity } of diagnoses?.features ?? []) {
    const told = reasons.filter(({ type }) => !GLOBAL_TYPES.has(type));
    if (told.length === 0) continue;
    const info = describe(told, severity, path);
    // Of single examples TFDV joins all descriptions, those that are empty too.
    if (info.reason.length > 1) {
      info.description = info.reason.map(({ description }) => description).join(" ");
      info.shortDescription = "Multiple errors";
    }
    found[serializePath(path)] = info;
  }
  return found;
}
