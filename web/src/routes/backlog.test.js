import assert from "node:assert/strict";
import { test } from "node:test";
import { Backlog } from "./backlog.js";

/** @param {number} timestamp @param {number} putAtMs */
const entry = (timestamp, putAtMs) => ({ timestamp, putAtMs, stale: false, captureTimeUs: timestamp, arrivalTimeUs: 0 });
const FRAME_US = 33_333;

/** Which of `frames`, put in at once at 0 and out every `eachMs`, are shown. @param {number} frames @param {number} eachMs */
function shown(frames, eachMs) {
  const backlog = new Backlog();
  backlog.begin(0);
  for (let at = 0; at < frames; at++) backlog.put(entry(at * FRAME_US, 0));
  return Array.from({ length: frames }, (_, at) => at).filter((at) => {
    const taken = backlog.take(at * FRAME_US);
    return taken && backlog.verdict(taken, (at + 1) * eachMs) === "shown";
  });
}

test("the group that a stream begins with is not shown frame by frame", () => {
  assert.deepEqual(shown(30, 3), []);
  assert.deepEqual(shown(30, 15), [16, 25, 26, 27, 28, 29]);
});

test("a slow machine shows something of a long group meanwhile", () => {
  assert.deepEqual(shown(100, 10), [24, 49, 74, 99]);
});

test("frames that come one by one are all shown", () => {
  const backlog = new Backlog();
  for (let at = 0; at < 10; at++) {
    backlog.put(entry(at * FRAME_US, at * 33));
    const taken = backlog.take(at * FRAME_US);
    assert.ok(taken);
    assert.equal(backlog.verdict(taken, at * 33 + (at % 2) * 15), "shown");
  }
});

test("frames come out in another order than they went in", () => {
  const backlog = new Backlog();
  for (const timestamp of [0, 120, 40, 80]) backlog.put(entry(timestamp, 0));
  assert.deepEqual([0, 40, 80, 120].map((timestamp) => backlog.take(timestamp)?.timestamp), [0, 40, 80, 120]);
  assert.equal(backlog.take(120), null);
  assert.equal(backlog.length, 0);
});

test("a decoder that keeps a frame for seconds is overloaded, and so is one that is full", () => {
  const backlog = new Backlog();
  assert.equal(backlog.overloaded(0), false);
  backlog.put(entry(0, 0));
  assert.equal(backlog.overloaded(2_900), false);
  assert.equal(backlog.overloaded(3_100), true);
  backlog.begin(3_100);
  assert.equal(backlog.overloaded(3_100), false);
  for (let at = 0; at < 600; at++) backlog.put(entry(at, 3_100));
  assert.equal(backlog.overloaded(3_100), true);
});
