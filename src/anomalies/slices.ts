import { clone, create } from "@bufbuild/protobuf";
import type { Anomalies } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { PathSchema } from "../../gen/tensorflow_metadata/proto/v0/path_pb.ts";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatistics,
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
  DatasetFeatureStatisticsSchema,
  FeatureNameStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { DatasetView, defaultDataset } from "../schema/index.ts";
import { type ValidateInput, validateStatistics } from "./validate.ts";

/**
 * Validates every slice of sliced statistics, each against the same schema, and drift and skew between
 * slices of one name. Features are named with their slice before them: `slice(city_alpha)::fare`. What
 * is asked of the whole dataset is asked of all examples only.
 * @throws WaybillError as `validateStatistics`; `invalid_argument` when any of the statistics lack the
 *   slice of all examples
 * Source: TFDV's validate_corresponding_slices, which forgets the environments of the schema; we keep them.
 */
export function validateSlices(
  statistics: DatasetFeatureStatisticsList,
  schema: Schema,
  input: Pick<
    ValidateInput,
    "environment" | "previousStatistics" | "servingStatistics" | "options"
  > = {},
): Anomalies {
  const { previousStatistics: previous, servingStatistics: serving } = input;
  const given = [statistics, ...[previous, serving].flatMap((list) => (list ? [list] : []))];
  const names = new Set(given.flatMap(({ datasets }) => datasets.map(({ name }) => name)));
  return validateStatistics(flatten(statistics), replicate(schema, names), {
    ...input,
    previousStatistics: previous === undefined ? undefined : flatten(previous),
    servingStatistics: serving === undefined ? undefined : flatten(serving),
  });
}

/** One dataset with the features of all slices, each named with its slice. */
function flatten(statistics: DatasetFeatureStatisticsList): DatasetFeatureStatisticsList {
  const { numExamples, weightedNumExamples } = defaultDataset(statistics);
  return create(DatasetFeatureStatisticsListSchema, {
    datasets: [
      create(DatasetFeatureStatisticsSchema, {
        numExamples,
        weightedNumExamples,
        features: statistics.datasets.flatMap(featuresOfSlice),
      }),
    ],
  });
}

function featuresOfSlice(dataset: DatasetFeatureStatistics) {
  return new DatasetView(dataset).features.map(({ path: [root = "", ...steps], statistics }) => {
    const feature = clone(FeatureNameStatisticsSchema, statistics);
    const step = [inSlice(dataset.name, root), ...steps];
    feature.fieldId = { case: "path", value: create(PathSchema, { step }) };
    return feature;
  });
}

/** The schema with its features once for each slice; domains and environments are shared. */
function replicate(schema: Schema, names: ReadonlySet<string>): Schema {
  const replicated = clone(SchemaSchema, schema);
  replicated.feature = [];
  replicated.sparseFeature = [];
  replicated.weightedFeature = [];
  for (const name of names) {
    const copy = clone(SchemaSchema, schema);
    for (const feature of [...copy.feature, ...copy.sparseFeature, ...copy.weightedFeature]) {
      feature.name = inSlice(name, feature.name);
    }
    replicated.feature.push(...copy.feature);
    replicated.sparseFeature.push(...copy.sparseFeature);
    replicated.weightedFeature.push(...copy.weightedFeature);
  }
  return replicated;
}

function inSlice(slice: string, name: string): string {
  return `slice(${slice})::${name}`;
}
