import assert from "node:assert/strict";
import { test } from "node:test";
import { RelayClock } from "./clock.js";

test("the fastest answer decides", () => {
  const clock = new RelayClock();
  clock.answer(1_000, 5_000_000, 201_000);
  clock.answer(300_000, 5_210_000, 320_000);
  assert.deepEqual(clock.best, { offsetUs: 4_900_000, roundTripUs: 20_000 });
  assert.equal(clock.relayUs(1_000_000), 5_900_000);
  assert.equal(clock.viewerUs(5_900_000), 1_000_000);
});

test("without an answer both clocks count as equal", () => {
  const clock = new RelayClock();
  assert.equal(clock.best, null);
  assert.equal(clock.relayUs(7), 7);
});

test("an answer from before a clock was set is forgotten", () => {
  const clock = new RelayClock();
  clock.answer(0, 0, 10);
  for (let i = 0; i < 8; i++) clock.answer(i * 1000, i * 1000 + 1_000_000, i * 1000 + 100);
  assert.ok((clock.best?.offsetUs ?? 0) > 900_000);
});

test("an answer that came before its question is ignored", () => {
  const clock = new RelayClock();
  clock.answer(1_000, 50, 900);
  assert.equal(clock.best, null);
});
