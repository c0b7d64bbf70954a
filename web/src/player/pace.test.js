import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "./pace.js";

/**
 * Runs for some seconds on a machine that can show `canShow` of 30 frames a second.
 * @param {Pace} pace @param {number} fromS @param {number} untilS @param {number} canShow
 */
function run(pace, fromS, untilS, canShow) {
  /** @type {number[]} */
  const asked = [];
  for (let s = fromS; s < untilS; s++) {
    const ask = pace.ask(s * 1000, 0);
    asked.push(ask);
    const coming = Math.min(30, ask || 30);
    for (let i = 0; i < Math.min(coming, canShow); i++) pace.shown();
    for (let i = canShow; i < coming; i++) pace.lost();
  }
  return asked;
}

test("a machine that shows everything is asked nothing of", () => {
  const pace = new Pace();
  pace.restart(0);
  assert.deepEqual(new Set(run(pace, 0, 60, 60)), new Set([0]));
});

test("a machine that is too slow gets what it can show", () => {
  const pace = new Pace();
  pace.restart(0);
  const asked = run(pace, 0, 6, 10);
  assert.equal(asked[0], 0);
  assert.equal(asked[5], 8);
});

test("more is tried after a while, ever more seldom when it is too much", () => {
  const pace = new Pace();
  pace.restart(0);
  const asked = run(pace, 0, 300, 10);
  const raises = asked.flatMap((ask, at) => (at > 5 && ask > asked[at - 1] ? [at] : []));
  assert.ok(raises.length >= 2 && raises.length < 20, `${raises}`);
  assert.ok(Math.max(...asked.slice(4)) <= 16);
});

test("a machine that became fast again gets everything", () => {
  const pace = new Pace();
  pace.restart(0);
  run(pace, 0, 10, 10);
  assert.equal(run(pace, 10, 200, 60).at(-1), 0);
});

test("what is wanted is the limit, and there is a least", () => {
  const pace = new Pace();
  pace.restart(0);
  assert.equal(pace.ask(0, 15), 15);
  for (let i = 0; i < 30; i++) pace.lost();
  assert.equal(pace.ask(2_000, 15), 2);
});
