import assert from "node:assert/strict";
import { test } from "node:test";
import { type Schema, SchemaSchema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { parseMessageText } from "../../statistics/index.ts";
import { describeChange } from "./change.ts";
import { diffSchemas } from "./index.ts";

const schemaOf = (text: string): Schema => parseMessageText(SchemaSchema, text);
const city = (rest: string): string => `feature { name: "city" type: BYTES ${rest} }`;
const age = (rest: string): string => `feature { name: "age" type: INT ${rest} }`;

const cases = [
  { name: "nothing", before: age(""), after: age(""), want: [], class: "full" },
  {
    name: "a new optional feature",
    before: "",
    after: age(""),
    want: ["+ age INT (widens)"],
    class: "backward",
  },
  {
    name: "a new required feature",
    before: "",
    after: age("presence { min_count: 1 }"),
    want: ["+ age INT (breaks)"],
    class: "breaking",
  },
  {
    name: "an optional feature that is gone",
    before: age(""),
    after: "",
    want: ["- age INT (narrows)"],
    class: "forward",
  },
  {
    name: "another type",
    before: age(""),
    after: 'feature { name: "age" type: FLOAT }',
    want: ["~ age: type INT -> FLOAT (breaks)"],
    class: "breaking",
  },
  {
    name: "a lower presence",
    before: age("presence { min_fraction: 1 min_count: 1 }"),
    after: age("presence { min_fraction: 0.9 min_count: 1 }"),
    want: ["~ age: presence.min_fraction 1 -> 0.9 (widens)"],
    class: "backward",
  },
  {
    name: "a presence of zero instead of none",
    before: age(""),
    after: age("presence { min_count: 0 }"),
    want: [],
    class: "full",
  },
  {
    name: "a shape that is given up for a count",
    before: age("shape { dim { size: 1 } }"),
    after: age("value_count { min: 1 max: 1 }"),
    want: ["~ age: value_count shape [1] -> count [1,1] (widens)"],
    class: "backward",
  },
  {
    name: "more values",
    before: age("value_count { min: 1 max: 1 }"),
    after: age("value_count { min: 1 max: 3 }"),
    want: ["~ age: value_count.max 1 -> 3 (widens)"],
    class: "backward",
  },
  {
    name: "a range that moves",
    before: age("int_domain { min: 0 max: 100 }"),
    after: age("int_domain { min: 10 max: 120 }"),
    want: ["~ age: int_domain.min 0 -> 10 (narrows)", "~ age: int_domain.max 100 -> 120 (widens)"],
    class: "breaking",
  },
  {
    name: "a bool that becomes a range",
    before: age("bool_domain {}"),
    after: age("int_domain { min: 0 max: 2 }"),
    want: ["~ age: int_domain.max 1 -> 2 (widens)"],
    class: "backward",
  },
  {
    name: "an empty int_domain on integers",
    before: age("int_domain {}"),
    after: age(""),
    want: [],
    class: "full",
  },
  {
    name: "texts added to a shared set",
    before: `${city('domain: "c"')} string_domain { name: "c" value: "a" }`,
    after: `${city('domain: "c"')} string_domain { name: "c" value: "b" value: "a" }`,
    want: ['+ string_domain c: value "b" (widens)'],
    class: "backward",
  },
  {
    name: "a set of its own in place of a shared one of the same texts",
    before: `${city('domain: "c"')} string_domain { name: "c" value: "a" }`,
    after: city('string_domain { value: "a" }'),
    want: ["- city: domain c (keeps)"],
    class: "full",
  },
  {
    name: "a domain where there was none",
    before: city(""),
    after: city('string_domain { value: "a" }'),
    want: ['+ city: string_domain {"a"} (narrows)'],
    class: "forward",
  },
  {
    name: "a domain of another kind",
    before: city("image_domain {}"),
    after: city("url_domain {}"),
    want: ["~ city: domain_info image_domain -> url_domain (breaks)"],
    class: "breaking",
  },
  {
    name: "a label that leaves serving",
    before: `${age("presence { min_count: 1 }")} default_environment: "SERVING"`,
    after: `${age('presence { min_count: 1 } not_in_environment: "SERVING"')} default_environment: "SERVING"`,
    want: ["- age: environment SERVING (breaks)"],
    class: "breaking",
  },
  {
    name: "a new environment",
    before: age(""),
    after: `${age("")} default_environment: "SERVING"`,
    want: ['+ schema: default_environment "SERVING" (widens)'],
    class: "backward",
  },
  {
    name: "a feature taken out of use, and what else is said of it",
    before: age("int_domain { max: 5 }"),
    after: age("int_domain { max: 3 } lifecycle_stage: DEPRECATED"),
    want: [
      "~ age: lifecycle_stage checked -> unchecked (widens)",
      "~ age: int_domain.max 5 -> 3 (keeps)",
    ],
    class: "backward",
  },
  {
    name: "a stricter drift threshold",
    before: city("drift_comparator { infinity_norm { threshold: 0.3 } }"),
    after: city("drift_comparator { infinity_norm { threshold: 0.1 } }"),
    want: ["~ city: drift_comparator.infinity_norm.threshold 0.3 -> 0.1 (narrows)"],
    class: "forward",
  },
  {
    name: "a member of a struct",
    before: 'feature { name: "s" type: STRUCT struct_domain { feature { name: "a" type: INT } } }',
    after:
      'feature { name: "s" type: STRUCT struct_domain { feature { name: "a" type: INT } feature { name: "b.c" type: INT } } }',
    want: ["+ s.'b.c' INT (widens)"],
    class: "backward",
  },
  {
    name: "a note",
    before: age(""),
    after: age('annotation { comment: "years" }'),
    want: ['+ age: notes annotation { comment: "years" } (keeps)'],
    class: "full",
  },
  {
    name: "fewer examples",
    before: "dataset_constraints { min_examples_count: 10 }",
    after: "dataset_constraints { min_examples_count: 5 }",
    want: ["~ schema: dataset_constraints.min_examples_count 10 -> 5 (widens)"],
    class: "backward",
  },
];

for (const { name, before, after, want, class: compatibility } of cases) {
  test(`${name}: ${compatibility}`, () => {
    const diff = diffSchemas(schemaOf(before), schemaOf(after));
    assert.deepEqual(
      diff.changes.map((change) => describeChange(change)),
      want,
    );
    assert.equal(diff.compatibility, compatibility);
  });
}

test("the way back turns widening into narrowing", () => {
  const opposite = { widens: "narrows", narrows: "widens", breaks: "breaks", keeps: "keeps" };
  for (const { before, after, name } of cases) {
    if (name.startsWith("a feature taken out of use")) continue;
    const there = diffSchemas(schemaOf(before), schemaOf(after)).changes;
    const back = diffSchemas(schemaOf(after), schemaOf(before)).changes;
    assert.deepEqual(
      back.map(({ effect }) => effect).sort(),
      there.map(({ effect }) => opposite[effect]).sort(),
      name,
    );
  }
});
