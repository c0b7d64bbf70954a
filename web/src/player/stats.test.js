import assert from "node:assert/strict";
import { test } from "node:test";
import { Counts, Meter } from "./stats.js";

test("a steady stream has its rate", () => {
  const meter = new Meter();
  for (let i = 0; i <= 300; i++) meter.add(i * 20, 1000);
  const { perSecond, amountPerSecond } = meter.rates(6_000);
  assert.equal(Math.round(perSecond), 50);
  assert.equal(Math.round(amountPerSecond), 50_000);
});

test("a stream that ended has none", () => {
  const meter = new Meter();
  for (let i = 0; i < 100; i++) meter.add(i * 10);
  assert.equal(meter.rates(10_000).perSecond, 0);
});

test("what has happened in all is counted beyond the window, and when rates begin anew", () => {
  const meter = new Meter();
  for (let i = 0; i < 1_000; i++) meter.add(i * 100);
  meter.rates(200_000);
  meter.clear();
  meter.add(200_000);
  assert.equal(meter.count, 1_001);
});

test("one event, or many at once, are no rate", () => {
  const meter = new Meter();
  meter.add(5);
  assert.equal(meter.rates(5).perSecond, 0);
  meter.add(5);
  assert.equal(meter.rates(5).perSecond, 0);
});

test("reasons are counted apart", () => {
  const counts = new Counts();
  counts.add("late");
  counts.add("late", 2);
  counts.add("broken");
  assert.deepEqual(counts.all(), { late: 3, broken: 1 });
});
