import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline } from "./timeline.js";

const START_US = 1_795_435_402_000_000;
/**
 * @param {number} atS since the camera's origin
 * @param {Partial<import("../wire/messages.js").WatchFrame>} [more]
 */
const frame = (atS, more = {}) => ({
  camera: "farm/gate",
  stream: "h264",
  epoch: 1n,
  sequence: 0,
  captureTimeUs: START_US + Math.round(atS * 1e6),
  arrivalTimeUs: 0,
  codec: /** @type {const} */ ("h264"),
  key: false,
  width: 0,
  height: 0,
  stale: false,
  decodeTimeUs: 0,
  form: /** @type {const} */ ("fmp4"),
  mediaTimeUs: Math.round(atS * 1e6),
  data: new Uint8Array(),
  ...more,
});

test("the first picture comes to zero, however late it is taken", () => {
  const timeline = new Timeline();
  assert.equal(timeline.place(frame(86_400, { key: true }), 0), -86_400);
  assert.equal(timeline.place(frame(86_400.04), 0.04), -86_400);
});

test("a gap stays a gap", () => {
  const timeline = new Timeline();
  timeline.place(frame(60, { key: true }), 0);
  assert.equal(timeline.place(frame(75, { key: true }), 1), -60);
});

test("another run of the publisher follows what is there", () => {
  const timeline = new Timeline();
  timeline.place(frame(60, { key: true }), 0);
  timeline.place(frame(70), 9.96);
  assert.equal(timeline.place(frame(61, { epoch: 2n, key: true }), 10.04), 10.04 - 61);
  assert.equal(timeline.place(frame(61.04, { epoch: 2n }), 10.08), 10.04 - 61);
});

test("a count that goes back within a run begins anew too", () => {
  const timeline = new Timeline();
  timeline.place(frame(60, { key: true }), 0);
  timeline.place(frame(70), 9.96);
  assert.equal(timeline.place(frame(60, { key: true }), 10.04), 10.04 - 60);
});

test("sound has its place beside the picture, and waits for it", () => {
  const timeline = new Timeline();
  assert.equal(timeline.beside({ epoch: 1n }), null);
  timeline.place(frame(60, { key: true }), 0);
  assert.equal(timeline.beside({ epoch: 1n }), -60);
  assert.equal(timeline.beside({ epoch: 2n }), null);
});

test("what is shown is known by when it was taken", () => {
  const timeline = new Timeline();
  timeline.place(frame(60, { key: true }), 0);
  timeline.place(frame(60.5), 0.5);
  assert.deepEqual(timeline.at(0.25), { captureTimeUs: START_US + 60_250_000, stale: false });
});

test("frames that are shown later than they are decoded are known too", () => {
  const timeline = new Timeline();
  const late = frame(60, { key: true, captureTimeUs: START_US + 60_080_000, decodeTimeUs: START_US + 60_000_000 });
  timeline.place(late, 0);
  assert.equal(timeline.at(0.08).captureTimeUs, START_US + 60_080_000);
  assert.deepEqual(timeline.keysS, [0.08]);
});

test("what came from memory is stale, what follows is not", () => {
  const timeline = new Timeline();
  timeline.place(frame(60, { key: true, stale: true }), 0);
  timeline.place(frame(60.04, { stale: true }), 0.04);
  timeline.place(frame(63), 0.08);
  assert.deepEqual([0, 0.04, 3].map((atS) => timeline.at(atS).stale), [true, true, false]);
});
