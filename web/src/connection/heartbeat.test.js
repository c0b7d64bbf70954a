import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat } from "./heartbeat.js";

test("a ping goes out every two seconds", () => {
  const heart = new Heartbeat();
  assert.equal(heart.tick(0), "ping");
  heart.heard();
  assert.equal(heart.tick(1_999), "wait");
  assert.equal(heart.tick(2_000), "ping");
});

test("four seconds without an answer are silence", () => {
  const heart = new Heartbeat();
  heart.tick(0);
  assert.equal(heart.tick(2_000), "ping");
  assert.equal(heart.tick(3_999), "wait");
  assert.equal(heart.tick(4_000), "silent");
});

test("any message is a sign of life", () => {
  const heart = new Heartbeat();
  heart.tick(0);
  heart.tick(2_000);
  heart.heard();
  assert.equal(heart.tick(4_000), "ping");
});

test("slow timers are not silence", () => {
  const heart = new Heartbeat();
  for (let nowMs = 0; nowMs < 600_000; nowMs += 60_000) {
    assert.equal(heart.tick(nowMs), "ping");
    heart.heard();
  }
});

test("after sleep a ping goes out at once", () => {
  const heart = new Heartbeat();
  heart.tick(0);
  heart.heard();
  assert.equal(heart.tick(100, true), "ping");
});
