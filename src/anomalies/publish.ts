import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { CustomValidationConfig } from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import {
  type Anomalies,
  AnomaliesSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { Engine } from "../engine/index.ts";
import { digestOf, WaybillError, writeFileAtomically } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { encodeMessage } from "../statistics/index.ts";
import { customValidate, mergeAnomalies } from "./custom.ts";
import { countAnomalies } from "./report.ts";
import { type ValidateInput, validateStatistics } from "./validate.ts";

/** What to validate with, and where the anomalies go. */
export interface ValidateOptions extends ValidateInput {
  /** The file, `.pbtxt` or `.pb`. */
  readonly path: string;
  /** What the record says of where it is; by default the path. TFX records the folder of the split. */
  readonly uri?: string;
  /** The split of the data; `blessed` is recorded for it, as TFX does. Default "default". */
  readonly split?: string;
  /** Conditions in SQL beside the schema; they need an engine. */
  readonly customValidation?: CustomValidationConfig | undefined;
  readonly engine?: Engine | undefined;
}

/** What was found, whether the data is good to go on with, and the artifact that records it. */
export interface Validated {
  readonly anomalies: Anomalies;
  /** No anomaly of severity ERROR, and there are examples. */
  readonly blessed: boolean;
  readonly artifact: Artifact;
}

/**
 * Validates statistics against a schema, writes the anomalies, atomically, and declares them as the
 * step's output `anomalies`, an artifact of type ExampleAnomalies with the digest of its bytes and
 * `blessed`. Anomalies are an answer: only what cannot be validated throws.
 * @throws WaybillError as {@link validateStatistics} and {@link customValidate}; `invalid_argument` for
 *   custom validations without an engine
 */
export async function validate(
  step: Step,
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  options: ValidateOptions,
): Promise<Validated> {
  const anomalies = await findAnomalies(step, statistics, schema, options);
  const bytes = encodeMessage(AnomaliesSchema, anomalies, options.path);
  await writeFileAtomically(options.path, bytes);
  const { split = "default" } = options;
  const { errors, warnings } = countAnomalies(anomalies);
  const blessed = errors === 0 && !anomalies.dataMissing;
  const artifact = step.output("anomalies", "ExampleAnomalies", {
    uri: options.uri ?? options.path,
    properties: { split_names: JSON.stringify([split]) },
    customProperties: {
      blessed: { [split]: blessed ? 1 : 0 },
      error_count: BigInt(errors),
      warning_count: BigInt(warnings),
      sha256: digestOf("sha256", bytes),
    },
  });
  step.note("anomaly_count", BigInt(errors + warnings));
  step.log.log("info", `validated: ${errors} errors, ${warnings} warnings`);
  return { anomalies, blessed, artifact };
}

async function findAnomalies(
  step: Step,
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  options: ValidateOptions,
): Promise<Anomalies> {
  const anomalies = validateStatistics(statistics, schema, options);
  if (options.customValidation === undefined) return anomalies;
  if (options.engine === undefined) {
    throw new WaybillError("invalid_argument", "Custom validations are in SQL and need an engine.");
  }
  const custom = await customValidate(options.engine, statistics, options.customValidation, {
    previousStatistics: options.previousStatistics,
    environment: options.environment,
    signal: step.signal,
  });
  return mergeAnomalies(anomalies, custom);
}
