import assert from "node:assert/strict";
import { test } from "node:test";
import { Slowness } from "./slowness.js";

const MINUTE = 60_000;

test("a moment's trouble is not slowness", () => {
  const slowness = new Slowness();
  slowness.behind(0);
  assert.equal(slowness.slow(1), false);
  slowness.behind(30_000);
  assert.equal(slowness.slow(30_001), false);
});

test("frames left out again and again are, for a while", () => {
  const slowness = new Slowness();
  slowness.behind(0);
  slowness.behind(5_000);
  assert.equal(slowness.slow(5_001), true);
  assert.equal(slowness.slow(5_000 + MINUTE), false);
});

test("the large stream is tried less and less often, until it has held for long", () => {
  const slowness = new Slowness();
  let nowMs = 0;
  const restMs = () => {
    slowness.behind(nowMs);
    slowness.behind((nowMs += 1_000));
    const beganMs = nowMs;
    while (slowness.slow(nowMs)) nowMs += 1_000;
    return nowMs - beganMs;
  };
  assert.deepEqual([restMs(), restMs(), restMs()], [MINUTE, 2 * MINUTE, 4 * MINUTE]);
  for (let i = 0; i < 5; i++) restMs();
  assert.equal(restMs(), 16 * MINUTE);
  nowMs += 17 * MINUTE;
  assert.equal(restMs(), MINUTE);
});
