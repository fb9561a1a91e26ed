import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaTypeOf } from "./media-type.ts";

const cases: readonly { name: string; head: string | number[]; want: string }[] = [
  { name: "a.parquet", head: "PAR1....", want: "application/vnd.apache.parquet" },
  { name: "misnamed.csv", head: "PAR1....", want: "application/vnd.apache.parquet" },
  { name: "a.csv", head: "a,b\n1,2\n", want: "text/csv" },
  { name: "A.CSV", head: "a,b\n1,2\n", want: "text/csv" },
  { name: "rows.jsonl", head: "{}\n", want: "application/x-ndjson" },
  { name: "a.png", head: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], want: "image/png" },
  { name: "clip.wav", head: "RIFF....WAVEfmt ", want: "audio/wav" },
  {
    name: "b.xlsx",
    head: "PK\x03\x04",
    want: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  },
  { name: "b.zip", head: "PK\x03\x04", want: "application/zip" },
  { name: "notes", head: "naïve", want: "text/plain" },
  { name: "empty", head: "", want: "text/plain" },
  { name: "cut-in-a-character", head: [0x61, 0xc3], want: "text/plain" },
  { name: "blob", head: [0, 1, 2], want: "application/octet-stream" },
  { name: "latin1", head: [0x61, 0xe9, 0x62], want: "application/octet-stream" },
];

for (const { name, head, want } of cases) {
  test(`${name} is ${want}`, () => {
    assert.equal(mediaTypeOf(name, Buffer.from(head as string)), want);
  });
}
