import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProgress, TerminalProgress } from "./progress.ts";
import { type OutputStream, Terminal } from "./terminal.ts";

/** A stream that remembers; the real Terminal writes to it. */
function recordingStream(isTTY: boolean): OutputStream & { readonly written: string[] } {
  const written: string[] = [];
  const stream = {
    written,
    isTTY,
    columns: 60,
    destroyed: false,
    write: (text: string) => {
      written.push(text);
      return true;
    },
    on: () => stream,
    off: () => stream,
    once: () => stream,
  };
  // Only the members that OutputStream names are there.
  return stream as unknown as OutputStream & { readonly written: string[] };
}

test("a line says how much is done, of how much, how fast and how long it still takes", () => {
  assert.equal(
    describeProgress(
      { label: "reading train.csv", done: 512 << 20, total: 2 * 2 ** 30, unit: "bytes" },
      2000,
    ),
    "reading train.csv  512 MiB of 2.0 GiB (25%)  256 MiB/s  6.0 s left",
  );
  assert.equal(
    describeProgress({ label: "rows", done: 3401, total: undefined, unit: "rows" }, 1000),
    "rows  3,401 rows  3,401 rows/s",
  );
  assert.equal(
    describeProgress({ label: "collecting", done: 0, total: undefined, unit: undefined }, 2400),
    "collecting  2.4 s",
  );
});

test("on a terminal one line is drawn within half a second and wiped at the end", () => {
  let nowMs = 0;
  const stderr = recordingStream(true);
  const terminal = new Terminal(recordingStream(false), stderr, () => {});
  const progress = new TerminalProgress(terminal, { nowMs: () => nowMs }, "statistics", true);
  progress.report("reading", 1, 10, "rows");
  assert.deepEqual(stderr.written, []);
  nowMs = 400;
  progress.report("reading", 2, 10, "rows");
  assert.equal(stderr.written.length, 1);
  assert.match(stderr.written[0] ?? "", /reading {2}2 of 10 rows \(20%\)/);
  progress[Symbol.dispose]();
  assert.equal(stderr.written.at(-1), "\r\u001b[2K");
});

test("elsewhere a plain line comes every ten seconds", () => {
  let nowMs = 0;
  const stderr = recordingStream(false);
  const terminal = new Terminal(recordingStream(false), stderr, () => {});
  using progress = new TerminalProgress(terminal, { nowMs: () => nowMs }, "statistics", true);
  for (nowMs = 0; nowMs < 25_000; nowMs += 500) progress.report("reading", nowMs, 30_000);
  assert.equal(stderr.written.length, 2);
  assert.ok(stderr.written.every((line) => line.endsWith("\n") && !line.includes("\u001b")));
});

test("--quiet shows none", () => {
  let nowMs = 0;
  const stderr = recordingStream(true);
  const terminal = new Terminal(recordingStream(false), stderr, () => {});
  using progress = new TerminalProgress(terminal, { nowMs: () => nowMs }, "statistics", false);
  nowMs = 60_000;
  progress.report("reading", 1);
  assert.deepEqual(stderr.written, []);
});
