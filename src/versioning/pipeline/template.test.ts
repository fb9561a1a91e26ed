// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are templates of dvc.yaml.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../../foundation/index.ts";
import { YamlPlain, type YamlValue } from "../formats/yaml.ts";
import { parseYamlValues, pythonFloat, pythonJson, type YamlMap } from "../formats/yaml-values.ts";
import { mergeContexts, resolveCommand, resolveTemplates } from "./template.ts";

const context = (await parseYamlValues(
  "a: 1\nlr: 0.10\nflag: true\nnone: null\nlist: [x, y]\ndeep: {k: {v: z}}\nopts: {n: 3, on: true, off: false, s: a b, l: [1, 2]}\n",
  "context",
)) as YamlMap;

const strings: readonly (readonly [string, YamlValue])[] = [
  ["plain", "plain"],
  ["${a}", 1],
  ["x${a}-${deep.k.v}", "x1-z"],
  ["${list[1]}", "y"],
  ["${list.0}", "x"],
  ["${ flag }", true],
  ["is ${flag}", "is true"],
  ["lr=${lr}", "lr=0.1"],
  ["\\${a}", "${a}"],
  ["no${none}", "noNone"],
];
for (const [text, want] of strings) {
  test(`${text} becomes ${JSON.stringify(want)}`, () => {
    assert.deepEqual(resolveTemplates(text, context, "test"), want);
  });
}

test("keys are filled in too, and lists and mappings stay themselves", () => {
  const value = new Map<string, YamlValue>([["out_${a}", ["${list}", "${deep.k.v}"]]]);
  const want = new Map<string, YamlValue>([["out_1", [["x", "y"], "z"]]]);
  assert.deepEqual(resolveTemplates(value, context, "test"), want);
});

test("a mapping in a command becomes options", () => {
  assert.equal(
    resolveCommand("run ${opts} end", context, "test"),
    "run --n 3 --on --s 'a b' --l 1 2 end",
  );
});

test("a name that is not known is an error that says where", () => {
  assert.throws(
    () => resolveTemplates("${nope.x}", context, 'stage "s"'),
    (error) => error instanceof WaybillError && /stage "s".*nope\.x/u.test(error.message),
  );
  assert.throws(() => resolveTemplates("x${list}", context, "test"), WaybillError);
});

test("contexts are merged key by key, and nothing is overwritten", () => {
  const merged = mergeContexts(context, new Map([["deep", new Map([["l", 1]])]]), "test");
  assert.deepEqual(resolveTemplates("${deep.l}", merged, "test"), 1);
  assert.throws(() => mergeContexts(context, new Map([["a", 2]]), "test"), WaybillError);
});

for (const [value, want] of [
  [1, "1.0"],
  [0.1, "0.1"],
  [1e16, "1e+16"],
  [123456789012345680, "1.2345678901234568e+17"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [1.5e-10, "1.5e-10"],
  [1e100, "1e+100"],
] as const) {
  test(`the float ${value} is written as Python writes it`, () => {
    assert.equal(pythonFloat(value), want);
  });
}

test("JSON for digests is what Python's json.dumps gives", async () => {
  const value = await parseYamlValues(
    'b: [1, 2.0, null, true, "é\\t"]\na: {z: 1e3, "10": x}\n',
    "test",
  );
  assert.equal(
    pythonJson(value),
    '{"a": {"10": "x", "z": 1000.0}, "b": [1, 2.0, null, true, "\\u00e9\\t"]}',
  );
  assert.equal(pythonJson(new YamlPlain("1.0")), "1.0");
});
