import assert from "node:assert/strict";
import { test } from "node:test";
import * as words from "./words.js";

test("durations are rounded down to one unit", () => {
  assert.deepEqual(
    [-5, 4_900, 59_999, 60_000, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map(words.duration),
    ["0 s", "4 s", "59 s", "1 min", "1 h", "47 h", "2 days"],
  );
});

test("a time says its day only when that is another one", () => {
  const now = new Date(2026, 10, 23, 15, 0).getTime();
  const at = (/** @type {number[]} */ ...parts) => words.clockTime(new Date(parts[0], parts[1], parts[2], 14, 3).getTime(), now, "en-GB");
  assert.equal(at(2026, 10, 23), "14:03");
  assert.match(at(2026, 10, 12), /12 Nov.*14:03/);
  assert.match(at(2025, 10, 12), /2025.*14:03/);
});

test("rates keep a decimal only while it matters", () => {
  assert.deepEqual([30, 29.7, 1, 0.5, 9.94].map(words.rate), ["30 fps", "30 fps", "1 fps", "0.5 fps", "9.9 fps"]);
  assert.deepEqual([21e6, 2.14e6, 900e3].map(words.bitrate), ["21 Mbit/s", "2.1 Mbit/s", "900 kbit/s"]);
  assert.deepEqual([12.4, 1500, 15_000].map(words.latency), ["12 ms", "1.5 s", "15 s"]);
});

test("a camera without a title is called by its name", () => {
  assert.equal(words.cameraTitle({ camera: "a/b", title: "Gate" }, "a/b"), "Gate");
  assert.equal(words.cameraTitle({ camera: "a/b", title: "" }, "a/b"), "b");
  assert.equal(words.cameraTitle(undefined, "a/b"), "b");
});
