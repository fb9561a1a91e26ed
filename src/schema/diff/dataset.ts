import { isFieldSet } from "@bufbuild/protobuf";
import {
  type DatasetConstraints,
  DatasetConstraintsSchema,
  type NumericValueComparator,
  NumericValueComparatorSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { compareMax, compareMin, type SchemaChange } from "./change.ts";

/** Differences in how many examples a dataset must have, alone and beside others. */
export function compareDataset(
  before: DatasetConstraints | undefined,
  after: DatasetConstraints | undefined,
): SchemaChange[] {
  const { minExamplesCount, maxExamplesCount } = DatasetConstraintsSchema.field;
  const countOf = (
    constraints: DatasetConstraints | undefined,
    field: typeof minExamplesCount,
    value: bigint | undefined,
  ) => (constraints !== undefined && isFieldSet(constraints, field) ? value : undefined);
  const name = "dataset_constraints";
  return [
    ...compareMin(
      "schema",
      `${name}.min_examples_count`,
      countOf(before, minExamplesCount, before?.minExamplesCount),
      countOf(after, minExamplesCount, after?.minExamplesCount),
    ),
    ...compareMax(
      "schema",
      `${name}.max_examples_count`,
      countOf(before, maxExamplesCount, before?.maxExamplesCount),
      countOf(after, maxExamplesCount, after?.maxExamplesCount),
    ),
    ...compareFractions(
      `${name}.num_examples_drift_comparator`,
      before?.numExamplesDriftComparator,
      after?.numExamplesDriftComparator,
    ),
    ...compareFractions(
      `${name}.num_examples_version_comparator`,
      before?.numExamplesVersionComparator,
      after?.numExamplesVersionComparator,
    ),
  ];
}

function compareFractions(
  field: string,
  before: NumericValueComparator | undefined,
  after: NumericValueComparator | undefined,
): SchemaChange[] {
  const old = fractionsOf(before);
  const now = fractionsOf(after);
  return [
    ...compareMin("schema", `${field}.min_fraction_threshold`, old.min, now.min),
    ...compareMax("schema", `${field}.max_fraction_threshold`, old.max, now.max),
  ];
}

function fractionsOf(comparator: NumericValueComparator | undefined) {
  const { minFractionThreshold, maxFractionThreshold } = NumericValueComparatorSchema.field;
  if (comparator === undefined) return { min: undefined, max: undefined };
  return {
    min: isFieldSet(comparator, minFractionThreshold) ? comparator.minFractionThreshold : undefined,
    max: isFieldSet(comparator, maxFractionThreshold) ? comparator.maxFractionThreshold : undefined,
  };
}
