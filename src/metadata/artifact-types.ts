import {
  ArtifactType_SystemDefinedBaseType as ArtifactBase,
  ExecutionType_SystemDefinedBaseType as ExecutionBase,
  PropertyType,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";

/** What is declared when an artifact type is registered for the first time. */
export interface TypeDeclaration {
  readonly baseType?: ArtifactBase;
  readonly properties?: { readonly [name: string]: PropertyType };
}

const SPAN = { span: PropertyType.INT };
const SPLITS = { split_names: PropertyType.STRING };

/**
 * The artifact types with a meaning of their own. The first are TFX's, with its base types and
 * properties; the last are ours, for things that TFX has no word for.
 * Source: TFX 1.22 standard_artifacts, as its runs register them.
 */
export const artifactTypes: { readonly [name: string]: TypeDeclaration } = {
  Examples: {
    baseType: ArtifactBase.DATASET,
    properties: { ...SPAN, version: PropertyType.INT, ...SPLITS },
  },
  ExampleStatistics: { baseType: ArtifactBase.STATISTICS, properties: { ...SPAN, ...SPLITS } },
  Schema: {},
  ExampleAnomalies: { properties: { ...SPAN, ...SPLITS } },
  ExampleValidationMetrics: { properties: { ...SPAN, ...SPLITS } },
  TransformGraph: {},
  Model: { baseType: ArtifactBase.MODEL },
  PushedModel: { baseType: ArtifactBase.MODEL },
  ModelBlessing: {},
  ModelEvaluation: {},
  InferenceResult: {},

  RawFile: { baseType: ArtifactBase.DATASET },
  DataVersion: { baseType: ArtifactBase.DATASET },
  WarehouseTable: { baseType: ArtifactBase.DATASET },
  FeatureViewMaterialization: { baseType: ArtifactBase.DATASET },
};

/** Base types of TFX's components, by the last part of their name. */
export const executionBaseTypes: { readonly [name: string]: ExecutionBase } = {
  StatisticsGen: ExecutionBase.PROCESS,
  SchemaGen: ExecutionBase.PROCESS,
  Transform: ExecutionBase.TRANSFORM,
  Trainer: ExecutionBase.TRAIN,
  Evaluator: ExecutionBase.EVALUATE,
  Pusher: ExecutionBase.DEPLOY,
};
