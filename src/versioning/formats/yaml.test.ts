import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { stringifyYaml, type YamlValue } from "./yaml.ts";

/** Names, and what dvc 3.67.1's YAML library writes for `{path: NAME}`. */
const WRITTEN_BY_DVC: readonly (readonly [string, string])[] = [
  ["a.csv", "path: a.csv\n"],
  ["na\u00efve file: #1.bin", "path: 'na\u00efve file: #1.bin'\n"],
  ["1234", "path: '1234'\n"],
  ["yes", "path: yes\n"],
  ["true", "path: 'true'\n"],
  ["null", "path: 'null'\n"],
  ["~", "path: '~'\n"],
  ["0x1f", "path: '0x1f'\n"],
  ["1e5", "path: '1e5'\n"],
  ["1.0", "path: '1.0'\n"],
  ["2024-01-01", "path: '2024-01-01'\n"],
  ["- x", "path: '- x'\n"],
  ["-x", "path: -x\n"],
  ["?", "path: '?'\n"],
  ["a: b", "path: 'a: b'\n"],
  ["a:b", "path: a:b\n"],
  ["#h", "path: '#h'\n"],
  ["a #b", "path: 'a #b'\n"],
  ["a#b", "path: a#b\n"],
  ["'q'", "path: \"'q'\"\n"],
  ["q'q", "path: q'q\n"],
  ['"d"', "path: '\"d\"'\n"],
  ["[x]", "path: '[x]'\n"],
  ["{x}", "path: '{x}'\n"],
  ["&a", "path: '&a'\n"],
  ["*a", "path: '*a'\n"],
  ["!a", "path: '!a'\n"],
  ["|a", "path: '|a'\n"],
  [">a", "path: '>a'\n"],
  ["%a", "path: '%a'\n"],
  ["@a", "path: '@a'\n"],
  ["`a", "path: '`a'\n"],
  ["=", "path: '='\n"],
  ["<<", "path: '<<'\n"],
  ["~t", "path: ~t\n"],
  ["\u00e9", "path: \u00e9\n"],
  ["\u65e5\u672c", "path: \u65e5\u672c\n"],
  ["\ud83d\ude00", "path: \ud83d\ude00\n"],
  ["tab\there", 'path: "tab\\there"\n'],
  ["a\u0085b", "path: 'a\u0085  b'\n"],
  ["a\u00a0b", "path: a\u00a0b\n"],
  ["\ufeffx", 'path: "\\uFEFFx"\n'],
  [
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "path: \n  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
  ],
  [
    "word word word word word word word word word word word word word word word word word word end",
    "path: word word word word word word word word word word word word word word word\n  word word word end\n",
  ],
  ["it's: a", 'path: "it\'s: a"\n'],
  ["'''", "path: \"'''\"\n"],
  [" lead", "path: ' lead'\n"],
  ["trail ", "path: 'trail '\n"],
  ["---", "path: '---'\n"],
  ["...", "path: '...'\n"],
  ["a\\b", "path: a\\b\n"],
  ["C:\\x", "path: C:\\x\n"],
  ["12e45", "path: '12e45'\n"],
  ["0o17", "path: '0o17'\n"],
  ["1_000", "path: '1_000'\n"],
  [".5", "path: '.5'\n"],
  ["+1", "path: '+1'\n"],
  [".inf", "path: '.inf'\n"],
  ["-", "path: '-'\n"],
  [
    "long name with spaces: y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y y z",
    "path: 'long name with spaces: y y y y y y y y y y y y y y y y y y y y y y y y y y\n  y y y y y y y y y y y y y y z'\n",
  ],
];

for (const [name, want] of WRITTEN_BY_DVC) {
  test(`the name ${JSON.stringify(name)} is written as dvc writes it`, () => {
    assert.equal(stringifyYaml({ path: name }), want);
  });
}

test("lists, mappings, nulls and integer-like keys are written as dvc writes them", () => {
  const value = new Map<string, YamlValue>([
    ["outs", [{ md5: "a", size: 1, isexec: true }, "plain", [["x"], null]]],
    ["2", { empty: {}, none: [], nothing: null }],
    ["1", 1.5],
    ["k".repeat(130), ["v"]],
  ]);
  assert.equal(
    stringifyYaml(value),
    `outs:
- md5: a
  size: 1
  isexec: true
- plain
- - - x
  - ${""}
'2':
  empty: {}
  none: []
  nothing:
'1': 1.5
? ${"k".repeat(130)}
: - v
`,
  );
});

test("what is written is read back as it was, for any string", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 4 }), (strings) => {
      assert.deepEqual(parse(stringifyYaml({ strings })), { strings });
    }),
    { numRuns: 200 },
  );
});
