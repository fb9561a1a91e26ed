import assert from "node:assert/strict";
import { test } from "node:test";
import { WaybillError } from "../../foundation/index.ts";
import { newDvcFile, parseDvcFile, updateDvcFile } from "./dvc-file.ts";

const HELLO = "5d41402abc4b2a76b9719d911017c592";

test("a new file is what dvc writes", () => {
  assert.equal(
    newDvcFile("single.bin", { md5: HELLO, sizeBytes: 5 }),
    `outs:\n- md5: ${HELLO}\n  size: 5\n  hash: md5\n  path: single.bin\n`,
  );
  assert.equal(
    newDvcFile("naïve file: #1.bin", { md5: `${HELLO}.dir`, sizeBytes: 7, fileCount: 3 }),
    `outs:\n- md5: ${HELLO}.dir\n  size: 7\n  nfiles: 3\n  hash: md5\n  path: 'naïve file: #1.bin'\n`,
  );
  assert.equal(
    newDvcFile("run.sh", { md5: HELLO, sizeBytes: 5, isExecutable: true }),
    `outs:\n- md5: ${HELLO}\n  size: 5\n  isexec: true\n  hash: md5\n  path: run.sh\n`,
  );
});

test("the short way of reading and the YAML parser agree", async () => {
  for (const path of ["a.csv", "data", "1234", "yes", "true", "12e45", "a b", "é", "naïve: #1"]) {
    const text = newDvcFile(path, { md5: HELLO, sizeBytes: 5, isExecutable: path === "data" });
    const short = await parseDvcFile(text, "x.dvc");
    assert.deepEqual(await parseDvcFile(`# read by the parser\n${text}`, "x.dvc"), short);
    assert.equal(short.outs[0]?.path, path);
    assert.equal(short.outs[0]?.md5, HELLO);
  }
});

test("an md5 of digits only stays a string", async () => {
  const md5 = "1".repeat(32);
  const text = newDvcFile("x", { md5, sizeBytes: 5 });
  assert.match(text, /md5: '1+'/u);
  assert.equal((await parseDvcFile(text, "x.dvc")).outs[0]?.md5, md5);
});

test("comments, desc, meta and the order of keys outlive an update", async () => {
  const text = `# a comment of the user
outs:
- path: data # here
  md5: ${HELLO}.dir
  size: 7
  nfiles: 3
  hash: md5
  desc: mine
  labels: [a, b]
meta:
  owner: me
`;
  const updated = await updateDvcFile(text, "data", { md5: HELLO, sizeBytes: 9 }, "data.dvc");
  assert.match(updated, /^# a comment of the user\nouts:\n- path: data # here\n/u);
  assert.match(updated, /size: 9\n/u);
  assert.doesNotMatch(updated, /nfiles|\.dir/u);
  const parsed = await parseDvcFile(updated, "data.dvc");
  assert.deepEqual(parsed.other, { meta: { owner: "me" } });
  assert.deepEqual(parsed.outs[0]?.other, { desc: "mine", labels: ["a", "b"] });
});

test("an update of a plain file has the bytes that dvc gives it: new keys come last", async () => {
  const old = `outs:\n- md5: ${HELLO}\n  size: 5\n  path: data\n`;
  assert.equal(
    await updateDvcFile(
      old,
      "data",
      { md5: `${HELLO}.dir`, sizeBytes: 7, fileCount: 3 },
      "data.dvc",
    ),
    `outs:\n- md5: ${HELLO}.dir\n  size: 7\n  path: data\n  nfiles: 3\n  hash: md5\n`,
  );
});

test("a file of dvc 2 is read as such", async () => {
  const parsed = await parseDvcFile(`outs:\n- md5: ${HELLO}\n  size: 5\n  path: t\n`, "t.dvc");
  assert.equal(parsed.outs[0]?.hashName, "md5-dos2unix");
});

for (const [name, text] of [
  ["cut YAML", "outs:\n- md5: ["],
  ["a list", "- a\n"],
  ["outs that are no list", "outs: 5\n"],
  ["an entry that is no mapping", "outs:\n- 5\n"],
  ["no path", `outs:\n- md5: ${HELLO}\n`],
  ["an md5 that is none", "outs:\n- md5: ../../x\n  path: a\n"],
  ["a key twice", `outs:\n- path: a\n  path: b\n`],
  [
    "an alias that grows without end",
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nouts: [*c,*c,*c]\n`,
  ],
] as const) {
  test(`a .dvc file with ${name} is refused with its name`, async () => {
    await assert.rejects(
      parseDvcFile(text, "odd.dvc"),
      (error) =>
        error instanceof WaybillError &&
        error.code === "invalid_argument" &&
        error.message.includes("odd.dvc"),
    );
  });
}

test("an empty .dvc file tracks nothing", async () => {
  assert.deepEqual((await parseDvcFile("", "x.dvc")).outs, []);
});
