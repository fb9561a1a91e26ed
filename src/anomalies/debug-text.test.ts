import assert from "node:assert/strict";
import { test } from "node:test";
import { type Feature, FeatureSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { parseMessageText } from "../statistics/index.ts";
import { debugText } from "./debug-text.ts";

const of = (text: string): Feature => parseMessageText(FeatureSchema, text);

test("a message is printed as C++ prints it for debugging", () => {
  const feature =
    of(`name: "é 'q'\\n" type: BYTES float_domain { min: 0.1 max: inf disallow_nan: true }
    presence { min_fraction: 0.999 min_count: 2 } in_environment: "A" in_environment: "B"
    drift_comparator { infinity_norm { threshold: 1e+20 } }`);
  assert.equal(
    debugText(FeatureSchema, feature),
    `name: "\\303\\251 \\'q\\'\\n"
type: BYTES
float_domain {
  min: 0.1
  max: inf
  disallow_nan: true
}
presence {
  min_fraction: 0.999
  min_count: 2
}
in_environment: "A"
in_environment: "B"
drift_comparator {
  infinity_norm {
    threshold: 1e+20
  }
}
`,
  );
});

test("numbers have as many digits as tell them apart", () => {
  const feature = of(
    `presence { min_fraction: 0.33333333333333331 } float_domain { min: 0.333333343 }`,
  );
  assert.match(debugText(FeatureSchema, feature), /min_fraction: 0.33333333333333331\n/);
  assert.match(debugText(FeatureSchema, feature), /min: 0.333333343\n/);
});
