import assert from "node:assert/strict";
import { test } from "node:test";
import { SchemaSchema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { openEngine } from "../../engine/index.ts";
import { parseMessageText } from "../../statistics/index.ts";
import { generateJsonSchema } from "./json-schema.ts";
import { generateSql } from "./sql.ts";
import { generateTypeScript } from "./typescript.ts";

const schema = parseMessageText(
  SchemaSchema,
  `feature { name: "fare" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } float_domain { min: 0 max: inf } annotation { comment: "US dollars. */" } }
   feature { name: "hour of day" type: INT value_count { min: 1 max: 1 } int_domain { min: 0 max: 23 } }
   feature { name: "pay" type: BYTES value_count { min: 1 max: 1 } domain: "pays" }
   feature { name: "company" type: BYTES value_count { min: 1 max: 1 } domain: "pays" distribution_constraints { min_domain_mass: 0.9 } }
   feature { name: "tags" type: BYTES value_count { max: 3 } string_domain { value: "it's" value: "b" } }
   feature { name: "point" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } } }
   feature { name: "grid" type: INT value_counts { value_count { min: 1 } value_count { min: 2 max: 9 } } }
   feature { name: "picture" type: BYTES value_count { min: 1 max: 1 } image_domain {} }
   feature { name: "shared" type: INT value_count { min: 1 max: 1 } bool_domain {} }
   feature { name: "trip" type: STRUCT struct_domain { feature { name: "to" type: INT presence { min_fraction: 1 } value_count { min: 1 max: 1 } } } }
   feature { name: "tips" type: FLOAT not_in_environment: "SERVING" }
   feature { name: "old" type: INT lifecycle_stage: DEPRECATED }
   string_domain { name: "pays" value: "Cash" value: "Card" }
   default_environment: "TRAINING" default_environment: "SERVING"`,
);

test("TypeScript types say what is required, listed and allowed", () => {
  const text = generateTypeScript(schema, { name: "Taxi", environment: "SERVING" });
  assert.equal(
    text,
    `/** One example in SERVING. Generated from its schema: change that, and generate again. */
export interface Taxi {
  /** US dollars. * / From 0 to Infinity. */
  readonly fare: number;
  /** From 0 to 23. */
  readonly "hour of day"?: number;
  readonly pay?: "Cash" | "Card";
  readonly company?: string;
  readonly tags?: readonly ("it's" | "b")[];
  readonly point: readonly [number, number];
  readonly grid?: readonly (readonly number[])[];
  readonly picture?: Uint8Array;
  /** From 0 to 1. */
  readonly shared?: number;
  readonly trip?: {
    readonly to: number;
  };
}
`,
  );
  assert.throws(() => generateTypeScript(schema, { name: "a b" }), { code: "invalid_argument" });
});

test("a JSON Schema refuses what validation refuses", () => {
  assert.deepEqual(generateJsonSchema(schema, { title: "Taxi", environment: "SERVING" }), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Taxi",
    type: "object",
    properties: {
      fare: { description: "US dollars. */", type: "number", minimum: 0 },
      "hour of day": { type: "integer", minimum: 0, maximum: 23 },
      pay: { type: "string", enum: ["Cash", "Card"] },
      company: { type: "string" },
      tags: { type: "array", items: { type: "string", enum: ["it's", "b"] }, maxItems: 3 },
      point: { type: "array", items: { type: "number" }, minItems: 2, maxItems: 2 },
      grid: {
        type: "array",
        minItems: 1,
        items: { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 9 },
      },
      picture: { type: "string", contentEncoding: "base64" },
      shared: { type: "integer", minimum: 0, maximum: 1 },
      trip: {
        type: "object",
        properties: { to: { type: "integer" } },
        required: ["to"],
        additionalProperties: false,
      },
    },
    required: ["fare", "point"],
    additionalProperties: false,
  });
});

test("the table that SQL makes takes good rows and refuses bad ones", async () => {
  await using engine = await openEngine();
  await engine.session(async (session) => {
    await session.execute(generateSql(schema, { table: 'ta"xi', environment: "SERVING" }));
    const insert = (values: string) =>
      session.execute(
        `INSERT INTO "ta""xi" (fare, point, "hour of day", pay, tags) VALUES (${values})`,
      );
    await insert("2.5, [1, 2], 23, 'Cash', ['b']");
    await assert.rejects(insert("-1, [1, 2], 23, 'Cash', NULL"));
    await assert.rejects(insert("NULL, [1, 2], 23, 'Cash', NULL"));
    await assert.rejects(insert("1, [1, 2], 24, 'Cash', NULL"));
    await assert.rejects(insert("1, [1, 2], 1, 'Gold', NULL"));
  });
});

test("each database has its own spelling", () => {
  const spark = generateSql(schema, { table: "t", target: "spark" });
  assert.match(spark, /`grid` ARRAY<ARRAY<BIGINT>>/);
  assert.match(spark, /`trip` STRUCT<`to`: BIGINT>/);
  assert.doesNotMatch(spark, /CHECK/);
  const postgres = generateSql(schema, { table: "t", target: "postgres" });
  assert.match(postgres, /"fare" DOUBLE PRECISION NOT NULL CHECK \("fare" >= 0\)/);
  assert.match(postgres, /"trip" JSONB/);
  assert.match(postgres, /"tips" DOUBLE PRECISION\[\]/);
});
