import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Anomalies,
  AnomalyInfo_Severity as Severity,
  AnomalyInfo_Type as Type,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { DatasetFeatureStatisticsListSchema } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { addEnvironments, excludeFromEnvironment, inferSchema } from "../schema/index.ts";
import { type ColumnValues, statisticsOf } from "../schema/statistics.fixture.ts";
import { parseMessageText, printMessageText } from "../statistics/index.ts";
import { diagnoseStatistics, updateSchema, validateStatistics } from "./validate.ts";

const training = statisticsOf({
  elevation: [2862n, 2988n, 2723n],
  soil: ["7757", "7202", "4744"],
  wilderness: ["Rawah", "Commanche", "Rawah"],
  cover: [1n, 2n, 7n],
});
const serving = statisticsOf({
  elevation: [2723n, 2929n],
  soil: ["4744", "7202"],
  wilderness: ["Rawah", "Commanche"],
});

test("a label that serving data lacks is an anomaly, and none once the environment is named", () => {
  const schema = inferSchema(training);
  const first = validateStatistics(serving, schema);
  assert.deepEqual(Object.keys(first.anomalyInfo), ["cover"]);
  assert.equal(first.anomalyInfo["cover"]?.shortDescription, "Column dropped");
  addEnvironments(schema, "TRAINING", "SERVING");
  excludeFromEnvironment(schema, "cover", "SERVING");
  const second = validateStatistics(serving, schema, { environment: "SERVING" });
  assert.deepEqual(second.anomalyInfo, {});
  const third = validateStatistics(serving, schema, { environment: "TRAINING" });
  assert.deepEqual(Object.keys(third.anomalyInfo), ["cover"]);
});

const deviations: readonly {
  readonly name: string;
  readonly schema: string;
  readonly column: ColumnValues;
  readonly want: readonly number[];
}[] = [
  { name: "nothing", schema: "type: INT", column: [1n], want: [] },
  {
    name: "a gap where everything was expected",
    schema: "type: INT presence { min_fraction: 1 }",
    column: [1n, null],
    want: [Type.FEATURE_TYPE_LOW_FRACTION_PRESENT],
  },
  {
    name: "an integer below its range",
    schema: "type: INT int_domain { min: 0 }",
    column: [-1116n, 4n],
    want: [Type.INT_TYPE_SMALL_INT],
  },
  {
    name: "a float where integers were expected",
    schema: "type: INT",
    column: [1.5],
    want: [Type.UNEXPECTED_DATA_TYPE],
  },
  {
    name: "a text outside its set",
    schema: 'type: BYTES string_domain { value: "JFK" }',
    column: ["JFK", "LGA"],
    want: [Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES],
  },
  {
    name: "NaN where it is not allowed",
    schema: "type: FLOAT float_domain { disallow_nan: true }",
    column: [0.5, Number.NaN],
    want: [Type.FLOAT_TYPE_HAS_NAN],
  },
  {
    name: "a domain of time of day, which no rule knows",
    schema: "type: INT time_of_day_domain {}",
    column: [1n],
    want: [Type.INVALID_DOMAIN_SPECIFICATION],
  },
  {
    name: "a maximum of unique values that is not set, which reads as 0",
    schema: "type: BYTES unique_constraints { min: 1 }",
    column: ["a"],
    want: [Type.FEATURE_TYPE_HIGH_UNIQUE],
  },
];
for (const { name, schema, column, want } of deviations) {
  test(`${name} gives ${want.length === 0 ? "no anomaly" : want.map(nameOfType).join(", ")}`, () => {
    const anomalies = validateStatistics(
      statisticsOf({ column }, { numExamples: Math.max(1, column.length) }),
      parseMessageText(SchemaSchema, `feature { name: "column" ${schema} }`),
    );
    assert.deepEqual(
      (anomalies.anomalyInfo["column"]?.reason ?? []).map(({ type }) => type),
      want,
    );
  });
}

test("one example missing of so many that the share rounds to 1 is still an anomaly", () => {
  const count = 2n ** 60n;
  const statistics = parseMessageText(
    DatasetFeatureStatisticsListSchema,
    `datasets { num_examples: ${count} features { path { step: "x" } type: INT
      num_stats { common_stats { num_non_missing: ${count - 1n} num_missing: 1 } } } }`,
  );
  const schema = parseMessageText(
    SchemaSchema,
    'feature { name: "x" type: INT presence { min_fraction: 1 } }',
  );
  assert.equal(
    validateStatistics(statistics, schema).anomalyInfo["x"]?.description,
    "The feature was expected everywhere, but was missing in 1 examples.",
  );
});

test("a new struct is one anomaly with its members, unless only some features are needed", () => {
  const statistics = parseMessageText(
    DatasetFeatureStatisticsListSchema,
    `datasets { num_examples: 1
      features { path { step: "trip" } type: STRUCT struct_stats { common_stats { num_non_missing: 1 } } }
      features { path { step: "trip" step: "fare" } type: INT num_stats { common_stats { num_non_missing: 1 } } } }`,
  );
  const empty = parseMessageText(SchemaSchema, "");
  const found = validateStatistics(statistics, empty);
  assert.deepEqual(Object.keys(found.anomalyInfo), ["trip"]);
  assert.equal(found.anomalyInfo["trip"]?.reason.length, 1);
  const fixed = diagnoseStatistics(statistics, empty)?.features[0]?.fixed.build();
  assert.match(fixed === undefined ? "" : printMessageText(SchemaSchema, fixed), /"fare"/);
  const few = validateStatistics(statistics, empty, { options: { featuresNeeded: [["other"]] } });
  assert.deepEqual(few.anomalyInfo, {});
});

test("statistics of a sparse feature that the schema lacks are no new column", () => {
  const statistics = parseMessageText(
    DatasetFeatureStatisticsListSchema,
    `datasets { num_examples: 1 features { path { step: "sparse" } custom_stats { name: "missing_value" num: 1 } } }`,
  );
  const empty = parseMessageText(SchemaSchema, "");
  assert.deepEqual(validateStatistics(statistics, empty).anomalyInfo, {});
  assert.deepEqual(updateSchema(empty, statistics).feature, []);
});

test("severities are overridden by type, the last entry counts", () => {
  const anomalies = validateStatistics(serving, inferSchema(training), {
    options: {
      severityOverrides: [
        { type: Type.SCHEMA_MISSING_COLUMN, severity: Severity.ERROR },
        { type: Type.SCHEMA_MISSING_COLUMN, severity: Severity.WARNING },
      ],
    },
  });
  assert.equal(anomalies.anomalyInfo["cover"]?.severity, Severity.WARNING);
});

test("the fix of one anomaly does not hide another, and none changes the schema", () => {
  const schema = parseMessageText(
    SchemaSchema,
    `feature { name: "from" type: BYTES domain: "d" } feature { name: "to" type: BYTES domain: "d" }
     string_domain { name: "d" value: "a" }`,
  );
  const before = printMessageText(SchemaSchema, schema);
  const anomalies = validateStatistics(statisticsOf({ from: ["b"], to: ["b"] }), schema);
  assert.deepEqual(reasonTypes(anomalies), {
    from: [Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES],
    to: [Type.ENUM_TYPE_UNEXPECTED_STRING_VALUES],
  });
  assert.equal(printMessageText(SchemaSchema, schema), before);
});

const anyColumn: fc.Arbitrary<ColumnValues> = fc.oneof(
  fc.array(fc.option(fc.bigInt({ min: -1000n, max: 1000n })), { minLength: 1, maxLength: 6 }),
  fc.array(fc.option(fc.double({ noNaN: true, min: -1e9, max: 1e9 })), {
    minLength: 1,
    maxLength: 6,
  }),
  fc.array(fc.option(fc.constantFrom("a", "b", "true", "false", "1", "2.5", "é")), {
    minLength: 1,
    maxLength: 6,
  }),
);
const anyColumns = fc.dictionary(fc.constantFrom("x", "y", "z.w", "it's"), anyColumn);

test("data agrees with the schema inferred from it", () => {
  fc.assert(
    fc.property(anyColumns, (columns) => {
      const statistics = statisticsOf(columns);
      assert.deepEqual(reasonTypes(validateStatistics(statistics, inferSchema(statistics))), {});
    }),
    { numRuns: 60 },
  );
});

test("a schema relaxed by data lets that data pass", () => {
  fc.assert(
    fc.property(anyColumns, anyColumns, (before, now) => {
      const statistics = statisticsOf(now, { numExamples: 6 });
      const relaxed = updateSchema(inferSchema(statisticsOf(before)), statistics);
      assert.deepEqual(reasonTypes(validateStatistics(statistics, relaxed)), {});
    }),
    { numRuns: 60 },
  );
});

function reasonTypes(anomalies: Anomalies): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(anomalies.anomalyInfo).map(([key, { reason }]) => [
      key,
      reason.map(({ type }) => type),
    ]),
  );
}

function nameOfType(type: number): string {
  return Object.entries(Type).find(([, number]) => number === type)?.[0] ?? String(type);
}
