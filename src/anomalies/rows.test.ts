import assert from "node:assert/strict";
import { existsSync, mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../metadata/index.ts";
import { parseMessageText } from "../statistics/index.ts";
import { findBadRows, quarantine } from "./rows.ts";

const engine = await openEngine();
after(() => engine[Symbol.asyncDispose]());

const schema = parseMessageText(
  SchemaSchema,
  `feature { name: "delay" type: INT presence { min_fraction: 1 } int_domain { min: -60 max: 3000 } }
   feature { name: "from" type: BYTES domain: "airports" }
   feature { name: "via" type: BYTES string_domain { value: "JFK" } distribution_constraints { min_domain_mass: 0.5 } }
   feature { name: "fare" type: FLOAT float_domain { min: 0 disallow_nan: true disallow_inf: true } }
   feature { name: "late" type: INT bool_domain {} not_in_environment: "SERVING" }
   feature { name: "list" type: INT presence { min_fraction: 1 } }
   feature { name: "gone" type: INT presence { min_fraction: 1 } }
   string_domain { name: "airports" value: "JFK" value: "O'Hare" }
   default_environment: "TRAINING" default_environment: "SERVING"`,
);
const relation = `(SELECT * FROM (VALUES
  (5, 'JFK', 'XXX', 1.5::DOUBLE, 1, [1]),
  (-1116, 'O''Hare', NULL, 0.0::DOUBLE, 0, [1]),
  (NULL, 'LGA', 'JFK', 'nan'::DOUBLE, 2, [1]),
  (7, NULL, NULL, 'inf'::DOUBLE, NULL, NULL),
  (9, 'LGA', NULL, -0.5::DOUBLE, 1, [2])
) AS t(delay, "from", via, fare, late, list))`;

test("every row that breaks a rule is named with its value", async () => {
  const broken = await findBadRows(engine, relation, schema);
  assert.deepEqual(
    broken.map(({ feature, rule, rows }) => [
      `${feature}: ${rule}`,
      rows.map(({ row, value }) => `${row}=${value}`).join(),
    ]),
    [
      ["delay: presence.min_fraction 1", "3=null"],
      ["delay: int_domain.min -60", "2=-1116"],
      ["from: domain airports", "3=LGA,5=LGA"],
      ["fare: float_domain.min 0", "5=-0.5"],
      ["fare: float_domain.disallow_nan", "3=NaN"],
      ["fare: float_domain.disallow_inf", "4=Infinity"],
      ["late: bool_domain", "3=2"],
      ["list: presence.min_fraction 1", "4=null"],
    ],
  );
});

test("an environment leaves out what is not in it, and a limit bounds what is named", async () => {
  const broken = await findBadRows(engine, relation, schema, { environment: "SERVING", limit: 1 });
  assert.equal(
    broken.some(({ feature }) => feature === "late"),
    false,
  );
  const from = broken.find(({ feature }) => feature === "from");
  assert.deepEqual([from?.rowCount, from?.rows.length], [2n, 1]);
});

test("a column of text where numbers are expected is judged value by value", async () => {
  const text = "(SELECT * FROM (VALUES ('5'), ('x'), ('-61')) AS t(delay))";
  const broken = await findBadRows(engine, text, schema);
  assert.deepEqual(
    broken.map(({ rule, rows }) => `${rule} ${rows[0]?.value}`),
    ["type x", "int_domain.min -60 -61"],
  );
});

async function split(maxBadShare?: number) {
  const folder = mkdtempDisposableSync(join(tmpdir(), "quarantine-"));
  const store = await openMetadataStore("memory:");
  const paths = {
    goodPath: join(folder.path, "good.parquet"),
    badPath: join(folder.path, "bad", "bad.parquet"),
  };
  const run = () =>
    createRecorder(store).step("Quarantine", {}, (step) =>
      quarantine(step, engine, relation, schema, {
        ...paths,
        ...(maxBadShare === undefined ? {} : { maxBadShare }),
      }),
    );
  return {
    ...paths,
    run,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

test("bad rows are split off with the rules they break, and nothing is lost", async () => {
  await using shop = await split();
  const { value } = await shop.run();
  assert.deepEqual([value.goodCount, value.badCount], [1n, 4n]);
  const good = await engine.rows(`SELECT * FROM ${engine.dialect.parquet([shop.goodPath])}`);
  assert.deepEqual(
    good.map(({ delay }) => delay),
    [5],
  );
  const bad = await engine.rows(
    `SELECT waybill_reasons AS why FROM ${engine.dialect.parquet([shop.badPath])}`,
  );
  assert.equal(
    bad.map(({ why }) => why)[1],
    "delay: presence.min_fraction 1; from: domain airports; fare: float_domain.disallow_nan; late: bool_domain; ",
  );
  assert.equal(propertiesOf(value.bad)["row_count"], 4n);
});

test("when too much is bad nothing is split", async () => {
  await using shop = await split(0.5);
  await assert.rejects(shop.run(), { code: "failed_precondition" });
  assert.equal(existsSync(shop.goodPath) || existsSync(shop.badPath), false);
});
