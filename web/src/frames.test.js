import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameQueue } from "./frames.js";

/** @param {number} sequence @param {Partial<import("./wire/messages.js").WatchFrame>} more @returns {import("./wire/messages.js").WatchFrame} */
const frame = (sequence, more) => ({
  camera: "farm/gate",
  stream: "h264",
  epoch: 1n,
  sequence,
  captureTimeUs: 0,
  arrivalTimeUs: 0,
  codec: "h264",
  key: false,
  width: 0,
  height: 0,
  stale: false,
  decodeTimeUs: 0,
  form: "frame",
  mediaTimeUs: 0,
  data: new Uint8Array(),
  ...more,
});
/** @param {FrameQueue} queue */
async function all(queue) {
  const sequences = [];
  queue.put(frame(999_999, { key: true }));
  for (let next = await queue.next(); next && next.sequence !== 999_999; next = await queue.next()) sequences.push(next.sequence);
  return sequences;
}

test("of pictures a slow reader has the newest", async () => {
  const queue = new FrameQueue();
  for (const sequence of [1, 2, 3]) queue.put(frame(sequence, { codec: "jpeg", key: true }));
  assert.equal((await queue.next())?.sequence, 3);
});

test("of a video every frame is read, from a key frame on", async () => {
  const queue = new FrameQueue();
  for (const sequence of [1, 2, 3, 4, 5]) queue.put(frame(sequence, { key: sequence === 3 }));
  assert.deepEqual(await all(queue), [3, 4, 5]);
});

test("after a gap it goes on with a key frame", async () => {
  const queue = new FrameQueue();
  queue.put(frame(1, { key: true }));
  queue.gap();
  queue.put(frame(2, {}));
  queue.put(frame(3, { key: true }));
  assert.deepEqual(await all(queue), [1, 3]);
});

test("a reader that is too slow misses what waits, and never half a group", async () => {
  const queue = new FrameQueue();
  const data = new Uint8Array(3 << 20);
  for (let sequence = 1; sequence <= 20; sequence++) queue.put(frame(sequence, { key: sequence % 8 === 1, data }));
  assert.deepEqual(await all(queue), [17, 18, 19, 20]);
});

test("a reader that waits is given the next frame, or told of the end", async () => {
  const queue = new FrameQueue();
  const waits = queue.next();
  queue.put(frame(7, { key: true }));
  assert.equal((await waits)?.sequence, 7);
  const waitsAgain = queue.next();
  queue.end(null);
  assert.equal(await waitsAgain, null);
  const failing = new FrameQueue();
  failing.end(new Error("no such camera"));
  await assert.rejects(failing.next(), /no such camera/);
});
