import { clearField, isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type ValueCount,
  ValueCountSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { describeValency, type Valency } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";

/** Examples have fewer or more values than the schema lets them, or nest deeper or less deep. */
export function detectValency(check: FeatureCheck): void {
  const { feature, view } = check;
  const { shapeType } = feature;
  if (shapeType.case === "valueCount") {
    const [first, ...deeper] = view.valency;
    if (deeper.length > 0) {
      renest(
        check,
        "This feature has a value_count, but the nestedness level of the feature > 1. For features with nestedness levels greater than 1, value_counts, not value_count, should be specified.",
      );
    } else if (first !== undefined) {
      compareCounts(check, shapeType.value, first, "");
    }
  } else if (shapeType.case === "valueCounts") {
    const { valueCount } = shapeType.value;
    if (valueCount.length !== view.valency.length) {
      renest(
        check,
        "The values have a different nest level than expected. Value counts will not be checked.",
      );
      return;
    }
    for (const [level, seen] of view.valency.entries()) {
      const expected = valueCount[level];
      if (expected !== undefined) {
        compareCounts(check, expected, seen, ` at nestedness level ${level}`);
      }
    }
  }
}

/** A fixed shape, and values that are missing, vary in number, or are of another number. */
export function detectShape({ feature, view, report }: FeatureCheck): void {
  if (feature.shapeType.case !== "shape") return;
  const expected = feature.shapeType.value.dim.reduce((size, dim) => size * Number(dim.size), 1);
  const isFixed = view.valency.every(({ min, max }) => min === max && min !== 0);
  const isEverywhere = view.numMissingByLevel.every((missing) => missing === 0);
  const actual = view.valency.reduce((size, { min }) => size * min, 1);
  if (isFixed && isEverywhere && actual === expected) return;
  feature.shapeType = { case: undefined };
  report(
    Type.INVALID_FEATURE_SHAPE,
    "Feature shape dropped",
    isFixed && isEverywhere
      ? `The feature has fixed value length ${actual} but it's not compatible with the specified shape.`
      : "The feature has a shape, but it's not always present (if the feature is nested, then it should always be present at each nested level) or its value lengths vary.",
  );
}

function renest({ feature, view, report }: FeatureCheck, description: string): void {
  report(Type.VALUE_NESTEDNESS_MISMATCH, "Mismatched value nest level", description);
  feature.shapeType = { case: undefined };
  describeValency(feature, view);
}

function compareCounts(
  { report }: FeatureCheck,
  expected: ValueCount,
  seen: Valency,
  where: string,
): void {
  if (isFieldSet(expected, ValueCountSchema.field.min) && seen.min < Number(expected.min)) {
    report(
      Type.FEATURE_TYPE_LOW_NUMBER_VALUES,
      "Missing values",
      `Some examples have fewer values than expected${where}.`,
    );
    if (seen.min === 0) clearField(expected, ValueCountSchema.field.min);
    else expected.min = BigInt(seen.min);
  }
  if (isFieldSet(expected, ValueCountSchema.field.max) && seen.max > Number(expected.max)) {
    report(
      Type.FEATURE_TYPE_HIGH_NUMBER_VALUES,
      "Superfluous values",
      `Some examples have more values than expected${where}.`,
    );
    expected.max = BigInt(seen.max);
  }
}
