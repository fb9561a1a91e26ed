import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Schema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import type { DatasetFeatureStatisticsList } from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { describeChange, diffSchemas, inferSchema } from "../schema/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { updateSchema, validateStatistics } from "./validate.ts";

const anyColumn = fc.oneof(
  fc.array(fc.option(fc.bigInt({ min: -3n, max: 3n })), { minLength: 1, maxLength: 4 }),
  fc.array(fc.option(fc.constantFrom(0.5, 1, 7)), { minLength: 1, maxLength: 4 }),
  fc.array(fc.option(fc.constantFrom("a", "b", "true", "1")), { minLength: 1, maxLength: 4 }),
);
const anyData = fc
  .dictionary(fc.constantFrom("x", "y"), anyColumn)
  .map((columns) => statisticsOf(columns, { numExamples: 4 }));
const passes = (data: DatasetFeatureStatisticsList, schema: Schema): boolean =>
  Object.keys(validateStatistics(data, schema).anomalyInfo).length === 0;

test("what a diff calls compatible is so for data: backward for old data, forward for new", () => {
  fc.assert(
    fc.property(anyData, anyData, anyData, fc.boolean(), (old, now, other, isRelaxed) => {
      const before = inferSchema(old);
      const after = isRelaxed ? updateSchema(before, now) : inferSchema(now);
      const { changes, compatibility } = diffSchemas(before, after);
      const told = changes.map(describeChange).join("; ");
      for (const data of [old, now, other]) {
        const passed = passes(data, before);
        const stillPasses = passes(data, after);
        if (compatibility === "backward" || compatibility === "full") {
          assert.ok(!passed || stillPasses, told);
        }
        if (compatibility === "forward" || compatibility === "full") {
          assert.ok(!stillPasses || passed, told);
        }
      }
    }),
    { numRuns: 150 },
  );
});
