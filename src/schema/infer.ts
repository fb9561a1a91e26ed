import { create } from "@bufbuild/protobuf";
import {
  type Feature,
  FeaturePresenceSchema,
  FeatureType,
  FixedShape_DimSchema,
  FixedShapeSchema,
  LifecycleStage,
  type Schema,
  SchemaSchema,
  type ValueCount,
  ValueCountListSchema,
  ValueCountSchema,
} from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type {
  DatasetFeatureStatistics,
  DatasetFeatureStatisticsList,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { inferDomain } from "./domains.ts";
import { indexSchema, SchemaDraft } from "./draft.ts";
import { DatasetView, defaultDataset, type FeatureView, type Valency } from "./statistics-view.ts";

/** Options of {@link inferSchema}; names and defaults are TFDV's. */
export interface InferOptions {
  /** Give features whose values never vary in number a fixed shape. Default true. */
  readonly inferFeatureShape?: boolean;
  /** Texts of at most so many distinct values become a closed domain; 0 for never. Default 100. */
  readonly maxStringDomainSize?: number;
  /** Run in order on the inferred schema; each may change it or give back another. */
  readonly transformations?: readonly SchemaTransformation[];
}

export type SchemaTransformation = (schema: Schema, statistics: DatasetFeatureStatistics) => Schema;

/** Distinct values up to which texts become a closed domain, unless told otherwise. */
export const DEFAULT_MAX_STRING_DOMAIN_SIZE = 100;

/**
 * The schema that a dataset suggests: type, presence, shape or valency, and domain of each feature, in
 * the order of the statistics. Ranges of numbers, uniqueness, environments and comparators are for
 * people to add.
 * @throws WaybillError `invalid_argument` when the statistics hold several slices and none is the default
 * Source: measured with TFDV 1.16.1; see README.md.
 */
export function inferSchema(
  statistics: DatasetFeatureStatisticsList,
  options: InferOptions = {},
): Schema {
  const maxStringDomainSize = options.maxStringDomainSize ?? DEFAULT_MAX_STRING_DOMAIN_SIZE;
  if (!Number.isInteger(maxStringDomainSize) || maxStringDomainSize < 0) {
    throw new WaybillError(
      "invalid_argument",
      `maxStringDomainSize is a count, not ${maxStringDomainSize}.`,
    );
  }
  const dataset = defaultDataset(statistics);
  const draft = new SchemaDraft(indexSchema(create(SchemaSchema)));
  const addOptions = { maxStringDomainSize, inferShape: options.inferFeatureShape ?? true };
  for (const root of new DatasetView(withValues(dataset)).roots) {
    addRecursively(draft, root, addOptions);
  }
  let schema = draft.build();
  for (const transform of options.transformations ?? []) schema = transform(schema, dataset);
  return schema;
}

/** How {@link addFeature} describes a feature. */
export interface AddOptions {
  readonly maxStringDomainSize: number;
  readonly inferShape: boolean;
}

/** Adds a feature that a schema lacks as its statistics describe it. */
export function addFeature(draft: SchemaDraft, view: FeatureView, options: AddOptions): Feature {
  const feature = draft.addFeature(view.path);
  feature.type = view.featureType;
  describePresenceAndShape(feature, view, options.inferShape);
  if (view.statistics.validationDerivedSource !== undefined) markDerived(feature, view);
  inferDomain(draft, feature, view, options.maxStringDomainSize);
  return feature;
}

/** Notes that a feature is computed during validation, and from what. */
export function markDerived(feature: Feature, view: FeatureView): void {
  feature.lifecycleStage = LifecycleStage.VALIDATION_DERIVED;
  feature.validationDerivedSource = view.statistics.validationDerivedSource;
}

/** Sets how many values a feature has, per level where values nest, as the statistics show it. */
export function describeValency(feature: Feature, view: FeatureView): void {
  const { valency } = view;
  if (view.isNested) {
    const valueCount = valency.map(valueCountOf);
    feature.shapeType = {
      case: "valueCounts",
      value: create(ValueCountListSchema, { valueCount }),
    };
    return;
  }
  const [only] = valency;
  if (only !== undefined && only.min > 0) {
    feature.shapeType = { case: "valueCount", value: valueCountOf(only) };
  }
}

function addRecursively(draft: SchemaDraft, view: FeatureView, options: AddOptions): void {
  addFeature(draft, view, options);
  for (const child of view.children) addRecursively(draft, child, options);
}

/** Sparse and weighted features have statistics but no values: no schema can be told from them. */
function withValues(dataset: DatasetFeatureStatistics): DatasetFeatureStatistics {
  const features = dataset.features.filter((feature) => feature.stats.case !== undefined);
  return features.length === dataset.features.length ? dataset : { ...dataset, features };
}

function describePresenceAndShape(feature: Feature, view: FeatureView, inferShape: boolean): void {
  const presence = create(FeaturePresenceSchema, { minCount: view.numPresent < 1 ? 0n : 1n });
  feature.presenceConstraints = { case: "presence", value: presence };
  if (view.numPresent <= 0) return;
  if (view.numMissing === 0) presence.minFraction = 1;
  if (inferShape) describeShape(feature, view);
  if (feature.shapeType.case !== "shape") describeValency(feature, view);
}

/** A shape only where nothing is missing and numbers of values never vary, at every level. */
function describeShape(feature: Feature, view: FeatureView): void {
  if (view.featureType === FeatureType.STRUCT) return;
  if (view.numMissingByLevel.some((missing) => missing !== 0)) return;
  if (view.valency.some(({ min, max }) => min !== max || min <= 0)) return;
  const dim = view.valency.map(({ min }) => create(FixedShape_DimSchema, { size: BigInt(min) }));
  feature.shapeType = { case: "shape", value: create(FixedShapeSchema, { dim }) };
}

function valueCountOf({ min, max }: Valency): ValueCount {
  if (min <= 0) return create(ValueCountSchema);
  if (min === max) return create(ValueCountSchema, { min: BigInt(min), max: BigInt(max) });
  return create(ValueCountSchema, { min: 1n });
}
