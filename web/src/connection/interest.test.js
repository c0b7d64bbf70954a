import assert from "node:assert/strict";
import { test } from "node:test";
import { Interest } from "./interest.js";

/** @param {number} maxFps */
const gate = (maxFps) => ({ camera: "farm/gate", stream: "jpeg", maxFps });
const tile = {};
const large = {};

test("the first who asks subscribes, the last who withdraws unsubscribes", () => {
  const interest = new Interest();
  assert.deepEqual(interest.ask(tile, gate(15)), { type: "subscribe", ...gate(15), form: "frame" });
  assert.equal(interest.ask(large, gate(10)), null);
  assert.equal(interest.withdraw(large, gate(10)), null);
  assert.deepEqual(interest.withdraw(tile, gate(15)), {
    type: "unsubscribe",
    camera: "farm/gate",
    stream: "jpeg",
  });
  assert.deepEqual(interest.all(), []);
});

test("the highest rate counts, and no limit is the highest", () => {
  const interest = new Interest();
  interest.ask(tile, gate(15));
  assert.deepEqual(interest.ask(large, gate(0)), { type: "subscribe", ...gate(0), form: "frame" });
  assert.deepEqual(interest.all(), [{ type: "subscribe", ...gate(0), form: "frame" }]);
  assert.deepEqual(interest.withdraw(large, gate(0)), { type: "subscribe", ...gate(15), form: "frame" });
});

test("a changed rate is told", () => {
  const interest = new Interest();
  interest.ask(tile, gate(15));
  assert.deepEqual(interest.ask(tile, gate(10)), { type: "subscribe", ...gate(10), form: "frame" });
  assert.equal(interest.ask(tile, gate(10)), null);
});

test("withdrawing twice changes nothing", () => {
  const interest = new Interest();
  interest.ask(tile, gate(0));
  interest.withdraw(tile, gate(0));
  assert.equal(interest.withdraw(tile, gate(0)), null);
});

test("each stream has its own players", () => {
  const interest = new Interest();
  interest.ask(tile, gate(0));
  interest.ask(large, { camera: "farm/door", stream: "jpeg", maxFps: 5 });
  assert.deepEqual([...interest.who("farm/gate/jpeg")], [tile]);
  assert.deepEqual([...interest.who("farm/none/jpeg")], []);
  assert.equal(interest.all().length, 2);
});

test("a stream is carried in one form at a time", () => {
  const interest = new Interest();
  const fragments = { camera: "farm/gate", stream: "h264", maxFps: 0, form: /** @type {const} */ ("fmp4") };
  const frames = { ...fragments, form: /** @type {const} */ ("frame") };
  assert.equal(interest.carries(frames), true);
  assert.deepEqual(interest.ask(tile, fragments), { type: "subscribe", ...fragments });
  assert.equal(interest.carries(fragments), true);
  assert.equal(interest.carries(frames), false);
  assert.equal(interest.carries({ camera: "farm/gate", stream: "h264", maxFps: 0 }), false);
  assert.throws(() => interest.ask(large, frames), /another form/);
  interest.withdraw(tile, fragments);
  assert.equal(interest.ask(large, frames)?.type, "subscribe");
});
