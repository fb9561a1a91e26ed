import { basename } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type CustomValidationConfig,
  CustomValidationConfigSchema,
} from "../../gen/tensorflow_data_validation/anomalies/proto/custom_validation_config_pb.ts";
import {
  type Anomalies,
  AnomaliesSchema,
  type AnomalyInfo_Severity,
  type AnomalyInfo_Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { ValidateInput, ValidationOptions } from "../anomalies/index.ts";
import type { Engine } from "../engine/index.ts";
import { WaybillError, writeFileAtomically } from "../foundation/index.ts";
import { findHome } from "./home.ts";
import { isObject, readJsonObject } from "./json-file.ts";
import { readStatistics } from "./protos.ts";
import { fileUri, type InputFiles, recordStep } from "./recording.ts";
import type { Session } from "./session.ts";

/** The files and words that `waybill validate` is given. */
export interface ValidateFiles {
  readonly stats: string;
  readonly schema: string | undefined;
  readonly environment: string | undefined;
  readonly previous: string | undefined;
  readonly serving: string | undefined;
  readonly previousVersion: string | undefined;
  readonly customValidation: string | undefined;
  readonly options: string | undefined;
  readonly output: string | undefined;
}

/** What validation is given, read from the files that the options name. */
interface Given {
  readonly statistics: DatasetFeatureStatisticsList;
  readonly input: ValidateInput;
  readonly custom: { readonly config: CustomValidationConfig; readonly engine: Engine } | undefined;
}

/**
 * The anomalies that the command's files hold. They are written where an output is named, and in a project
 * they are recorded.
 */
export async function findAnomalies(options: ValidateFiles, session: Session): Promise<Anomalies> {
  const given: Given = {
    statistics: await readStatistics(options.stats),
    input: {
      environment: options.environment,
      previousStatistics: await readOptional(options.previous),
      servingStatistics: await readOptional(options.serving),
      previousVersionStatistics: await readOptional(options.previousVersion),
      options: options.options === undefined ? undefined : await readOptions(options.options),
    },
    custom: await openCustomValidation(options.customValidation, session),
  };
  const { readSchema } = await import("../schema/index.ts");
  const schema = options.schema === undefined ? undefined : await readSchema(options.schema);
  if (options.output === undefined && findHome(session) === undefined) {
    return computeAnomalies(given, schema, session);
  }
  const parameters = options.environment === undefined ? {} : { environment: options.environment };
  return recordStep(
    session,
    "ExampleValidator",
    { inputs: inputFiles(options), parameters },
    async (step, project) => {
      const path =
        options.output ??
        project?.artifactPath(step, "ExampleValidator", "anomalies", "anomalies.pb") ??
        "anomalies.pb";
      if (schema === undefined) {
        const anomalies = await computeAnomalies(given, undefined, session);
        const { writeMessage } = await import("../statistics/index.ts");
        await writeMessage(AnomaliesSchema, anomalies, path);
        step.output("anomalies", "ExampleAnomalies", { uri: fileUri(path) });
        return anomalies;
      }
      const { validate } = await import("../anomalies/index.ts");
      const { anomalies } = await validate(step, given.statistics, schema, {
        ...given.input,
        path,
        uri: fileUri(path),
        customValidation: given.custom?.config,
        engine: given.custom?.engine,
      });
      return anomalies;
    },
  );
}

/** Writes what was found as one HTML file, the span before (or what is served) beside the data. */
export async function writeReport(
  options: ValidateFiles,
  anomalies: Anomalies,
  path: string,
): Promise<void> {
  const { reportHtml } = await import("../anomalies/index.ts");
  const { readSchema } = await import("../schema/index.ts");
  const otherPath = options.previous ?? options.serving ?? options.previousVersion;
  const html = reportHtml({
    dataset: { name: basename(options.stats), statistics: await readStatistics(options.stats) },
    ...(otherPath === undefined
      ? {}
      : { other: { name: basename(otherPath), statistics: await readStatistics(otherPath) } }),
    ...(options.schema === undefined ? {} : { schema: await readSchema(options.schema) }),
    anomalies,
  });
  await writeFileAtomically(path, html);
}

/** The anomalies alone: nothing is written or recorded. */
async function computeAnomalies(
  { statistics, input, custom }: Given,
  schema: Schema | undefined,
  session: Session,
): Promise<Anomalies> {
  const { customValidate, mergeAnomalies, validateStatistics } = await import(
    "../anomalies/index.ts"
  );
  const found =
    schema === undefined ? create(AnomaliesSchema) : validateStatistics(statistics, schema, input);
  if (custom === undefined) return found;
  const { previousStatistics, environment } = input;
  const { signal } = session;
  return mergeAnomalies(
    found,
    await customValidate(custom.engine, statistics, custom.config, {
      previousStatistics,
      environment,
      signal,
    }),
  );
}

function inputFiles(options: ValidateFiles): Record<string, InputFiles> {
  const files = [
    ["statistics", "ExampleStatistics", options.stats],
    ["schema", "Schema", options.schema],
    ["previous_statistics", "ExampleStatistics", options.previous],
    ["serving_statistics", "ExampleStatistics", options.serving],
    ["previous_version_statistics", "ExampleStatistics", options.previousVersion],
  ] as const;
  return Object.fromEntries(
    files.flatMap(([key, type, path]) =>
      path === undefined ? [] : [[key, { type, paths: [path] }]],
    ),
  );
}

async function readOptional(
  path: string | undefined,
): Promise<DatasetFeatureStatisticsList | undefined> {
  return path === undefined ? undefined : readStatistics(path);
}

async function openCustomValidation(
  path: string | undefined,
  session: Session,
): Promise<Given["custom"]> {
  if (path === undefined) return undefined;
  const { readMessage } = await import("../statistics/index.ts");
  const { openEngine } = await import("../engine/index.ts");
  const config = await readMessage(CustomValidationConfigSchema, path);
  return { config, engine: session.resources.use(await openEngine()) };
}

async function readOptions(path: string): Promise<ValidationOptions> {
  const members = await readJsonObject(path);
  const refuse = (name: string, wanted: string): never => {
    throw new WaybillError("invalid_argument", `"${path}": "${name}" must hold ${wanted}.`);
  };
  const overrides = members.list("severity_overrides") ?? [];
  const needed = members.list("features_needed");
  const options: ValidationOptions = {
    newFeaturesAreWarnings: members.boolean("new_features_are_warnings") ?? false,
    severityOverrides: overrides.map((each) => {
      const { type, severity } = isObject(each) ? each : {};
      if (typeof type !== "number" || typeof severity !== "number") {
        return refuse("severity_overrides", "objects with the numbers of type and severity");
      }
      // Numbers that the enums do not have match no anomaly.
      return { type: type as AnomalyInfo_Type, severity: severity as AnomalyInfo_Severity };
    }),
    ...(needed === undefined
      ? {}
      : {
          featuresNeeded: needed.map((each) => {
            const steps = isObject(each) ? each["path"] : each;
            if (!Array.isArray(steps) || !steps.every((step) => typeof step === "string")) {
              return refuse("features_needed", "objects with a path: a list of names");
            }
            return steps;
          }),
        }),
  };
  members.refuseOthers();
  return options;
}
