import { isFieldSet } from "@bufbuild/protobuf";
import {
  type Feature,
  type FeatureComparator,
  FeatureTypeSchema,
  InfinityNormSchema,
  JensenShannonDivergenceSchema,
  NormalizedAbsoluteDifferenceSchema,
  type UniqueConstraints,
  UniqueConstraintsSchema,
  type ValueCount,
  ValueCountSchema,
} from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { isInEnvironment, isRequired } from "../environments.ts";
import { compareMax, compareMin, compareTexts, type Effect, type SchemaChange } from "./change.ts";
import { compareDomains, type Side } from "./domain.ts";

/** Differences of a feature that is in both schemas, its members and its stage left aside. */
export function compareAspects(subject: string, before: Side, after: Side): SchemaChange[] {
  return ASPECTS.flatMap((compare) => compare(subject, before, after));
}

/** The name of a feature's type as `schema.proto` has it. */
export function typeName({ type }: Feature): string {
  return FeatureTypeSchema.value[type]?.name ?? String(type);
}

/** Aspects of a feature that is in both schemas, in the order in which changes are told. */
const ASPECTS: readonly ((subject: string, before: Side, after: Side) => SchemaChange[])[] = [
  (subject, { feature: a }, { feature: b }) =>
    compareTexts(subject, "type", typeName(a), typeName(b), "breaks"),
  comparePresence,
  compareValency,
  compareDomains,
  (subject, { feature: a }, { feature: b }) =>
    compareMin(
      subject,
      "distribution_constraints.min_domain_mass",
      a.distributionConstraints?.minDomainMass ?? 1,
      b.distributionConstraints?.minDomainMass ?? 1,
    ),
  (subject, { feature: a }, { feature: b }) =>
    compareUnique(subject, a.uniqueConstraints, b.uniqueConstraints),
  compareEnvironments,
  (subject, { feature: a }, { feature: b }) =>
    compareComparator(subject, "drift_comparator", a.driftComparator, b.driftComparator),
  (subject, { feature: a }, { feature: b }) =>
    compareComparator(subject, "skew_comparator", a.skewComparator, b.skewComparator),
];

function comparePresence(subject: string, before: Side, after: Side): SchemaChange[] {
  const old = presenceOf(before.feature);
  const now = presenceOf(after.feature);
  return [
    ...compareMin(subject, "presence.min_fraction", old.minFraction, now.minFraction),
    ...compareMin(subject, "presence.min_count", old.minCount, now.minCount),
  ];
}

/** Zero and no bound are the same: nothing is asked for. */
function presenceOf({ presenceConstraints }: Feature) {
  if (presenceConstraints.case !== "presence")
    return { minFraction: undefined, minCount: undefined };
  const { minFraction, minCount } = presenceConstraints.value;
  return {
    minFraction: minFraction > 0 ? minFraction : undefined,
    minCount: minCount > 0n ? minCount : undefined,
  };
}

function compareValency(subject: string, before: Side, after: Side): SchemaChange[] {
  const old = valencyOf(before.feature);
  const now = valencyOf(after.feature);
  const field = now.field ?? old.field ?? "value_count";
  if (old.levels === undefined || now.levels === undefined) {
    const effect = old.levels === undefined ? "narrows" : "widens";
    return compareTexts(subject, field, old.text, now.text, effect);
  }
  if (old.levels.length !== now.levels.length) {
    return compareTexts(subject, field, old.text, now.text, "breaks");
  }
  const levels = now.levels.flatMap((level, index) => {
    const known = old.levels?.[index];
    const name = now.levels?.length === 1 ? field : `${field}[${index}]`;
    return [
      ...compareMin(subject, `${name}.min`, known?.min, level.min),
      ...compareMax(subject, `${name}.max`, known?.max, level.max),
    ];
  });
  // A shape asks for its number of values everywhere, so it is narrower than the same count.
  const becomesShape = now.field === "shape" ? "narrows" : "widens";
  const isShapeOfOne = (old.field === "shape") !== (now.field === "shape");
  return isShapeOfOne
    ? [...levels, ...compareTexts(subject, field, old.text, now.text, becomesShape)]
    : levels;
}

interface Valencies {
  readonly field: string | undefined;
  readonly text: string | undefined;
  /** Undefined lets any number of values pass. */
  readonly levels: readonly { min: bigint | undefined; max: bigint | undefined }[] | undefined;
}

function valencyOf({ shapeType }: Feature): Valencies {
  switch (shapeType.case) {
    case "shape": {
      const sizes = shapeType.value.dim.map(({ size }) => size);
      const levels = sizes.map((size) => ({ min: size, max: size }));
      return { field: "shape", text: `shape [${sizes.join(", ")}]`, levels };
    }
    case "valueCount": {
      const level = rangeOf(shapeType.value);
      return { field: "value_count", text: `count ${rangeText(level)}`, levels: [level] };
    }
    case "valueCounts": {
      const levels = shapeType.value.valueCount.map(rangeOf);
      return { field: "value_counts", text: `counts ${levels.map(rangeText).join(" ")}`, levels };
    }
    case undefined:
      return { field: undefined, text: undefined, levels: undefined };
    default:
      return shapeType satisfies never;
  }
}

function rangeOf(count: ValueCount) {
  const { min, max } = ValueCountSchema.field;
  return {
    min: isFieldSet(count, min) && count.min > 0n ? count.min : undefined,
    max: isFieldSet(count, max) ? count.max : undefined,
  };
}

function rangeText({ min, max }: { min: bigint | undefined; max: bigint | undefined }): string {
  return `[${min ?? 0},${max ?? ""}]`;
}

/** Bounds of distinct values that are not set read as 0 in validation, so they do here. */
function compareUnique(
  subject: string,
  before: UniqueConstraints | undefined,
  after: UniqueConstraints | undefined,
): SchemaChange[] {
  const { min, max } = UniqueConstraintsSchema.field;
  return [
    ...compareMin(subject, `unique_constraints.${min.name}`, before?.min, after?.min),
    ...compareMax(subject, `unique_constraints.${max.name}`, before?.max, after?.max),
  ];
}

/** A feature that enters an environment is as one that is added there, one that leaves as removed. */
function compareEnvironments(subject: string, before: Side, after: Side): SchemaChange[] {
  const shared = after.index.schema.defaultEnvironment.filter((environment) =>
    before.index.schema.defaultEnvironment.includes(environment),
  );
  return shared.flatMap((environment) => {
    const wasIn = isInEnvironment(before.index.schema, before.feature, environment);
    const isIn = isInEnvironment(after.index.schema, after.feature, environment);
    if (wasIn === isIn) return [];
    const side = isIn ? after : before;
    const required = isRequired(side.index.schema, side.feature, environment);
    const effect: Effect = required ? "breaks" : isIn ? "widens" : "narrows";
    const [old, now] = isIn ? [undefined, environment] : [environment, undefined];
    return compareTexts(subject, "environment", old, now, effect);
  });
}

function compareComparator(
  subject: string,
  field: string,
  before: FeatureComparator | undefined,
  after: FeatureComparator | undefined,
): SchemaChange[] {
  const old = thresholdsOf(before);
  const now = thresholdsOf(after);
  return Object.keys(now).flatMap((name) =>
    compareMax(subject, `${field}.${name}.threshold`, old[name], now[name]),
  );
}

function thresholdsOf(
  comparator: FeatureComparator | undefined,
): Record<string, number | undefined> {
  const { infinityNorm, jensenShannonDivergence, normalizedAbsDifference } = comparator ?? {};
  return {
    infinity_norm:
      infinityNorm !== undefined && isFieldSet(infinityNorm, InfinityNormSchema.field.threshold)
        ? infinityNorm.threshold
        : undefined,
    jensen_shannon_divergence:
      jensenShannonDivergence !== undefined &&
      isFieldSet(jensenShannonDivergence, JensenShannonDivergenceSchema.field.threshold)
        ? jensenShannonDivergence.threshold
        : undefined,
    normalized_abs_difference:
      normalizedAbsDifference !== undefined &&
      isFieldSet(normalizedAbsDifference, NormalizedAbsoluteDifferenceSchema.field.threshold)
        ? normalizedAbsDifference.threshold
        : undefined,
  };
}
