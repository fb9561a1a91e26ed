import { clearField, create, isFieldSet } from "@bufbuild/protobuf";
import {
  DriftSkewInfo_Measurement_Type,
  DriftSkewInfo_MeasurementSchema,
  AnomalyInfo_Type as Type,
} from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  type FeatureComparator,
  HistogramSelection_Type,
  InfinityNormSchema,
  JensenShannonDivergenceSchema,
  NormalizedAbsoluteDifferenceSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { Histogram_HistogramType } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { DatasetView, FeatureView } from "../../schema/index.ts";
import type { Comparison, FeatureCheck } from "../check.ts";
import {
  histogramDivergence,
  labelDivergence,
  lInfinityDistance,
  normalizedAbsoluteDifference,
} from "../distance.ts";
import { sixDigits } from "../format.ts";

/** The names of the two sides, and where the other side and the thresholds are. */
const COMPARISONS = {
  drift: {
    names: { treatment: "current", control: "previous" },
    control: (dataset: DatasetView) => dataset.previousSpan,
    comparator: ({ feature }: FeatureCheck) => feature.driftComparator,
  },
  skew: {
    names: { treatment: "training", control: "serving" },
    control: (dataset: DatasetView) => dataset.serving,
    comparator: ({ feature }: FeatureCheck) => feature.skewComparator,
  },
} as const;

/** A distance between two datasets in one feature, and where its threshold is kept. */
interface Distance {
  readonly type: Type;
  readonly measurement: DriftSkewInfo_Measurement_Type;
  /** As it is called in messages, after "High" and after "The". */
  readonly name: string;
  readonly threshold: (comparator: FeatureComparator) => number | undefined;
  readonly raise: (comparator: FeatureComparator, threshold: number) => void;
  /** Undefined when the two cannot be compared this way; `at` is the label that differs most. */
  readonly between: (
    a: FeatureView,
    b: FeatureView,
    comparator: FeatureComparator,
  ) => { readonly distance: number; readonly at?: string } | undefined;
}

/** In the order in which they are measured and reported. */
const DISTANCES: readonly Distance[] = [
  {
    type: Type.COMPARATOR_L_INFTY_HIGH,
    measurement: DriftSkewInfo_Measurement_Type.L_INFTY,
    name: "Linfty distance",
    threshold: ({ infinityNorm }) =>
      infinityNorm !== undefined && isFieldSet(infinityNorm, InfinityNormSchema.field.threshold)
        ? infinityNorm.threshold
        : undefined,
    raise: ({ infinityNorm }, threshold) => {
      if (infinityNorm !== undefined) infinityNorm.threshold = threshold;
    },
    between: (a, b) => {
      const { distance, label } = lInfinityDistance(a.labelCounts, b.labelCounts);
      return { distance, at: label };
    },
  },
  {
    type: Type.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
    measurement: DriftSkewInfo_Measurement_Type.NORMALIZED_ABSOLUTE_DIFFERENCE,
    name: "normalized absolute difference",
    threshold: ({ normalizedAbsDifference }) =>
      normalizedAbsDifference !== undefined &&
      isFieldSet(normalizedAbsDifference, NormalizedAbsoluteDifferenceSchema.field.threshold)
        ? normalizedAbsDifference.threshold
        : undefined,
    raise: ({ normalizedAbsDifference }, threshold) => {
      if (normalizedAbsDifference !== undefined) normalizedAbsDifference.threshold = threshold;
    },
    between: (a, b) => {
      const { distance, label } = normalizedAbsoluteDifference(a.labelCounts, b.labelCounts);
      return { distance, at: label };
    },
  },
  {
    type: Type.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
    measurement: DriftSkewInfo_Measurement_Type.JENSEN_SHANNON_DIVERGENCE,
    name: "approximate Jensen-Shannon divergence",
    threshold: ({ jensenShannonDivergence }) =>
      jensenShannonDivergence !== undefined &&
      isFieldSet(jensenShannonDivergence, JensenShannonDivergenceSchema.field.threshold)
        ? jensenShannonDivergence.threshold
        : undefined,
    raise: ({ jensenShannonDivergence }, threshold) => {
      if (jensenShannonDivergence !== undefined) jensenShannonDivergence.threshold = threshold;
    },
    between: (a, b, comparator) => {
      const distance = jensenShannon(a, b, comparator);
      return distance === undefined ? undefined : { distance };
    },
  },
];

/** Drift from the span before: how far, and whether that is too far. */
export function detectDrift(check: FeatureCheck): void {
  compare(check, "drift");
}

/** Skew between training and serving. */
export function detectSkew(check: FeatureCheck): void {
  compare(check, "skew");
}

function compare(check: FeatureCheck, comparison: Comparison): void {
  const { comparator: comparatorOf, control: controlOf, names } = COMPARISONS[comparison];
  const comparator = comparatorOf(check);
  if (comparator === undefined) return;
  const wanted = DISTANCES.filter(({ threshold }) => threshold(comparator) !== undefined);
  const control = controlOf(check.view.dataset);
  if (wanted.length === 0 || control === undefined) return;
  const other = control.byPath(check.view.path);
  if (other === undefined) {
    forgetThresholds(comparator);
    check.report(
      Type.COMPARATOR_CONTROL_DATA_MISSING,
      `${names.control} data missing`,
      `${names.control} data is missing.`,
    );
    return;
  }
  for (const distance of wanted) measure(check, comparison, comparator, distance, other);
}

function measure(
  check: FeatureCheck,
  comparison: Comparison,
  comparator: FeatureComparator,
  distance: Distance,
  other: FeatureView,
): void {
  const threshold = distance.threshold(comparator);
  const found = distance.between(check.view, other, comparator);
  if (threshold === undefined || found === undefined) return;
  check.measure(
    comparison,
    create(DriftSkewInfo_MeasurementSchema, {
      type: distance.measurement,
      value: found.distance,
      threshold,
    }),
  );
  if (found.distance <= threshold) return;
  distance.raise(comparator, found.distance);
  const { treatment, control } = COMPARISONS[comparison].names;
  const where =
    found.at === undefined ? "." : `. The feature value with maximum difference is: ${found.at}`;
  check.report(
    distance.type,
    `High ${distance.name} between ${treatment} and ${control}`,
    `The ${distance.name} between ${treatment} and ${control} is ${sixDigits(found.distance)} (up to six significant digits), above the threshold ${sixDigits(threshold)}${where}`,
  );
}

/** Of labels where both have them, else of the histograms the schema asks for. */
function jensenShannon(
  a: FeatureView,
  b: FeatureView,
  { jensenShannonDivergence }: FeatureComparator,
): number | undefined {
  if (a.labelCounts.size > 0 && b.labelCounts.size > 0) {
    return labelDivergence(a.labelCounts, b.labelCounts);
  }
  const kind =
    jensenShannonDivergence?.source?.type === HistogramSelection_Type.QUANTILES
      ? Histogram_HistogramType.QUANTILES
      : Histogram_HistogramType.STANDARD;
  const left = a.histogram(kind);
  const right = b.histogram(kind);
  return left === undefined || right === undefined ? undefined : histogramDivergence(left, right);
}

/** Without the other side no threshold can be kept. The normalized difference is left, as in TFDV. */
function forgetThresholds({ infinityNorm, jensenShannonDivergence }: FeatureComparator): void {
  if (infinityNorm !== undefined) clearField(infinityNorm, InfinityNormSchema.field.threshold);
  if (jensenShannonDivergence !== undefined) {
    clearField(jensenShannonDivergence, JensenShannonDivergenceSchema.field.threshold);
  }
}
