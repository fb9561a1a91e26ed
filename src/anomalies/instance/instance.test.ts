import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnomalyInfo_TypeSchema } from "../../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { type Schema, SchemaSchema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { parseMessageText } from "../../statistics/index.ts";
import { compileAccept } from "./accept.ts";
import type { Example, ExampleValue } from "./example.ts";
import { type ExampleAnomalies, instanceValidator, validateInstance } from "./index.ts";

const schemaOf = (text: string): Schema => parseMessageText(SchemaSchema, text);

const taxi = schemaOf(`
  feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } float_domain { min: 0 } }
  feature { name: "hour" type: INT value_count { min: 1 max: 1 } int_domain { min: 0 max: 23 } }
  feature { name: "company" type: BYTES domain: "companies" }
  feature { name: "tags" type: BYTES value_count { max: 2 } string_domain { value: "a" value: "b" } }
  feature { name: "tips" type: FLOAT presence { min_count: 1 } not_in_environment: "SERVING" }
  feature { name: "shared" type: INT bool_domain {} }
  feature { name: "old" type: INT lifecycle_stage: DEPRECATED int_domain { max: 0 } }
  feature { name: "trip" type: STRUCT struct_domain { feature { name: "from" type: INT presence { min_count: 1 } } } }
  string_domain { name: "companies" value: "x" value: "y" }
  default_environment: "TRAINING" default_environment: "SERVING"`);

const good = {
  fare: 12.5,
  hour: 8,
  company: "x",
  tags: ["a", "b"],
  shared: true,
  trip: { from: 4 },
};

const cases: readonly { name: string; example: Example; want: Record<string, string> }[] = [
  { name: "as expected", example: good, want: {} },
  { name: "without what is optional", example: { fare: 1, trip: { from: 1n } }, want: {} },
  { name: "with whatever is deprecated", example: { ...good, old: "text" }, want: {} },
  {
    name: "without what is required",
    example: { ...good, fare: null },
    want: { fare: "SCHEMA_MISSING_COLUMN" },
  },
  {
    name: "without a required member",
    example: { ...good, trip: {} },
    want: { "trip.from": "SCHEMA_MISSING_COLUMN" },
  },
  {
    name: "with a negative fare",
    example: { ...good, fare: -1 },
    want: { fare: "FLOAT_TYPE_SMALL_FLOAT" },
  },
  {
    name: "with an hour too late",
    example: { ...good, hour: 24n },
    want: { hour: "INT_TYPE_BIG_INT" },
  },
  {
    name: "with half an hour",
    example: { ...good, hour: 8.5 },
    want: { hour: "UNEXPECTED_DATA_TYPE" },
  },
  {
    name: "of an unknown company",
    example: { ...good, company: "z" },
    want: { company: "ENUM_TYPE_UNEXPECTED_STRING_VALUES" },
  },
  {
    name: "with too many tags",
    example: { ...good, tags: ["a", "a", "b"] },
    want: { tags: "FEATURE_TYPE_HIGH_NUMBER_VALUES" },
  },
  {
    name: "with a bool of 2",
    example: { ...good, shared: 2 },
    want: { shared: "BOOL_TYPE_BIG_INT" },
  },
  { name: "with a new name", example: { ...good, extra: 1 }, want: { extra: "SCHEMA_NEW_COLUMN" } },
  {
    name: "with a label at serving",
    example: { ...good, tips: 1.5 },
    want: { tips: "SCHEMA_NEW_COLUMN" },
  },
  {
    name: "with bytes that are no text in a set of texts",
    example: { ...good, company: new Uint8Array([0xff]) },
    want: { company: "ENUM_TYPE_INVALID_UTF8" },
  },
];
const validate = instanceValidator(taxi, { environment: "SERVING" });
for (const { name, example, want } of cases) {
  test(`an example ${name} has ${Object.values(want).join() || "no anomaly"}`, () => {
    assert.deepEqual(typesOf(validate(example)), want);
  });
}

test("the compiled test accepts what is as expected, or it would be of no use", () => {
  const accepts = compileAccept(taxi, "SERVING");
  for (const { name, example, want } of cases) {
    assert.equal(accepts(example), Object.keys(want).length === 0, name);
  }
});

test("messages are those of validation", () => {
  assert.equal(
    validate({ ...good, hour: 24 })["hour"]?.description,
    "Unexpectedly large value: 24.",
  );
});

test("an environment that the schema lacks is refused, and so is a mix of kinds", () => {
  assert.throws(() => instanceValidator(taxi, { environment: "TEST" }), {
    code: "invalid_argument",
  });
  assert.throws(() => validate({ ...good, tags: ["a", 1] }), { code: "invalid_argument" });
});

const anyRule = fc.constantFrom(
  "type: INT",
  "type: INT int_domain { min: 0 max: 5 }",
  "type: INT int_domain { min: 0 is_categorical: true }",
  "type: INT bool_domain {}",
  "type: FLOAT",
  "type: FLOAT float_domain { min: 0.1 max: 2 disallow_nan: true disallow_inf: true }",
  "type: FLOAT bool_domain {}",
  "type: BYTES",
  'type: BYTES domain: "d"',
  'type: BYTES string_domain { value: "a" value: "1" }',
  'type: BYTES string_domain { value: "a" } distribution_constraints { min_domain_mass: 0.5 }',
  "type: BYTES int_domain { min: 0 max: 3 }",
  "type: BYTES float_domain { max: 2 }",
  'type: BYTES bool_domain { true_value: "a" }',
  "type: BYTES image_domain { max_image_byte_size: 2 }",
  "type: BYTES natural_language_domain { coverage { min_coverage: 0.5 } }",
  "type: STRUCT struct_domain { feature { name: 'm' type: INT presence { min_count: 1 } } }",
  'type: INT domain: "d"',
  "",
);
const anyCount = fc.constantFrom(
  "",
  "shape { dim { size: 1 } }",
  "shape {}",
  "shape { dim { size: 2 } }",
  "value_count { min: 1 max: 2 }",
  "value_count { min: 3 max: 2 }",
  "value_counts { value_count { min: 1 } value_count { max: 1 } }",
);
const anyRest = fc.constantFrom(
  "",
  "presence { min_fraction: 1 min_count: 1 }",
  "presence { min_count: 5 }",
  'not_in_environment: "SERVING"',
  "lifecycle_stage: PLANNED",
  "unique_constraints { min: 1 max: 1 }",
);
const anyScalar = fc.constantFrom<ExampleValue>(
  0,
  1,
  2.5,
  -3,
  7n,
  true,
  "a",
  "1",
  "7",
  "z",
  "",
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  new Uint8Array([255]),
);
const anyValue = fc.oneof(
  { weight: 6, arbitrary: anyScalar },
  fc.constantFrom<ExampleValue>(null, [], [[1], [2, 3]], { m: 1 }, { n: 1 }, {}, [
    { m: 1 },
    { m: 2 },
  ]),
  fc.array(fc.constantFrom(0, 1, 5, 0.5), { maxLength: 3 }),
  fc.array(fc.constantFrom("a", "1", "z"), { maxLength: 3 }),
);

test("the compiled test never accepts an example that has an anomaly", () => {
  fc.assert(
    fc.property(anyRule, anyCount, anyRest, anyValue, (rule, count, rest, value) => {
      const schema = schemaOf(
        `feature { name: "x" ${rule} ${count} ${rest} } string_domain { name: "d" value: "a" }
         default_environment: "SERVING"`,
      );
      const environment = "SERVING";
      if (!compileAccept(schema, environment)({ x: value })) return;
      assert.deepEqual(typesOf(validateInstance({ x: value }, schema, { environment })), {});
    }),
    { numRuns: 1000 },
  );
});

function typesOf(anomalies: ExampleAnomalies): Record<string, string> {
  return Object.fromEntries(
    Object.entries(anomalies).map(([key, { reason }]) => [
      key,
      reason.map(({ type }) => AnomalyInfo_TypeSchema.value[type]?.name).join(" "),
    ]),
  );
}
