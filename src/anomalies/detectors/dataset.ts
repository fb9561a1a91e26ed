import { clearField, isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type DatasetConstraints,
  DatasetConstraintsSchema,
  type NumericValueComparator,
  NumericValueComparatorSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetView } from "../../schema/index.ts";
import type { Reason } from "../check.ts";
import { sixDigits } from "../format.ts";

/** Too few or too many examples: against the span before, the version before, and by count. */
export function detectDataset(constraints: DatasetConstraints, view: DatasetView): Reason[] {
  return [
    ...compareCount(
      constraints.numExamplesDriftComparator,
      view,
      view.previousSpan,
      "previous span",
    ),
    ...compareCount(
      constraints.numExamplesVersionComparator,
      view,
      view.previousVersion,
      "previous version",
    ),
    ...detectCount(constraints, view.numExamples),
  ];
}

function* compareCount(
  comparator: NumericValueComparator | undefined,
  view: DatasetView,
  control: DatasetView | undefined,
  name: string,
): Generator<Reason> {
  if (comparator === undefined || control === undefined) return;
  const { maxFractionThreshold, minFractionThreshold } = NumericValueComparatorSchema.field;
  const hasMax = isFieldSet(comparator, maxFractionThreshold);
  const hasMin = isFieldSet(comparator, minFractionThreshold);
  if (control.numExamples === 0) {
    if (!hasMax) return;
    clearField(comparator, maxFractionThreshold);
    yield {
      type: Type.COMPARATOR_HIGH_NUM_EXAMPLES,
      shortDescription: `High num examples in current dataset versus the ${name}, which has 0.`,
      description: `The ${name} has 0 examples, so there is a high number of examples in the current dataset versus the ${name}.`,
    };
    return;
  }
  const ratio = view.numExamples / control.numExamples;
  const measured = `The ratio of num examples in the current dataset versus the ${name} is ${sixDigits(ratio)} (up to six significant digits), which is`;
  if (hasMax && ratio > comparator.maxFractionThreshold) {
    yield {
      type: Type.COMPARATOR_HIGH_NUM_EXAMPLES,
      shortDescription: `High num examples in current dataset versus the ${name}.`,
      description: `${measured} above the threshold ${sixDigits(comparator.maxFractionThreshold)}.`,
    };
    comparator.maxFractionThreshold = ratio;
  }
  if (hasMin && ratio < comparator.minFractionThreshold) {
    yield {
      type: Type.COMPARATOR_LOW_NUM_EXAMPLES,
      shortDescription: `Low num examples in current dataset versus the ${name}.`,
      description: `${measured} below the threshold ${sixDigits(comparator.minFractionThreshold)}.`,
    };
    comparator.minFractionThreshold = ratio;
  }
}

/** TFDV looks at the maximum only where a minimum is set too, and so do we. */
function* detectCount(constraints: DatasetConstraints, count: number): Generator<Reason> {
  const { minExamplesCount, maxExamplesCount } = DatasetConstraintsSchema.field;
  if (!isFieldSet(constraints, minExamplesCount)) return;
  if (count < Number(constraints.minExamplesCount)) {
    constraints.minExamplesCount = BigInt(Math.trunc(count));
    yield {
      type: Type.DATASET_LOW_NUM_EXAMPLES,
      shortDescription: "Low num examples in dataset.",
      description: `The dataset has ${sixDigits(count)} examples, which is fewer than expected.`,
    };
  }
  if (isFieldSet(constraints, maxExamplesCount) && count > Number(constraints.maxExamplesCount)) {
    constraints.maxExamplesCount = BigInt(Math.trunc(count));
    yield {
      type: Type.DATASET_HIGH_NUM_EXAMPLES,
      shortDescription: "High num examples in dataset.",
      description: `The dataset has ${sixDigits(count)} examples, which is more than expected.`,
    };
  }
}
