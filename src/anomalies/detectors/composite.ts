import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import type {
  SparseFeature,
  WeightedFeature,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type {
  CustomStatistic,
  RankHistogram_Bucket,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { deprecate, type FeatureView } from "../../schema/index.ts";
import type { Reason } from "../check.ts";
import { sixDigits } from "../format.ts";

/** A sparse feature whose values and indexes are missing or of unequal number. */
export function detectSparse(view: FeatureView, sparse: SparseFeature): Reason[] {
  const reasons = view.statistics.customStats.flatMap(sparseReasons);
  if (reasons.length > 0) deprecate(sparse);
  return reasons;
}

/** A weighted feature whose values and weights are missing or of unequal number. */
export function detectWeighted(view: FeatureView, weighted: WeightedFeature): Reason[] {
  const reasons: Reason[] = [];
  let least = 0;
  let most = 0;
  for (const statistic of view.statistics.customStats) {
    const amount = numberOf(statistic);
    if (amount === 0) continue;
    if (statistic.name === "missing_value") {
      reasons.push({
        type: Type.WEIGHTED_FEATURE_MISSING_VALUE,
        shortDescription: "Missing value feature",
        description: `Found ${sixDigits(amount)} examples missing value feature.`,
      });
    } else if (statistic.name === "missing_weight") {
      reasons.push({
        type: Type.WEIGHTED_FEATURE_MISSING_WEIGHT,
        shortDescription: "Missing weight feature",
        description: `Found ${sixDigits(amount)} examples missing weight feature.`,
      });
    } else if (statistic.name === "min_weight_length_diff") {
      least = Math.trunc(amount);
    } else if (statistic.name === "max_weight_length_diff") {
      most = Math.trunc(amount);
    }
  }
  if (least !== 0 || most !== 0) {
    reasons.push({
      type: Type.WEIGHTED_FEATURE_LENGTH_MISMATCH,
      shortDescription: "Length mismatch between value and weight feature",
      description: `Mismatch between weight and value feature with min_weight_length_diff = ${least} and max_weight_length_diff = ${most}.`,
    });
  }
  if (reasons.length > 0) deprecate(weighted);
  return reasons;
}

/** Statistics of other names are none of ours: newer files may hold them. */
function sparseReasons(statistic: CustomStatistic): Reason[] {
  const { name } = statistic;
  const amount = numberOf(statistic);
  if (name === "missing_value" && amount !== 0) {
    return [
      {
        type: Type.SPARSE_FEATURE_MISSING_VALUE,
        shortDescription: "Missing value feature",
        description: `Found ${sixDigits(amount)} examples missing value feature`,
      },
    ];
  }
  if (name === "missing_index") {
    return bucketsOf(statistic)
      .filter(({ sampleCount }) => Math.trunc(sampleCount) !== 0)
      .map(({ label, sampleCount }) => ({
        type: Type.SPARSE_FEATURE_MISSING_INDEX,
        shortDescription: "Missing index feature",
        description: `Found ${Math.trunc(sampleCount)} examples missing index feature: ${label}`,
      }));
  }
  if (name === "max_length_diff" || name === "min_length_diff") {
    return bucketsOf(statistic)
      .filter(({ sampleCount }) => sampleCount !== 0)
      .map(({ label, sampleCount }) => ({
        type: Type.SPARSE_FEATURE_LENGTH_MISMATCH,
        shortDescription: "Length mismatch between value and index feature",
        description: `Mismatch between index feature: ${label} and value column, with ${name} = ${Math.trunc(sampleCount)}`,
      }));
  }
  return [];
}

function numberOf({ val }: CustomStatistic): number {
  return val.case === "num" ? val.value : 0;
}

function bucketsOf({ val }: CustomStatistic): readonly RankHistogram_Bucket[] {
  return val.case === "rankHistogram" ? val.value.buckets : [];
}
