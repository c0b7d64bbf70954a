import assert from "node:assert/strict";
import { test } from "node:test";
import { IDLE, OPEN_TIMEOUT_MS, delayMs, step } from "./machine.js";

/**
 * Applies events, each at its time, and returns the last link and all actions.
 * @param {import("./machine.js").Link} link
 * @param {[number, import("./machine.js").LinkEvent][]} events
 */
function run(link, events) {
  /** @type {string[]} */
  const actions = [];
  for (const [nowMs, event] of events) {
    const [next, action] = step(link, event, nowMs, 0);
    link = next;
    if (action !== "none") actions.push(action);
  }
  return { link, actions };
}

/** @param {number} [openedAtMs] */
const open = (openedAtMs = 0) => run(IDLE, [[0, { type: "wanted" }], [openedAtMs, { type: "opened" }]]).link;

test("a connection opens when it is wanted, and closes when it no longer is", () => {
  const { link, actions } = run(IDLE, [
    [0, { type: "wanted" }],
    [10, { type: "opened" }],
    [20, { type: "unwanted" }],
  ]);
  assert.deepEqual(actions, ["open", "close"]);
  assert.equal(link.kind, "idle");
});

test("a relay that shuts down is left for another one at once", () => {
  const { link, actions } = run(open(), [[60_000, { type: "closed", code: 1012 }]]);
  assert.deepEqual(actions, ["open"]);
  assert.equal(link.kind, "connecting");
  assert.equal(link.lostAtMs, 60_000);
});

test("a relay that shuts down right after opening is not hammered", () => {
  const { link } = run({ ...open(), failures: 1 }, [[100, { type: "closed", code: 1012 }]]);
  assert.equal(link.kind, "waiting");
  assert.ok(link.retryAtMs > 100);
});

test("a relay that leaves is left without a moment in between", () => {
  const { link, actions } = run(open(), [[60_000, { type: "moved" }]]);
  assert.deepEqual([link.kind, link.sinceMs, link.lostAtMs, actions.length], ["open", 60_000, null, 0]);
});

test("a relay that is gone before the next one has opened is only waited for", () => {
  const { link, actions } = run(open(), [[60_000, { type: "moving" }]]);
  assert.deepEqual([link.kind, link.lostAtMs, actions.length], ["connecting", 60_000, 0]);
  assert.equal(run(link, [[60_010, { type: "opened" }]]).link.kind, "open");
  assert.equal(run(link, [[60_010, { type: "closed", code: 1006 }]]).link.kind, "waiting");
});

test("after a failure the relay is asked by HTTP before the next WebSocket", () => {
  const { link, actions } = run(open(), [
    [60_000, { type: "closed", code: 1006 }],
    [60_100, { type: "tick" }],
    [60_250, { type: "tick" }],
    [60_260, { type: "probed", ok: true }],
  ]);
  assert.deepEqual(actions, ["probe", "open"]);
  assert.equal(link.kind, "connecting");
});

test("an unreachable relay is asked again, ever more seldom, at least every two seconds", () => {
  let { link } = run(open(), [[10_000, { type: "closed", code: 1006 }]]);
  let nowMs = 10_000;
  /** @type {number[]} */
  const waits = [];
  for (let i = 0; i < 6; i++) {
    waits.push(link.retryAtMs - nowMs);
    nowMs = link.retryAtMs;
    link = run(link, [[nowMs, { type: "tick" }], [nowMs, { type: "probed", ok: false }]]).link;
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 2000, 2000]);
  assert.equal(link.blocked, false);
  assert.equal(link.lostAtMs, 10_000);
});

test("chance shortens a wait by up to half", () => {
  assert.equal(delayMs(3, 0), 1000);
  assert.equal(delayMs(3, 1), 500);
  assert.equal(delayMs(10_000, 0), 2000);
});

test("a relay that answers HTTP and refuses WebSockets twice is blocked, until one opens", () => {
  let { link } = run(IDLE, [[0, { type: "wanted" }], [1, { type: "closed", code: 1006 }]]);
  for (const nowMs of [1_000, 5_000]) {
    assert.equal(link.blocked, false);
    link = run(link, [
      [nowMs, { type: "wake" }],
      [nowMs, { type: "probed", ok: true }],
      [nowMs + 1, { type: "closed", code: 1006 }],
    ]).link;
  }
  assert.equal(link.blocked, true);
  assert.equal(link.retryAtMs, 5_001 + 15_000);
  link = run(link, [[30_000, { type: "tick" }], [30_000, { type: "probed", ok: true }]]).link;
  assert.equal(link.blocked, true);
  link = run(link, [[30_010, { type: "opened" }]]).link;
  assert.deepEqual([link.kind, link.blocked, link.lostAtMs], ["open", false, null]);
});

test("a blocked relay that cannot be reached at all is lost, and asked again soon", () => {
  const blocked = { ...IDLE, kind: /** @type {const} */ ("waiting"), failures: 3, refusals: 2, blocked: true, retryAtMs: 15_000 };
  const { link } = run(blocked, [[100, { type: "unreachable" }]]);
  assert.deepEqual([link.blocked, link.refusals, link.retryAtMs], [false, 0, 2_100]);
  assert.equal(run(open(), [[100, { type: "unreachable" }]]).link.kind, "open");
});

test("a silent connection is closed and made anew", () => {
  const { link, actions } = run(open(), [[60_000, { type: "silent" }]]);
  assert.deepEqual(actions, ["close"]);
  assert.equal(link.kind, "waiting");
});

test("the close event of a connection that was given up changes nothing", () => {
  const waiting = run(open(), [[60_000, { type: "silent" }]]).link;
  assert.equal(run(waiting, [[60_001, { type: "closed", code: 1006 }]]).link, waiting);
});

test("a connection that does not open in time is given up", () => {
  const { link, actions } = run(IDLE, [[0, { type: "wanted" }], [OPEN_TIMEOUT_MS, { type: "tick" }]]);
  assert.deepEqual(actions, ["open", "close"]);
  assert.equal(link.kind, "waiting");
});

test("waking up ends the wait", () => {
  const waiting = run(open(), [[60_000, { type: "closed", code: 1006 }]]).link;
  assert.deepEqual(run(waiting, [[60_001, { type: "wake" }]]).actions, ["probe"]);
  assert.deepEqual(run(open(), [[60_001, { type: "wake" }]]).actions, []);
});
