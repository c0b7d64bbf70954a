import assert from "node:assert/strict";
import { test } from "node:test";
import { Forward } from "./forward.js";

const GATE = "farm/gate/jpeg";

/** @param {bigint} epoch @param {number} sequence */
const frame = (epoch, sequence, stale = false) => ({ epoch, sequence, stale });

test("a picture that another relay still has in memory is not shown after a newer one", () => {
  const forward = new Forward();
  assert.ok(forward.admits(GATE, frame(7n, 41), 0));
  assert.ok(forward.admits(GATE, frame(7n, 42), 100));
  for (const old of [frame(7n, 41), frame(7n, 42), frame(7n, 40, true), frame(6n, 99)]) {
    assert.ok(!forward.admits(GATE, old, 200));
  }
  assert.ok(forward.admits(GATE, frame(7n, 43), 300));
});

test("a publisher that has started again goes on", () => {
  const forward = new Forward();
  forward.admits(GATE, frame(7n, 42), 0);
  assert.ok(forward.admits(GATE, frame(8n, 1), 100));
  assert.ok(!forward.admits(GATE, frame(7n, 43), 200));
});

test("a publisher whose clock was set back goes on once nothing newer comes, but not with a picture from memory", () => {
  const forward = new Forward();
  forward.admits(GATE, frame(7n, 42), 1_000);
  assert.ok(!forward.admits(GATE, frame(3n, 1), 2_249));
  assert.ok(!forward.admits(GATE, frame(3n, 1, true), 2_250));
  assert.ok(!forward.admits(GATE, frame(7n, 42), 2_250), "what was shown is never new again");
  assert.ok(forward.admits(GATE, frame(3n, 2), 2_250));
  assert.ok(forward.admits(GATE, frame(3n, 3), 2_600));
});

test("streams are apart, and one that is watched anew begins with anything", () => {
  const forward = new Forward();
  forward.admits(GATE, frame(7n, 42), 0);
  assert.ok(forward.admits("farm/door/jpeg", frame(1n, 1), 0));
  forward.forget(GATE);
  assert.ok(forward.admits(GATE, frame(7n, 42, true), 100));
});

test("a stream flows while frames come", () => {
  const forward = new Forward();
  assert.ok(!forward.flows(GATE, 0));
  forward.admits(GATE, frame(7n, 42), 0);
  assert.ok(forward.flows(GATE, 1_999));
  forward.admits(GATE, frame(7n, 42), 1_999);
  assert.ok(!forward.flows(GATE, 2_000), "what is passed over does not count");
});
