import { create, isFieldSet } from "@bufbuild/protobuf";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type BoolDomain,
  BoolDomainSchema,
  FloatDomainSchema,
  IntDomainSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  FeatureNameStatistics_Type,
  type Histogram,
  Histogram_HistogramType,
  type NumericStatistics,
  NumericStatisticsSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { compareBytes, type FeatureView } from "../../schema/index.ts";
import type { FeatureCheck } from "../check.ts";
import { sixDigits } from "../format.ts";
import { toInt64 } from "./int.ts";

const SHORT = "Non-boolean values";

/** Values other than true and false. At most one reason is given: the first that shows. */
export function detectBool(check: FeatureCheck, domain: BoolDomain): void {
  switch (check.view.type) {
    case FeatureNameStatistics_Type.INT:
      detectInt(check);
      break;
    case FeatureNameStatistics_Type.FLOAT:
      detectFloat(check);
      break;
    case FeatureNameStatistics_Type.STRING:
      detectText(check, domain);
      break;
    default:
      // Opaque bytes and structs have lost the domain or failed by type before.
      break;
  }
}

function detectInt({ feature, view, report }: FeatureCheck): void {
  const { min, max } = numbersOf(view);
  const isSmall = min < 0;
  if (!isSmall && max <= 1) return;
  feature.domainInfo = {
    case: "intDomain",
    value: create(IntDomainSchema, { min: toInt64(min), max: toInt64(max) }),
  };
  report(
    isSmall ? Type.BOOL_TYPE_SMALL_INT : Type.BOOL_TYPE_BIG_INT,
    SHORT,
    `Integers (such as ${sixDigits(isSmall ? min : max)}) not in {0, 1}: converting to an integer.`,
  );
}

function detectFloat({ feature, view, report }: FeatureCheck): void {
  const numbers = numbersOf(view);
  const { min, max } = numbers;
  const stranger = strangerOf(numbers);
  if (stranger === undefined) return;
  feature.domainInfo = {
    case: "floatDomain",
    value: create(FloatDomainSchema, { min: Math.fround(min), max: Math.fround(max) }),
  };
  report(Type.BOOL_TYPE_UNEXPECTED_FLOAT, SHORT, `${stranger} converting to float_domain.`);
}

/** What shows that numbers are not all 0 or 1: an extreme, else what a histogram gives away. */
function strangerOf({ min, max, histograms }: NumericStatistics): string | undefined {
  for (const extreme of [min, max]) {
    if (extreme !== 0 && extreme !== 1)
      return `Floats (such as ${sixDigits(extreme)}) not in {0, 1}:`;
  }
  for (const histogram of histograms) {
    const stranger = strangerIn(histogram);
    if (stranger !== undefined) return stranger;
  }
  return undefined;
}

function strangerIn(histogram: Histogram): string | undefined {
  if (histogram.numNan > 0n) return "Floats (such as NaN) not in {0, 1}:";
  const isQuantiles = histogram.type === Histogram_HistogramType.QUANTILES;
  for (const { lowValue, highValue, sampleCount } of histogram.buckets) {
    if (sampleCount <= 0) continue;
    if (highValue < 0) return "Float values < 0 not in {0, 1}:";
    if (lowValue > 1) return "Float values > 1 not in {0, 1}:";
    // A standard bucket between 0 and 1 may hold shares of its neighbours; a quantile never does.
    if (isQuantiles && highValue < 1 && lowValue > 0) {
      return "Float values falling between 0 and 1:";
    }
  }
  return undefined;
}

function detectText({ feature, view, report }: FeatureCheck, domain: BoolDomain): void {
  const valid = validTexts(domain);
  for (const label of view.labelCounts.keys()) {
    if (valid.includes(label)) continue;
    const expected = valid.length === 0 ? "{}" : `{"${valid.join('", "')}"}`;
    feature.domainInfo = { case: undefined };
    report(
      Type.BOOL_TYPE_UNEXPECTED_STRING,
      SHORT,
      `Saw unexpected value "${label}" instead of ${expected}.`,
    );
    return;
  }
}

function validTexts(domain: BoolDomain): string[] {
  const texts = new Set<string>();
  if (isFieldSet(domain, BoolDomainSchema.field.trueValue)) texts.add(domain.trueValue);
  if (isFieldSet(domain, BoolDomainSchema.field.falseValue)) texts.add(domain.falseValue);
  return [...texts].sort(compareBytes);
}

/** Extremes and histograms; of a categorical number, which has none, all zero as TFDV reads them. */
function numbersOf(view: FeatureView): NumericStatistics {
  const { stats } = view.statistics;
  return stats.case === "numStats" ? stats.value : create(NumericStatisticsSchema);
}
