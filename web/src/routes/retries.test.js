import assert from "node:assert/strict";
import { test } from "node:test";
import { Retries } from "./retries.js";

test("what breaks again and again is given up", () => {
  const retries = new Retries(3);
  assert.deepEqual([0, 1_000, 2_000].map((nowMs) => retries.again(nowMs)), [true, true, false]);
});

test("what breaks now and then is tried again", () => {
  const retries = new Retries(3);
  for (let nowMs = 0; nowMs < 600_000; nowMs += 16_000) assert.equal(retries.again(nowMs), true);
});
