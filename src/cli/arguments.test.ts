import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import { parseArguments } from "./arguments.ts";
import { defineCommand } from "./command.ts";

const command = defineCommand({
  name: "trial",
  summary: "Try the parser",
  arguments: {
    first: { summary: "The first" },
    rest: { summary: "The rest", count: "any" },
  },
  options: {
    output: { type: "string", short: "o", value: "FILE", summary: "Where to" },
    maxStringDomainSize: { type: "integer", summary: "How many", default: 100 },
    inferFeatureShape: { type: "boolean", summary: "Shapes", default: true },
    param: { type: "string", multiple: true, summary: "Parameters" },
    format: { type: "string", summary: "Format", choices: ["csv", "parquet"] },
    share: { type: "number", summary: "A share" },
  },
  examples: [],
  run: async () => ({}),
});

test("options stand anywhere, and the kebab case of the line is the camel case of the code", () => {
  const parsed = parseArguments(command, [
    "--max-string-domain-size",
    "-5",
    "a",
    "-o",
    "out.pb",
    "b",
    "--no-infer-feature-shape",
    "--param",
    "k=v",
    "--param=x=--y",
    "--share=0.5",
    "-v",
    "--",
    "--c",
  ]);
  assert.deepEqual(parsed.arguments, { first: "a", rest: ["b", "--c"] });
  assert.deepEqual(parsed.options, {
    json: false,
    quiet: false,
    verbose: true,
    home: undefined,
    help: false,
    output: "out.pb",
    maxStringDomainSize: -5,
    inferFeatureShape: false,
    param: ["k=v", "x=--y"],
    format: undefined,
    share: 0.5,
  });
});

const mistakes: readonly { words: string[]; message: RegExp; hint?: RegExp }[] = [
  { words: [], message: /needs FIRST: the first/ },
  { words: ["a", "--ouput", "x"], message: /no option "--ouput"/, hint: /Did you mean "--output"/ },
  { words: ["a", "-x"], message: /no option "-x"/ },
  { words: ["a", "-o"], message: /"-o" needs a value: FILE/ },
  { words: ["a", "-o", "--json"], message: /"-o" needs a value: FILE/ },
  { words: ["a", "--json=maybe"], message: /takes no value/ },
  { words: ["a", "--format", "parqet"], message: /one of csv, parquet/, hint: /"parquet"/ },
  { words: ["a", "--max-string-domain-size", "many"], message: /needs a whole number/ },
  { words: ["a", "--share", "half"], message: /needs a number/ },
];
for (const { words, message, hint } of mistakes) {
  test(`"trial ${words.join(" ")}" is wrong use: ${message.source}`, () => {
    assert.throws(
      () => parseArguments(command, words),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError);
        assert.equal(error.code, "invalid_argument");
        assert.match(error.message, message);
        assert.match(error.hint ?? "", hint ?? /--help/);
        return true;
      },
    );
  });
}

test("--help demands nothing else", () => {
  assert.equal(parseArguments(command, ["--help"]).options["help"], true);
});
