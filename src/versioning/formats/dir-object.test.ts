import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WaybillError } from "../../foundation/index.ts";
import {
  compareCodePoints,
  folderObjectName,
  parseFolderObject,
  stringifyFolderObject,
} from "./dir-object.ts";

const HELLO = "5d41402abc4b2a76b9719d911017c592";

test("a folder object has dvc's bytes and so dvc's name", () => {
  const text = stringifyFolderObject([
    { relpath: "sub/é ü.txt", md5: "401b30e3b8b5d629635a5c613cdb7919" },
    { relpath: "empty", md5: "d41d8cd98f00b204e9800998ecf8427e" },
    { relpath: "a.txt", md5: HELLO },
  ]);
  assert.equal(text.length, 211);
  assert.equal(folderObjectName(text), "e0d0b65c1ad18ec345d724eca8ca584e.dir");
  assert.equal(folderObjectName(stringifyFolderObject([])), "d751713988987e9331980363e24189ce.dir");
});

test("everything outside printable ASCII is escaped as Python escapes it", () => {
  const relpath = 'a/\u007f\t"\\é\u{1f600}';
  assert.equal(
    stringifyFolderObject([{ relpath, md5: HELLO }]),
    `[{"md5": "${HELLO}", "relpath": "a/\\u007f\\t\\"\\\\\\u00e9\\ud83d\\ude00"}]`,
  );
});

test("paths are ordered by code point, not by UTF-16 unit", () => {
  const sorted = ["😀", "\u{e000}", "z", "a/b", "a.txt", "a-b/c", "a"].sort(compareCodePoints);
  assert.deepEqual(sorted, ["a", "a-b/c", "a.txt", "a/b", "z", "\u{e000}", "😀"]);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      const byBytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.equal(Math.sign(compareCodePoints(a, b)), byBytes);
    }),
  );
});

test("parsing gives back what was written", () => {
  const entries = [{ relpath: "a", md5: HELLO }];
  assert.deepEqual(parseFolderObject(stringifyFolderObject(entries), "x.dir"), entries);
});

for (const [name, text] of [
  ["cut short", '[{"md5": "5d41'],
  ["no list", "{}"],
  ["no md5", '[{"relpath": "a"}]'],
  ["a strange md5", '[{"md5": "../../x", "relpath": "a"}]'],
  ["a parent", `[{"md5": "${HELLO}", "relpath": "../a"}]`],
  ["a parent inside", `[{"md5": "${HELLO}", "relpath": "a/../../b"}]`],
  ["an absolute path", `[{"md5": "${HELLO}", "relpath": "/etc/passwd"}]`],
  ["an empty path", `[{"md5": "${HELLO}", "relpath": ""}]`],
  ["a NUL", `[{"md5": "${HELLO}", "relpath": "a\\u0000b"}]`],
  ["one path twice", `[{"md5": "${HELLO}", "relpath": "a"}, {"md5": "${HELLO}", "relpath": "a"}]`],
] as const) {
  test(`a folder object with ${name} is refused as damaged`, () => {
    assert.throws(
      () => parseFolderObject(text, "x.dir"),
      (error) => error instanceof WaybillError && error.code === "data_loss",
    );
  });
}
