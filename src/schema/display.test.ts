import assert from "node:assert/strict";
import { test } from "node:test";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { parseMessageText } from "../statistics/index.ts";
import { displaySchema } from "./display.ts";

test("a schema is shown as TFDV shows it, with what TFDV leaves out", () => {
  const schema = parseMessageText(
    SchemaSchema,
    `feature { name: "age" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } int_domain { min: 0 } }
     feature { name: "city" type: BYTES presence { min_count: 1 } value_count { min: 1 } domain: "cities" }
     feature { name: "tip" type: FLOAT float_domain { max: 9.5 } value_count { min: 1 max: 1 } not_in_environment: "SERVING" }
     feature { name: "sex" type: BYTES string_domain { value: "f" } lifecycle_stage: DEPRECATED }
     feature { name: "pic" type: BYTES image_domain {} shape { dim { size: 2 } dim { size: 3 } } }
     feature { name: "s" type: STRUCT struct_domain { feature { name: "m.n" type: INT
       value_counts { value_count { min: 1 max: 1 } value_count {} } } } }
     string_domain { name: "cities" value: "a" }`,
  );
  const { features, domains } = displaySchema(schema);
  assert.deepEqual(
    features.map((row) => Object.values(row).join(" | ")),
    [
      "age | INT | required | single | min: 0 | ",
      "city | STRING | optional | [1,inf) | cities | ",
      "tip | FLOAT |  | single | min: -inf; max: 9.5 | not in SERVING",
      "sex | STRING |  |  | sex_domain | deprecated",
      "pic | BYTES |  | [2x3] | image_domain | ",
      "s | STRUCT |  |  | - | ",
      "s.'m.n' | INT |  | single of [0,inf) | - | ",
    ],
  );
  assert.deepEqual(domains, [
    { domain: "cities", values: ["a"] },
    { domain: "sex_domain", values: ["f"] },
  ]);
});
