import assert from "node:assert/strict";
import { test } from "node:test";
import { TARGET_S, Target, removeUntil, steer } from "./steer.js";

/** @param {number} currentS @param {[number, number][]} ranges @param {Partial<import("./steer.js").Facts>} [facts] */
const to = (currentS, ranges, facts = {}) =>
  steer({
    currentS,
    ranges: ranges.map(([startS, endS]) => ({ startS, endS })),
    targetS: 0.15,
    rate: 1,
    starting: false,
    ...facts,
  });
const STAY = { seekS: null, rate: 1 };

test("without data there is nothing to do", () => {
  assert.deepEqual(to(3, []), STAY);
});

test("close behind the newest frame it stays as it is", () => {
  assert.deepEqual(to(9.85, [[0, 10]]), STAY);
  assert.deepEqual(to(9.99, [[0, 10]]), STAY);
  assert.deepEqual(to(9.82, [[0, 10]]), STAY);
});

test("a player that has run dry waits", () => {
  assert.deepEqual(to(10, [[0, 10]]), STAY);
  assert.deepEqual(to(10.2, [[0, 10]]), STAY);
});

test("further behind it hurries, the more the further, until the target is reached", () => {
  assert.equal(to(9.7, [[0, 10]]).rate, 1.04);
  assert.equal(to(9, [[0, 10]]).rate, 1.07);
  assert.equal(to(8.55, [[0, 10]]).rate, 1.1);
  assert.equal(to(9.82, [[0, 10]], { rate: 1.04 }).rate, 1.03);
  assert.equal(to(9.85, [[0, 10]], { rate: 1.03 }).rate, 1);
});

test("far behind it jumps to the target", () => {
  assert.deepEqual(to(8.4, [[0, 10]]), { seekS: 9.85, rate: 1 });
  assert.deepEqual(to(0, [[9.95, 10]]), { seekS: 9.95, rate: 1 });
});

test("the first group is not watched from its start", () => {
  assert.deepEqual(to(0, [[0, 1]]).seekS, null);
  assert.deepEqual(to(0, [[0, 1]], { starting: true }), { seekS: 0.85, rate: 1 });
  assert.equal(to(0, [[0, 0.3]], { starting: true }).seekS, null);
});

test("a timeline that does not begin at zero is entered", () => {
  assert.deepEqual(to(0, [[0.08, 0.12]]), { seekS: 0.08, rate: 1 });
});

test("gaps are jumped once what is before them was shown", () => {
  assert.deepEqual(to(8.9, [[0, 9], [9.4, 9.8]]), { seekS: null, rate: 1.07 });
  assert.deepEqual(to(8.97, [[0, 9], [9.4, 9.8]]), { seekS: 9.4, rate: 1 });
  assert.deepEqual(to(9.2, [[0, 9], [9.4, 9.45]]), { seekS: 9.4, rate: 1 });
  assert.deepEqual(to(9, [[0, 9], [9.2, 9.5], [9.6, 9.9]]), { seekS: 9.2, rate: 1 });
});

test("what lies behind the newest frames by far is left", () => {
  assert.deepEqual(to(100, [[0, 10]]), { seekS: 9.85, rate: 1 });
});

test("a target of seconds is not jumped over", () => {
  assert.deepEqual(to(7.9, [[0, 10]], { targetS: 2 }), { seekS: null, rate: 1.03 });
  assert.deepEqual(to(5.9, [[0, 10]], { targetS: 2 }), { seekS: 8, rate: 1 });
});

test("a player that runs dry stays further behind, and comes closer when all is calm", () => {
  const target = new Target(TARGET_S);
  assert.equal(target.at(0), 0.15);
  for (let i = 0; i < 20; i++) target.ranDry(1_000);
  assert.equal(target.at(1_100), 0.6);
  assert.equal(target.at(11_100).toFixed(2), "0.48");
  assert.equal(target.at(11_200).toFixed(2), "0.48");
  for (let nowMs = 30_000; nowMs < 2_000_000; nowMs += 1_000) target.at(nowMs);
  assert.equal(target.at(2_000_000), 0.15);
});

test("a target that is set by hand is kept as the least", () => {
  const target = new Target(2);
  target.ranDry(0);
  assert.equal(target.at(1), 2);
});

test("old frames are removed up to a key frame, and never the group that is watched", () => {
  const keys = [0, 2, 4, 6, 30, 32];
  assert.equal(removeUntil(20, 0, keys, false), null);
  assert.equal(removeUntil(33, 0, keys, false), 6);
  assert.equal(removeUntil(33, 6, keys, false), null);
  assert.equal(removeUntil(45, 6, keys, false), 32);
  assert.equal(removeUntil(33, 0, [0], false), null);
});

test("when there is no room, all is removed but the group that is watched", () => {
  assert.equal(removeUntil(7, 0, [0, 2, 4, 6, 8], true), 6);
  assert.equal(removeUntil(1, 0, [0, 2], true), null);
});
