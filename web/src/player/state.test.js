import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, stalledAfterMs } from "./state.js";

const NOW = new Date(2026, 10, 23, 14, 30).getTime();
/** @type {import("../wire/messages.js").Stream} */
const jpeg = { name: "jpeg", codec: "jpeg", width: 1280, height: 720, fps: 30, bitsPerSecond: 0, codecString: "" };
/** @type {import("../wire/messages.js").CameraInfo} */
const info = {
  camera: "farm/gate",
  title: "",
  online: true,
  state: "live",
  reason: "",
  lastSeenUs: 0,
  streams: [jpeg],
  source: "test",
};

/** @param {Partial<import("./state.js").Facts>} facts */
const say = (facts) =>
  describe({
    nowMs: NOW,
    link: "open",
    retryInMs: null,
    informed: true,
    info,
    lastSeenMs: NOW - 1000,
    refused: null,
    broken: null,
    showable: true,
    timed: true,
    startedMs: NOW - 60_000,
    freshMs: NOW - 30,
    fps: 30,
    pausedMs: null,
    ...facts,
  });

test("fresh pictures are live, and bear no mark", () => {
  assert.deepEqual(say({}), { kind: "live", tone: "none", words: "live", spoken: "live" });
});

test("a picture that is not followed by another one is stalled, and counts", () => {
  const state = say({ freshMs: NOW - 4_200 });
  assert.equal(state.kind, "stalled");
  assert.equal(state.words, "no new picture for 4 s");
  assert.equal(state.spoken, "no new picture");
});

test("a slow camera is not stalled between two pictures", () => {
  assert.equal(stalledAfterMs(30), 2_000);
  assert.equal(stalledAfterMs(0), 2_000);
  assert.equal(stalledAfterMs(0.2), 15_000);
  assert.equal(say({ fps: 0.2, freshMs: NOW - 9_000 }).kind, "live");
});

test("an offline camera says since when, whatever came last", () => {
  const state = say({ info: { ...info, online: false }, lastSeenMs: new Date(2026, 10, 23, 14, 3).getTime() });
  assert.equal(state.kind, "offline");
  assert.match(state.words, /^offline since .*0?2?:?.*03/);
});

test("a camera that fails says why", () => {
  const state = say({ info: { ...info, state: "failed", reason: "the camera refuses the password" }, freshMs: null });
  assert.deepEqual([state.kind, state.words], ["failed", "the camera refuses the password"]);
});

test("a camera without a stream that can be shown names its codec", () => {
  const state = say({ info: { ...info, streams: [{ ...jpeg, codec: "h265" }] }, showable: false, freshMs: null });
  assert.deepEqual([state.kind, state.words], ["undecodable", "H.265: this browser cannot show it"]);
});

test("before the first picture it is connecting, and says so when it takes long", () => {
  const connecting = { ...info, state: /** @type {const} */ ("connecting") };
  assert.equal(say({ freshMs: null, startedMs: NOW - 100 }).words, "connecting");
  assert.equal(say({ freshMs: null, startedMs: NOW - 100, info: connecting }).words, "opening the camera");
  assert.equal(say({ freshMs: null, startedMs: NOW - 7_000 }).words, "no picture for 7 s");
});

test("without the relay nothing is live, and the next try is told", () => {
  assert.equal(say({ link: "lost", retryInMs: 1_200 }).words, "relay unreachable, next try in 2 s");
  assert.equal(say({ link: "lost", retryInMs: null }).words, "relay unreachable, trying again");
  assert.equal(say({ link: "connecting", freshMs: null }).kind, "connecting");
});

test("a refused subscription says why", () => {
  assert.equal(say({ refused: { code: "unknown_camera", message: "x" } }).kind, "missing");
  assert.equal(say({ refused: { code: "forbidden", message: "" } }).kind, "forbidden");
  assert.equal(say({ refused: { code: "too_many_subscriptions", message: "too many" } }).words, "too many");
});

test("a route that cannot see when pictures come admits that it cannot tell", () => {
  const facts = { link: /** @type {const} */ ("blocked"), timed: false, informed: false };
  assert.equal(say(facts).kind, "unverified");
  assert.equal(say({ ...facts, link: "lost" }).kind, "unreachable");
});

test("pictures by HTTP are as live as others", () => {
  assert.equal(say({ link: "blocked" }).kind, "live");
  assert.equal(say({ link: "blocked", informed: false, freshMs: NOW - 5_000 }).kind, "stalled");
});

test("a paused picture says when it is from", () => {
  assert.match(say({ pausedMs: NOW }).words, /^paused at /);
});
