import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DiffRegion } from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { inferSchema } from "../schema/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { diffRegions } from "./diff-regions.ts";
import { validateStatistics } from "./validate.ts";

const kinds = (regions: readonly DiffRegion[]) => regions.map(({ details }) => details.case);
const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

test("a change is shown with three lines around it, the rest is hidden", () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
  const regions = diffRegions(text(...lines), text(...lines.with(9, "changed")));
  assert.deepEqual(kinds(regions), ["hidden", "unchanged", "changed", "unchanged", "hidden"]);
  const changed = regions[2]?.details;
  assert.ok(changed?.case === "changed");
  assert.equal(changed.value.leftStart, 10);
  assert.deepEqual(changed.value.rightContents, ["changed"]);
});

test("lines are removed and added", () => {
  assert.deepEqual(kinds(diffRegions(text("a", "b"), text("a"))), ["unchanged", "removed"]);
  assert.deepEqual(kinds(diffRegions(text("a"), text("a", "b"))), ["unchanged", "added"]);
  assert.deepEqual(kinds(diffRegions("", text("a"))), ["added"]);
  assert.deepEqual(diffRegions("", ""), []);
});

test("the regions of any two texts tell the way from one to the other", () => {
  const anyLines = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 14 });
  fc.assert(
    fc.property(anyLines, anyLines, (left, right) => {
      const rebuilt: string[] = [];
      for (const { details } of diffRegions(text(...left), text(...right))) {
        if (details.case === "unchanged") rebuilt.push(...details.value.contents);
        else if (details.case === "added") rebuilt.push(...details.value.contents);
        else if (details.case === "changed") rebuilt.push(...details.value.rightContents);
        else if (details.case === "hidden") {
          const start = details.value.leftStart - 1;
          rebuilt.push(...left.slice(start, start + details.value.size));
        }
      }
      assert.deepEqual(rebuilt, right);
    }),
  );
});

test("validation gives the way from the schema to its fix on request", () => {
  const schema = inferSchema(statisticsOf({ city: ["a", "b"], age: [1n, 2n] }));
  const now = statisticsOf({ city: ["a", "c"], age: [1n, 2n] });
  const plain = validateStatistics(now, schema);
  assert.deepEqual(plain.anomalyInfo["city"]?.diffRegions, []);
  const { anomalyInfo } = validateStatistics(now, schema, { options: { diffRegions: true } });
  const regions = anomalyInfo["city"]?.diffRegions ?? [];
  const added = regions.flatMap(({ details }) =>
    details.case === "added" ? details.value.contents : [],
  );
  assert.deepEqual(added, ['  value: "c"']);
});
