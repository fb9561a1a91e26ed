import assert from "node:assert/strict";
import { test } from "node:test";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { describeChange } from "../schema/index.ts";
import { statisticsOf } from "../schema/statistics.fixture.ts";
import { parseMessageText, printMessageText } from "../statistics/index.ts";
import { proposeFixes, takeProposals } from "./propose.ts";
import { validateStatistics } from "./validate.ts";

const schemaOf = (): Schema =>
  parseMessageText(
    SchemaSchema,
    `feature { name: "delay" type: INT int_domain { min: -60 } }
     feature { name: "from" type: BYTES domain: "airports" }
     feature { name: "to" type: BYTES domain: "airports" }
     string_domain { name: "airports" value: "JFK" }
     dataset_constraints { min_examples_count: 9 }`,
  );
const flights = statisticsOf({ delay: [-1116n, 5n], from: ["JFK", "LGA"], to: ["LGA", "SFO"] });

test("every anomaly has a proposal that says what it would change", () => {
  const proposals = proposeFixes(flights, schemaOf());
  assert.deepEqual(
    proposals.map(({ feature, changes }) => [feature, ...changes.map(describeChange)]),
    [
      ["(dataset)", "~ schema: dataset_constraints.min_examples_count 9 -> 2 (widens)"],
      ["delay", "~ delay: int_domain.min -60 -> -1116 (widens)"],
      ["from", '+ string_domain airports: value "LGA" (widens)'],
      [
        "to",
        '+ string_domain airports: value "LGA" (widens)',
        '+ string_domain airports: value "SFO" (widens)',
      ],
    ],
  );
  assert.ok(proposals.every(({ compatibility }) => compatibility === "backward"));
});

test("the proposals that are taken are applied, and no others", () => {
  const schema = schemaOf();
  const taken = takeProposals(flights, schema, {}, ["from", "to"]);
  assert.deepEqual(taken.schema.stringDomain[0]?.value, ["JFK", "LGA", "SFO"]);
  const left = validateStatistics(flights, taken.schema);
  assert.deepEqual(Object.keys(left.anomalyInfo), ["delay"]);
  assert.equal(
    printMessageText(SchemaSchema, schema),
    printMessageText(SchemaSchema, schemaOf()),
    "the schema given is as it was",
  );
});

test("with all proposals taken nothing is left", () => {
  const { schema } = takeProposals(flights, schemaOf());
  const left = validateStatistics(flights, schema);
  assert.deepEqual(left.anomalyInfo, {});
  assert.equal(left.datasetAnomalyInfo, undefined);
});

test("a feature without an anomaly has no proposal to take", () => {
  assert.throws(() => takeProposals(flights, schemaOf(), {}, ["fare"]), {
    code: "not_found",
    hint: "There is for delay, from, to, (dataset)",
  });
});
