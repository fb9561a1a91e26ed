import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CustomStatisticSchema,
  type FeatureNameStatistics,
  FeatureNameStatisticsSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { LinkedPart, LinkedPartial } from "./partial.ts";

type CustomInit = MessageInitShape<typeof CustomStatisticSchema>;

/**
 * The statistics of a sparse or weighted feature: how often its parts are absent, and how far their
 * lengths differ. Source: TFDV, SparseFeatureStatsGenerator and WeightedFeatureStatsGenerator.
 */
export function linkedStatistics(linked: LinkedPartial): FeatureNameStatistics {
  return create(FeatureNameStatisticsSchema, {
    fieldId: { case: "path", value: { step: [...linked.path] } },
    customStats: linked.kind === "sparse" ? ofSparse(linked) : ofWeighted(linked),
  });
}

function ofSparse({ missingValue, others }: LinkedPartial): CustomInit[] {
  const histogram = (name: string, count: (part: LinkedPart) => number): CustomInit => ({
    name,
    val: {
      case: "rankHistogram",
      value: { buckets: others.map((part) => ({ label: part.name, sampleCount: count(part) })) },
    },
  });
  return [
    numberOf("missing_value", missingValue),
    histogram("missing_index", (part) => part.missing),
    histogram("max_length_diff", (part) => finite(part.maxDifference)),
    histogram("min_length_diff", (part) => finite(part.minDifference)),
  ];
}

function ofWeighted({ missingValue, others }: LinkedPartial): CustomInit[] {
  const weight = others[0]!;
  return [
    numberOf("missing_weight", weight.missing),
    numberOf("missing_value", missingValue),
    numberOf("min_weight_length_diff", finite(weight.minDifference)),
    numberOf("max_weight_length_diff", finite(weight.maxDifference)),
  ];
}

function numberOf(name: string, value: number): CustomInit {
  return { name, val: { case: "num", value } };
}

/** No row was compared: no difference. */
function finite(difference: number): number {
  return Number.isFinite(difference) ? difference : 0;
}
