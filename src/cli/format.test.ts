import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatQuantity,
  formatShare,
  formatTime,
  printable,
  toJsonText,
} from "./format.ts";

const cases: readonly (readonly [given: string, want: string])[] = [
  [formatBytes(812), "812 B"],
  [formatBytes(1288490189), "1.2 GiB"],
  [formatBytes(5n << 40n), "5.0 TiB"],
  [formatCount(3401), "3,401"],
  [formatCount(-1116), "-1,116"],
  [formatCount(12345678901234567890n), "12,345,678,901,234,567,890"],
  [formatQuantity(1, "row"), "1 row"],
  [formatQuantity(0, "anomaly", "anomalies"), "0 anomalies"],
  [formatNumber(0.012345678), "0.01235"],
  [formatNumber(1234567.8), "1,234,568"],
  [formatNumber(1.5e-9), "1.5e-9"],
  [formatNumber(Number.NaN), "NaN"],
  [formatShare(0.125), "12.5%"],
  [formatShare(0.0000001), "<0.1%"],
  [formatDuration(340), "340 ms"],
  [formatDuration(2400), "2.4 s"],
  [formatDuration(59_990), "1 min 0 s"],
  [formatDuration(200_000), "3 min 20 s"],
  [formatDuration(7_500_000), "2 h 5 min"],
  [formatDuration(864_000_000), "10 d 0 h"],
  [formatTime(new Date("2026-11-24T17:05:09.123Z")), "2026-11-24 17:05:09Z"],
];
for (const [given, want] of cases) {
  test(`people read ${want}`, () => assert.equal(given, want));
}

test("a value cannot steer the terminal", () => {
  assert.equal(printable("a\u001b[31mred\u0007\u202e"), "a\\u001b[31mred\\u0007\\u202e");
});

test("JSON keeps 64-bit integers exact and writes times, bytes and maps", () => {
  const value = {
    id: 9007199254740993n,
    at: new Date(0),
    bytes: new Uint8Array([1, 2]),
    map: new Map([["a", 1]]),
    nan: Number.NaN,
    gone: undefined,
  };
  assert.equal(
    toJsonText(value),
    '{"id":9007199254740993,"at":"1970-01-01T00:00:00.000Z","bytes":"AQI=","map":{"a":1},"nan":"NaN"}',
  );
});
