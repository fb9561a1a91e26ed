import assert from "node:assert/strict";
import { existsSync, mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { openEngine } from "../engine/index.ts";
import { createRecorder, openMetadataStore, propertiesOf } from "../metadata/index.ts";
import { defaultsOf } from "../schema/index.ts";
import { parseMessageText } from "../statistics/index.ts";
import { fillDefaults, withDefaults } from "./fill.ts";

const engine = await openEngine();
after(() => engine[Symbol.asyncDispose]());

const tensor = (column: string, value: string): string =>
  `tensor_representation { key: "${column}_t${value.length}" value { dense_tensor { column_name: "${column}" default_value { ${value} } } } }`;
const schemaOf = (...tensors: readonly string[]): Schema =>
  parseMessageText(
    SchemaSchema,
    `tensor_representation_group { key: "" value { ${tensors.join(" ")} } }`,
  );
const schema = schemaOf(
  tensor("delay", "int_value: -1"),
  tensor("fare", "float_value: 0.5"),
  tensor("city", 'bytes_value: "it\\\'s"'),
  tensor("gone", "int_value: 7"),
);
const relation =
  "(SELECT * FROM (VALUES (5, NULL, 'a', 1), (NULL, 2.5::DOUBLE, NULL, NULL)) AS v(delay, fare, city, free))";

async function fill(filling: Schema) {
  const folder = mkdtempDisposableSync(join(tmpdir(), "fill-"));
  const store = await openMetadataStore("memory:");
  const path = join(folder.path, "filled.parquet");
  const run = () =>
    createRecorder(store).step("FillDefaults", {}, (step) =>
      fillDefaults(step, engine, relation, filling, { path }),
    );
  return {
    path,
    run,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

test("gaps are filled with the schema's defaults, and the record says how many", async () => {
  await using shop = await fill(schema);
  const { value } = await shop.run();
  assert.deepEqual(value.filledCounts, { delay: 1, fare: 1, city: 1 });
  assert.deepEqual(propertiesOf(value.artifact)["filled"], { delay: 1, fare: 1, city: 1 });
  const rows = await engine.rows(`SELECT * FROM ${engine.dialect.parquet([shop.path])}`);
  assert.deepEqual(rows, [
    { delay: 5, fare: 0.5, city: "a", free: 1 },
    { delay: -1, fare: 2.5, city: "it's", free: null },
  ]);
});

test("a default that is none of its column's type is refused and leaves no file", async () => {
  await using shop = await fill(schemaOf(tensor("delay", 'bytes_value: "late"')));
  await assert.rejects(shop.run(), { name: "WaybillError" });
  assert.equal(existsSync(shop.path), false);
});

test("an example gets defaults for what it lacks only", () => {
  assert.deepEqual(withDefaults({ delay: 3, fare: null }, schema), {
    delay: 3,
    fare: 0.5,
    city: "it's",
    gone: 7n,
  });
});

test("defaults that contradict each other are refused", () => {
  const twice = schemaOf(tensor("delay", "int_value: 1"), tensor("delay", "int_value: 22"));
  assert.throws(() => defaultsOf(twice), { code: "invalid_argument" });
});
