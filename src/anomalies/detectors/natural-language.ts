import { isFieldSet } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { AnomalyInfo_Type as Type } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import {
  FeatureCoverageConstraintsSchema,
  type NaturalLanguageDomain,
  type SequenceValueConstraints,
  SequenceValueConstraintsSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type CustomStatistic,
  type NaturalLanguageStatistics,
  type NaturalLanguageStatistics_TokenStatistics,
  NaturalLanguageStatisticsSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import type { FeatureCheck } from "../check.ts";
import { sixDigits } from "../format.ts";

/** Texts that the vocabulary covers too little of, and tokens that are too rare or too frequent. */
export function detectNaturalLanguage(check: FeatureCheck, domain: NaturalLanguageDomain): void {
  const statistic = check.view.customStatistic("nl_statistics");
  const statistics = statistic === undefined ? undefined : unpack(statistic);
  if (statistic !== undefined && statistics === undefined) return;
  if (statistics === undefined) {
    if (isConstrained(domain)) reportNotCounted(check);
    return;
  }
  detectCoverage(check, domain, statistics);
  for (const constraint of domain.tokenConstraints) {
    if (constraint.value.case === undefined) continue;
    const token = statistics.tokenStatistics.find((candidate) => isOf(candidate, constraint));
    if (token === undefined) {
      reportNotCounted(check);
      return;
    }
    detectToken(check, constraint, token);
  }
}

function isConstrained({ coverage, tokenConstraints }: NaturalLanguageDomain): boolean {
  if (tokenConstraints.length > 0) return true;
  if (coverage === undefined) return false;
  const { minCoverage, minAvgTokenLength } = FeatureCoverageConstraintsSchema.field;
  return isFieldSet(coverage, minCoverage) || isFieldSet(coverage, minAvgTokenLength);
}

function reportNotCounted({ feature, report }: FeatureCheck): void {
  report(
    Type.STATS_NOT_AVAILABLE,
    "Natural language stats are not computed.",
    "Constraints specified in natural language domain cannot be verified because natural language stats have not been computed.",
  );
  feature.domainInfo = { case: undefined };
}

/** Undefined when the statistic holds another message. */
function unpack({ val }: CustomStatistic): NaturalLanguageStatistics | undefined {
  return val.case === "any" ? anyUnpack(val.value, NaturalLanguageStatisticsSchema) : undefined;
}

function isOf(
  { token }: NaturalLanguageStatistics_TokenStatistics,
  { value }: SequenceValueConstraints,
): boolean {
  if (token.case === "intToken") return value.case === "intValue" && value.value === token.value;
  return (
    token.case === "stringToken" && value.case === "stringValue" && value.value === token.value
  );
}

function detectCoverage(
  { report }: FeatureCheck,
  { coverage }: NaturalLanguageDomain,
  { featureCoverage, avgTokenLength }: NaturalLanguageStatistics,
): void {
  if (coverage === undefined) return;
  const { minCoverage, minAvgTokenLength } = FeatureCoverageConstraintsSchema.field;
  if (isFieldSet(coverage, minCoverage) && Math.fround(coverage.minCoverage) > featureCoverage) {
    report(
      Type.FEATURE_COVERAGE_TOO_LOW,
      "Feature coverage is too low.",
      `Fraction of tokens in the vocabulary: ${sixDigits(featureCoverage)} is lower than the threshold set in the Schema: ${sixDigits(coverage.minCoverage)}.`,
    );
    coverage.minCoverage = Math.fround(featureCoverage);
  }
  if (
    isFieldSet(coverage, minAvgTokenLength) &&
    avgTokenLength < Math.fround(coverage.minAvgTokenLength)
  ) {
    report(
      Type.FEATURE_COVERAGE_TOO_SHORT_AVG_TOKEN_LENGTH,
      "Average token length is too short.",
      `Average token length is: ${sixDigits(avgTokenLength)} which is lower than the threshold set in the Schema: ${sixDigits(coverage.minAvgTokenLength)}.`,
    );
    coverage.minAvgTokenLength = Math.fround(avgTokenLength);
  }
}

function detectToken(
  { report }: FeatureCheck,
  constraint: SequenceValueConstraints,
  token: NaturalLanguageStatistics_TokenStatistics,
): void {
  const { field } = SequenceValueConstraintsSchema;
  const name = String(constraint.value.value);
  const fraction = token.fractionOfSequences;
  if (
    isFieldSet(constraint, field.minFractionOfSequences) &&
    Math.fround(constraint.minFractionOfSequences) > fraction
  ) {
    report(
      Type.SEQUENCE_VALUE_TOO_SMALL_FRACTION,
      "Value occurs in too small a fraction of sequences.",
      `Fraction of sequences with value: ${name} is: ${sixDigits(fraction)} which is lower than the threshold set in the Schema: ${sixDigits(constraint.minFractionOfSequences)}.`,
    );
    constraint.minFractionOfSequences = Math.fround(fraction);
  }
  if (
    isFieldSet(constraint, field.maxFractionOfSequences) &&
    Math.fround(constraint.maxFractionOfSequences) < fraction
  ) {
    report(
      Type.SEQUENCE_VALUE_TOO_LARGE_FRACTION,
      "Value occurs in too large a fraction of sequences.",
      `Fraction of sequences with value: ${name} is: ${sixDigits(fraction)} which is higher than the threshold set in the Schema: ${sixDigits(constraint.maxFractionOfSequences)}.`,
    );
    constraint.maxFractionOfSequences = Math.fround(fraction);
  }
  const least = token.perSequenceMinFrequency;
  if (isFieldSet(constraint, field.minPerSequence) && Number(constraint.minPerSequence) > least) {
    report(
      Type.SEQUENCE_VALUE_TOO_FEW_OCCURRENCES,
      "Value has too few per-sequence occurrences.",
      `Value: ${name} occurs at least: ${sixDigits(least)} times within a sequence, which is lower than the threshold set in the Schema: ${constraint.minPerSequence}.`,
    );
    constraint.minPerSequence = BigInt(Math.trunc(least));
  }
  const most = token.perSequenceMaxFrequency;
  if (isFieldSet(constraint, field.maxPerSequence) && Number(constraint.maxPerSequence) < most) {
    report(
      Type.SEQUENCE_VALUE_TOO_MANY_OCCURRENCES,
      "Value has too many per-sequence occurrences.",
      `Value: ${name} occurs at most: ${sixDigits(most)} times within a sequence, which is higher than the threshold set in the Schema: ${constraint.maxPerSequence}.`,
    );
    constraint.maxPerSequence = BigInt(Math.trunc(most));
  }
}
