import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "./gate.js";

/** @param {Gate} gate @param {[sequence: number, key?: boolean, epoch?: bigint][]} frames */
const admitted = (gate, frames) =>
  frames.filter(([sequence, key = false, epoch = 1n]) => gate.admits({ epoch, sequence, key })).map(([sequence]) => sequence);

test("a stream begins with a key frame", () => {
  assert.deepEqual(admitted(new Gate(), [[5], [6], [7, true], [8], [9]]), [7, 8, 9]);
});

test("after a loss nothing passes until the next key frame", () => {
  assert.deepEqual(admitted(new Gate(), [[1, true], [2], [4], [5], [6, true], [7]]), [1, 2, 6, 7]);
});

test("the same frame twice does not pass for a continuation", () => {
  assert.deepEqual(admitted(new Gate(), [[1, true], [2], [2], [3], [4, true]]), [1, 2, 4]);
});

test("another run of the publisher begins with a key frame too", () => {
  assert.deepEqual(admitted(new Gate(), [[1, true], [2], [3, false, 2n], [4, true, 2n], [5, false, 2n]]), [1, 2, 4, 5]);
});

test("a closed gate waits for a key frame, whatever follows", () => {
  const gate = new Gate();
  assert.deepEqual(admitted(gate, [[1, true], [2]]), [1, 2]);
  gate.close();
  assert.deepEqual(admitted(gate, [[3], [4, true], [5]]), [4, 5]);
});
