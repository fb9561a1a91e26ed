import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCanonicalPointer, type Pointer, parsePointer, printPointer } from "./pointer.ts";

const OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
const V = "version https://git-lfs.github.com/spec/v1";
const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join("");
const whole = text(V, `oid sha256:${OID}`, "size 12345");
const plain: Pointer = { oid: OID, size: 12345, extensions: [] };
const extended = (...priorities: number[]): Pointer => ({
  ...plain,
  extensions: priorities.map((priority) => ({ priority, name: `e${priority}`, oid: OID })),
});
const ext = (priority: number) => `ext-${priority}-e${priority} sha256:${OID}`;

/** What git-lfs 3.3.0 takes for a pointer, found by running it. */
const cases: readonly (readonly [string, string, Pointer | undefined])[] = [
  ["the canonical form", whole, plain],
  ["no newline at the end", whole.slice(0, -1), plain],
  ["CRLF", whole.replaceAll("\n", "\r\n"), plain],
  ["blank lines", whole.replaceAll("\n", "\n\n\r\n"), plain],
  ["white space around it", `\u00a0\t ${whole}\u2003 `, plain],
  ["padding up to 1,023 bytes", whole.padEnd(1023), plain],
  ["padding to 1,024 bytes", whole.padEnd(1024), undefined],
  ["the name before the first release", whole.replace("git-lfs.github", "hawser.github"), plain],
  ["the alpha name", whole.replace(/https.*v1/u, "http://git-media.io/v/2"), plain],
  ["a later version", whole.replace("v1", "v2"), undefined],
  ["two spaces after a key", whole.replace("version ", "version  "), undefined],
  ["a space at the end of a line", whole.replace("v1\n", "v1 \n"), undefined],
  ["another order", text(V, "size 12345", `oid sha256:${OID}`), undefined],
  ["an upper-case id", whole.replace(OID, OID.toUpperCase()), undefined],
  ["a short id", whole.replace(OID, "abc"), undefined],
  ["another hash", whole.replace("sha256", "md5"), undefined],
  ["a negative size", whole.replace("12345", "-1"), undefined],
  ["a size with plus and zeros", whole.replace("12345", "+0012345"), plain],
  ["a size that is no number", whole.replace("12345", "1e3"), undefined],
  ["a line more", `${whole}more\n`, undefined],
  ["only the version", text(V), undefined],
  ["nothing", "", undefined],
  ["an extension", text(V, ext(0), `oid sha256:${OID}`, "size 12345"), extended(0)],
  [
    "extensions out of order",
    text(V, ext(2), ext(1), `oid sha256:${OID}`, "size 12345"),
    extended(1, 2),
  ],
  ["an extension after the id", text(V, `oid sha256:${OID}`, ext(0), "size 12345"), extended(0)],
  ["an extension at the end", `${whole}${ext(0)}\n`, undefined],
  ["two of one priority", text(V, ext(1), ext(1), `oid sha256:${OID}`, "size 12345"), undefined],
  [
    "a priority of two digits",
    text(V, `ext-10-x sha256:${OID}`, `oid sha256:${OID}`, "size 1"),
    undefined,
  ],
  ["a byte order mark", `\ufeff${whole}`, undefined],
];
for (const [name, given, want] of cases) {
  test(`as a pointer, ${name} is ${want === undefined ? "refused" : "read"}`, () => {
    assert.deepEqual(parsePointer(Buffer.from(given)), want);
  });
}

test("bytes that are not UTF-8 are no pointer", () => {
  const bytes = Buffer.concat([Buffer.from(whole), Buffer.of(0xff)]);
  assert.equal(parsePointer(bytes), undefined);
});

test("only the form that is printed is canonical", () => {
  assert.equal(isCanonicalPointer(Buffer.from(whole)), true);
  assert.equal(isCanonicalPointer(Buffer.from(whole.slice(0, -1))), false);
  assert.equal(printPointer({ oid: OID, size: 0, extensions: [] }), "");
});

const pointers = fc.record(
  {
    oid: fc.stringMatching(/^[0-9a-f]{64}$/u),
    size: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    extensions: fc
      .uniqueArray(
        fc.record(
          {
            priority: fc.nat(9),
            name: fc.stringMatching(/^\w[\w.-]{0,15}$/u),
            oid: fc.stringMatching(/^[0-9a-f]{64}$/u),
          },
          { noNullPrototype: true },
        ),
        { selector: ({ priority }) => priority, maxLength: 4 },
      )
      .map((extensions) => extensions.sort((a, b) => a.priority - b.priority)),
  },
  { noNullPrototype: true },
);

test("a printed pointer is read as it was", () => {
  fc.assert(
    fc.property(pointers, (pointer) => {
      assert.deepEqual(parsePointer(Buffer.from(printPointer(pointer))), pointer);
    }),
  );
});

test("any bytes are a pointer or are none, and never an error", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 1100 }),
    fc.tuple(pointers, fc.nat(200), fc.nat(255)).map(([pointer, at, byte]) => {
      const content = Buffer.from(printPointer(pointer));
      content[at % content.length] = byte;
      return content;
    }),
  );
  fc.assert(
    fc.property(bytes, (content) => {
      const pointer = parsePointer(content);
      if (pointer === undefined || pointer.size === 0) return;
      assert.deepEqual(parsePointer(Buffer.from(printPointer(pointer))), pointer);
    }),
  );
});
