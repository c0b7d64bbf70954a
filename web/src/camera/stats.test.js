import assert from "node:assert/strict";
import { test } from "node:test";
import { lines } from "./stats.js";

const stats = {
  route: "JPEG over WebSocket",
  why: "one connection carries every camera",
  stream: "jpeg",
  codec: "jpeg",
  codecString: "",
  sound: "none",
  width: 1280,
  height: 720,
  receivedFps: 30,
  shownFps: 29.6,
  received: 900,
  shown: 888,
  bitsPerSecond: 21_000_000,
  latencyMs: 41.7,
  dropped: { "slow decoder": 2, "slow connection": 7 },
  stalls: 1,
  reconnects: 0,
  relay: "relay-1 0.1.0",
  roundTripMs: 0.8,
};

test("every figure has a line in words", () => {
  const text = Object.fromEntries(lines(stats));
  assert.equal(text.Picture, "JPEG, 1280 × 720");
  assert.equal(text.Rate, "30 fps received, 30 fps shown");
  assert.match(text.Latency, /^42 ms,/);
  assert.equal(text.Dropped, "2 slow decoder, 7 slow connection");
  assert.equal(text.Relay, "relay-1 0.1.0, 1 ms away");
});

test("a route, its codec and its sound are told in words", () => {
  const video = { route: "H.264 by Media Source", why: "it carries the sound", stream: "sub", codec: "h264", codecString: "avc1.42E01E", sound: "on" };
  const text = Object.fromEntries(lines({ ...stats, ...video }));
  assert.equal(text.Route, "H.264 by Media Source: it carries the sound");
  assert.equal(text.Picture, "H.264 (avc1.42E01E), the small stream, 1280 × 720");
  assert.equal(text.Sound, "on");
  assert.equal(Object.fromEntries(lines({ ...stats, route: "", width: 0 })).Route, "none yet");
});

test("what a route cannot know is said to be unknown", () => {
  const text = Object.fromEntries(lines({ ...stats, receivedFps: null, shownFps: null, bitsPerSecond: null, latencyMs: null, dropped: {} }));
  assert.match(text.Rate, /not known/);
  assert.match(text.Latency, /not known/);
  assert.equal(text.Dropped, "none");
});
