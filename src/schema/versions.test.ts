import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { parseMessageText, printMessageText } from "../statistics/index.ts";
import { extendSchema } from "./base.ts";
import {
  headVersion,
  type PublishVersionOptions,
  publishVersion,
  readVersion,
  rollbackSchema,
  schemaHistory,
} from "./versions.ts";

const schemaOf = (text: string): Schema => parseMessageText(SchemaSchema, text);
const first = schemaOf('feature { name: "age" type: INT int_domain { max: 100 } }');
const wider = schemaOf('feature { name: "age" type: INT int_domain { max: 120 } }');
const narrower = schemaOf('feature { name: "age" type: INT int_domain { max: 90 } }');

async function workshop() {
  const folder = mkdtempDisposableSync(join(tmpdir(), "schemas-"));
  const store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const publish = async (schema: Schema, more: Partial<PublishVersionOptions> = {}) => {
    const head = await headVersion(recorder, "taxi");
    const { value } = await recorder.step("SchemaVersion", {}, (step) =>
      publishVersion(step, schema, { name: "taxi", folder: folder.path, head, ...more }),
    );
    return value;
  };
  return {
    folder: folder.path,
    store,
    recorder,
    publish,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      folder.remove();
    },
  };
}

test("versions follow each other, each with what it changes", async () => {
  await using shop = await workshop();
  await shop.publish(first, { message: "As the data came." });
  const second = await shop.publish(wider);
  assert.equal(second.version.number, 2);
  assert.equal(second.diff.compatibility, "backward");
  const history = await schemaHistory(shop.store, shop.recorder, "taxi");
  assert.deepEqual(
    history.map(({ number, compatibility, changes, message }) => ({
      number,
      compatibility,
      changes,
      message,
    })),
    [
      {
        number: 2,
        compatibility: "backward",
        changes: ["~ age: int_domain.max 100 -> 120 (widens)"],
        message: "",
      },
      { number: 1, compatibility: undefined, changes: [], message: "As the data came." },
    ],
  );
});

test("rolling back publishes what an earlier version said", async () => {
  await using shop = await workshop();
  await shop.publish(first);
  await shop.publish(wider);
  const [head, original] = await schemaHistory(shop.store, shop.recorder, "taxi");
  assert.ok(head !== undefined && original !== undefined);
  const { value } = await shop.recorder.step("SchemaRollback", {}, (step) =>
    rollbackSchema(step, original, { folder: shop.folder, head }),
  );
  assert.equal(value.version.number, 3);
  const now = await headVersion(shop.recorder, "taxi");
  assert.ok(now !== undefined);
  assert.equal(now.message, "Back to version 1.");
  const text = printMessageText(SchemaSchema, await readVersion(now));
  assert.equal(text, printMessageText(SchemaSchema, first));
});

test("a change that is less compatible than required is refused and leaves the head", async () => {
  await using shop = await workshop();
  await shop.publish(first);
  await assert.rejects(shop.publish(narrower, { require: "backward" }), {
    code: "failed_precondition",
    hint: "These stand in the way: ~ age: int_domain.max 100 -> 90 (narrows)",
  });
  assert.equal((await headVersion(shop.recorder, "taxi"))?.number, 1);
  await shop.publish(narrower, { require: "forward" });
});

test("of two who publish on the same head one is refused, and the other's file stays whole", async () => {
  await using shop = await workshop();
  await shop.publish(first);
  const head = await headVersion(shop.recorder, "taxi");
  await shop.publish(wider, { head });
  await assert.rejects(shop.publish(narrower, { head }), { code: "aborted" });
  const now = await headVersion(shop.recorder, "taxi");
  assert.ok(now !== undefined);
  assert.equal((await readVersion(now)).feature.length, 1);
});

test("what changes nothing is not published", async () => {
  await using shop = await workshop();
  await shop.publish(first);
  await assert.rejects(shop.publish(first), { code: "failed_precondition" });
});

test("a version whose file was changed is not read", async () => {
  await using shop = await workshop();
  const { version } = await shop.publish(first);
  writeFileSync(version.path, "");
  const head = await headVersion(shop.recorder, "taxi");
  assert.ok(head !== undefined);
  await assert.rejects(readVersion(head), { code: "data_loss" });
  await assert.rejects(shop.publish(wider), { code: "data_loss" });
});

test("a schema that is not there has no history, and a path is no name", async () => {
  await using shop = await workshop();
  await assert.rejects(schemaHistory(shop.store, shop.recorder, "taxi"), { code: "not_found" });
  await assert.rejects(shop.publish(first, { name: "../taxi" }), { code: "invalid_argument" });
});

test("a source extends a base that others share", () => {
  const base =
    schemaOf(`feature { name: "id" type: INT } feature { name: "city" type: BYTES domain: "c" }
    string_domain { name: "c" value: "a" } default_environment: "TRAINING"`);
  const own = schemaOf(`feature { name: "city" type: BYTES domain: "c" presence { min_count: 1 } }
    feature { name: "tip" type: FLOAT } string_domain { name: "c" value: "b" }
    default_environment: "SERVING"`);
  const extended = extendSchema(base, own);
  assert.deepEqual(
    extended.feature.map(({ name }) => name),
    ["id", "city", "tip"],
  );
  assert.equal(extended.feature[1]?.presenceConstraints.case, "presence");
  assert.deepEqual(extended.stringDomain[0]?.value, ["b"]);
  assert.deepEqual(extended.defaultEnvironment, ["TRAINING", "SERVING"]);
  assert.equal(base.feature.length, 2);
  assert.throws(() => extendSchema(base, schemaOf('feature { name: "id" type: BYTES }')), {
    code: "invalid_argument",
  });
});
